"""The tables of demonstrations, which people edit: `prompts/demonstrations/<language>/*.tsv`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from builders import resources
from builders.errors import ConfigError
from builders.labels import strategies
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.types import Emotions
from builders.tasks.reply.demonstrations import Demonstration

COLUMNS = (
    *("id", "persona", "emotion", "voice", "turns", "utterance"),
    *("strategies", "reply_emotion", "reply"),
)
_PERSONAS = {
    "both": ("assistant", "addressee"),
    "assistant": ("assistant",),
    "addressee": ("addressee",),
}
_ROLES = ("Speaker", "Listener")
_BETWEEN = " | "


def built_in(language: str) -> Path:
    """Return the folder of our own cases in a language, whatever the region.

    Raises:
        ConfigError: there are none.
    """
    folder = resources.prompts() / "demonstrations" / language.partition("-")[0].lower()
    if not folder.is_dir():
        have = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
        raise ConfigError(
            f"there are no demonstrations in the language {language!r}",
            where=folder.parent,
            expected=f"one of {', '.join(have)}",
            do="give a folder of your own to --demonstrations, or leave it out",
        )
    return folder


def read_cases(folder: Path) -> list[Demonstration]:
    """Return the cases of all tables of a folder.

    Raises:
        ConfigError: there are no tables, or two cases have one id.
        LabelError: a cell is wrong; the line says which.
    """
    paths = sorted(folder.glob("*.tsv"))
    if not paths:
        raise ConfigError(
            "no tables of demonstrations",
            where=folder,
            expected=f"files *.tsv with the columns {', '.join(COLUMNS)}, or a finished build",
            do="name another folder with --demonstrations",
        )
    cases = [case for path in paths for case in _read(path)]
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise ConfigError(
                f"the id {case.id} stands in two tables",
                where=folder,
                expected="each id once",
                do="rename one of the two",
            )
        seen.add(case.id)
    return cases


def _read(path: Path) -> Iterator[Demonstration]:
    for row in read_rows(path, COLUMNS, key=("id",)):
        emotion = row.choice("emotion", vocabulary().nodes)
        yield Demonstration(
            id=row.text("id"),
            root=vocabulary().root_of(emotion),
            emotion=emotion,
            voice=row.cells["voice"] or None,
            turns=tuple(_turns(row)),
            utterance=row.text("utterance"),
            strategies=_strategies(row, emotion),
            reply_emotion=row.choice("reply_emotion", vocabulary().nodes),
            reply=row.text("reply"),
            personas=_PERSONAS[row.choice("persona", _PERSONAS)],
        )


def _turns(row: TableRow) -> Iterator[tuple[str, str]]:
    for turn in filter(None, row.cells["turns"].split(_BETWEEN)):
        who, _, text = turn.partition(": ")
        if who not in _ROLES or not text.strip():
            raise row.error("turns", f"'Speaker: …' and 'Listener: …', with '{_BETWEEN}' between")
        yield who, text.strip()


def _strategies(row: TableRow, emotion: str) -> tuple[str, ...]:
    """Return the strategies; an error where the policy allows no such reply to the emotion."""
    names = tuple(row.text("strategies").split(", "))
    words = vocabulary()
    node = Emotions(emotion, words.root_of(emotion), words.valence(emotion), words.arousal(emotion))
    allowed = strategies.allowed(node, 2)
    if unknown := [name for name in names if name not in allowed]:
        raise row.error("strategies", f"of {', '.join(allowed)}; {unknown[0]} is not among them")
    if wrong := strategies.order_errors(names, node):
        raise row.error("strategies", wrong[0])
    return names
