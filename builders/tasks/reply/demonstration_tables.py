"""The tables of demonstrations, which people edit: `prompts/demonstrations/<language>/*.tsv`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from builders import resources
from builders.errors import ConfigError, LabelError
from builders.labels import strategies
from builders.labels.tables import TableRow, read_rows, read_text
from builders.labels.vocabulary import vocabulary
from builders.record.reply_views import ReplyPart
from builders.record.types import Emotions
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.registry import run_checks
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
# Where a spoken sentence ends, in any script.
_ENDS = re.compile(r"[.!?…。！？।؟۔]['\"”’»)]*$")


def built_in(language: str) -> Path:
    """Return the folder of our own cases in a language, whatever the region.

    Raises:
        ConfigError: there are none.
    """
    folder = resources.demonstrations_in(language)
    if not folder.is_dir():
        have = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
        raise ConfigError(
            f"there are no demonstrations in the language {language!r}",
            where=folder.parent,
            expected=f"one of {', '.join(have)}",
            do="give a folder of your own to --demonstrations, or leave it out",
        )
    return folder


def read_cases(folder: Path, language: str = "en", known: bool = False) -> list[Demonstration]:
    """Return the cases of all tables of a folder.

    Args:
        folder: has files of the columns `COLUMNS`.
        language: that of the corpus, in which the replies are checked.
        known: whether the checks of replies are known to refuse none, and are not asked.

    Raises:
        ConfigError: there are no tables, or two cases have one id.
        LabelError: a table is cut off, a cell is wrong, or the checks of replies refuse a reply,
            as one in another language; the line says which.
    """
    paths = sorted(folder.glob("*.tsv"))
    if not paths:
        raise ConfigError(
            "no tables of demonstrations",
            where=folder,
            expected=f"files *.tsv with the columns {', '.join(COLUMNS)}, or a finished build",
            do="name another folder with --demonstrations",
        )
    cases = [case for path in paths for case in _read(path, language, known)]
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


def _read(path: Path, language: str, known: bool) -> Iterator[Demonstration]:
    _check_whole(path)
    for row in read_rows(path, COLUMNS, key=("id",)):
        emotion = row.choice("emotion", vocabulary().nodes)
        case = Demonstration(
            id=row.text("id"),
            root=vocabulary().root_of(emotion),
            emotion=emotion,
            voice=row.cells["voice"] or None,
            turns=tuple(_turns(row)),
            utterance=row.text("utterance"),
            strategies=_strategies(row, emotion),
            reply_emotion=row.choice("reply_emotion", vocabulary().nodes),
            reply=_reply(row),
            personas=_PERSONAS[row.choice("persona", _PERSONAS)],
        )
        if not known:
            _check_reply(case, row, language.partition("-")[0].lower())
        yield case


def _check_reply(case: Demonstration, row: TableRow, language: str) -> None:
    """Raise LabelError for a reply that a build would not keep: it would teach what is refused."""
    node = _emotions(case.emotion)
    reply: ReplyPart = {
        "text": case.reply,
        "emotion": vocabulary().root_of(case.reply_emotion),
        "strategies": list(case.strategies),
        "awareness": {"act": "", "emotions": []},
    }
    turns = tuple(text for _, text in case.turns)
    for persona in case.personas:
        scene = Scene(case.utterance, turns, persona=persona, language=language)
        faults = run_checks(Candidate(reply, node, scene=scene)).faults
        if faults:
            raise LabelError(
                f"the checks refuse the reply of {case.id} as {faults[0].code} ({persona})",
                where=row.where,
                expected="a reply that a build would keep",
                do=f"change it: {faults[0].sentence}",
            )


def _check_whole(path: Path) -> None:
    """Raise LabelError for a table whose last line has no end: more of it may be missing."""
    text = read_text(path)
    if text and not text.endswith("\n"):
        raise LabelError(
            "the last line has no end, as in a file that was cut off",
            where=f"{path}:{text.count(chr(10)) + 1}",
            expected="a line break after the last row",
            do="look whether that row is whole, and end it with a line break",
        )


def _reply(row: TableRow) -> str:
    """Return the reply; an error where its last sentence has no end, as in a cell that was cut."""
    reply = row.text("reply")
    if not _ENDS.search(reply):
        raise row.error("reply", "whole sentences; the last one has no end, as in a cell cut off")
    return reply


def _turns(row: TableRow) -> Iterator[tuple[str, str]]:
    for turn in filter(None, row.cells["turns"].split(_BETWEEN)):
        who, _, text = turn.partition(": ")
        if who not in _ROLES or not text.strip():
            raise row.error("turns", f"'Speaker: …' and 'Listener: …', with '{_BETWEEN}' between")
        yield who, text.strip()


def _strategies(row: TableRow, emotion: str) -> tuple[str, ...]:
    """Return the strategies; an error where the policy allows no such reply to the emotion."""
    names = tuple(row.text("strategies").split(", "))
    node = _emotions(emotion)
    allowed = strategies.allowed(node, 2)
    if unknown := [name for name in names if name not in allowed]:
        raise row.error("strategies", f"of {', '.join(allowed)}; {unknown[0]} is not among them")
    if wrong := strategies.order_errors(names, node):
        raise row.error("strategies", wrong[0])
    return names


def _emotions(node: str) -> Emotions:
    words = vocabulary()
    return Emotions(node, words.root_of(node), words.valence(node), words.arousal(node))
