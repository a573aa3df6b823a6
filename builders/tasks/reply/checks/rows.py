"""Rows of a file of replies to be checked: read, checked, and compared with what was expected.

A row is one JSON object a line: `id`, `context` (a list of {role, text}), `utterance`, `label`,
`voice` (a list of words), `strategies`, `reply`, `reply_emotion`, `awareness` ({act, emotions}),
`later` (a list of texts), `shown` (a list of texts, or of objects with texts: the examples that its
prompt showed), `lang`, `gold`. All but `id` may be missing; what else it has is handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import orjson

from builders.errors import ConfigError
from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.record.reply_views import ReplyPart
from builders.record.types import Emotions
from builders.safety.routing import SaidBefore, route
from builders.tasks.reply.checks.candidate import ASSISTANT, Candidate, Recited, Scene
from builders.tasks.reply.checks.language import known_languages
from builders.tasks.reply.checks.registry import Check, all_hits, load_checks

CRISIS = "crisis"
VERDICTS = ("reject", "note", "keep", CRISIS)
# The roles of a turn that is the own one of the speaker who is answered.
SPEAKERS = frozenset({"user", "speaker", "seeker"})
R = TypeVar("R")
_TEXTS = ("utterance", "label", "reply", "reply_emotion", "lang")
_LISTS = ("voice", "strategies", "later")


class BadRow(ValueError):
    """A row that cannot be read: what is wrong, and what was expected."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its line (from 1), what it says, and the reply as the checks take it."""

    line: int
    document: dict[str, object]
    candidate: Candidate

    @property
    def gold(self) -> str | list[str] | None:
        """Return what was expected: a verdict, codes, or None."""
        return cast("str | list[str] | None", self.document.get("gold"))


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A row and what the checks say of it: a verdict and the codes, with their places."""

    row: Row
    verdict: str
    codes: list[dict[str, object]]

    @property
    def found(self) -> frozenset[str]:
        """Return the codes by name."""
        return frozenset(str(code["code"]) for code in self.codes)

    @property
    def document(self) -> dict[str, object]:
        """Return the row with what was found."""
        return {**self.row.document, "verdict": self.verdict, "codes": self.codes}


def read_rows_of(
    path: Path, persona: str = ASSISTANT, recited: Recited | None = None
) -> Iterator[Row | str]:
    """Yield the rows of a file; for one that cannot be read a line that says why.

    Raises:
        ConfigError: the file cannot be read.
    """
    return read_lines(path, lambda number, line: row_of(number, line, persona, recited))


def read_lines(path: Path, read: Callable[[int, bytes], R]) -> Iterator[R | str]:
    """Yield what `read` makes of each line that is not empty, or a line that says what is wrong.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise ConfigError(
            f"cannot read {path} ({error.strerror})",
            expected="a file of rows, one JSON object a line",
            do="name another file",
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield read(number, line)
        except BadRow as error:
            yield f"{path}:{number}: {error}"


def row_of(number: int, line: bytes, persona: str, recited: Recited | None = None) -> Row:
    """Return a row; BadRow where it is no row."""
    document = document_of(line, VERDICTS, _all_texts, "a list of codes")
    return Row(number, document, _candidate(document, persona, recited))


def document_of(
    line: bytes, golds: Sequence[str], is_list: Callable[[object], bool], listed: str
) -> dict[str, object]:
    """Return the object of a row, whose fields have the right shape; BadRow where one has not.

    Args:
        line: the row.
        golds: what `gold` may be.
        is_list: whether it is right otherwise.
        listed: what that is called.
    """
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRow(f"no JSON ({error}); expected one object a line") from error
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise BadRow("no id; expected an object with the text id")
    _check_shape(document)
    gold = document.get("gold")
    if gold is not None and not (gold in golds if isinstance(gold, str) else is_list(gold)):
        expected = [f"one of {', '.join(golds)}"] * bool(golds) + [listed] * bool(listed)
        raise BadRow(f"gold is {gold!r}; expected {', or '.join(expected)}")
    return document


def _check_shape(document: dict[str, object]) -> None:
    for name in _TEXTS:
        if not isinstance(document.get(name), str | None):
            raise BadRow(f"{name} is {document[name]!r}; expected a text")
    for name in _LISTS:
        given = document.get(name)
        if given is not None and not _all_texts(given):
            raise BadRow(f"{name} is {given!r}; expected a list of texts")
    examples = document.get("shown")
    if examples is not None and _texts_shown(examples) is None:
        raise BadRow(f"shown is {examples!r}; expected a list of texts, or of objects with texts")
    turns = document.get("context")
    if turns is not None and not (isinstance(turns, list) and all(map(_is_turn, turns))):
        raise BadRow("context is no list of turns; expected objects with role and text")
    acts = document.get("awareness")
    if acts is not None and not isinstance(acts, dict):
        raise BadRow(f"awareness is {acts!r}; expected an object with act and emotions")


def _all_texts(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(one, str) for one in given)


def _texts_shown(examples: object) -> tuple[str, ...] | None:
    """Return the texts of examples, each a text or an object with texts; None if one is neither."""
    if not isinstance(examples, list):
        return None
    texts: list[str] = []
    for one in examples:
        held = [one] if isinstance(one, str) else one.values() if isinstance(one, dict) else ()
        found = [text for text in held if isinstance(text, str)]
        if not found:
            return None
        texts += found
    return tuple(texts)


def _is_turn(turn: object) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("text"), str)


def _candidate(document: dict[str, object], persona: str, recited: Recited | None) -> Candidate:
    language = str(document.get("lang") or "en").lower().partition("-")[0]
    if language not in known_languages():
        known = ", ".join(known_languages())
        raise BadRow(f"lang is {language!r}; expected one that has tables: {known}")
    emotions = _emotions(document.get("label"))
    turns = cast("list[dict[str, object]]", document.get("context") or [])
    scene = Scene(
        utterance=str(document.get("utterance") or ""),
        turns=tuple(str(turn["text"]) for turn in turns),
        names=tuple(str(t["speaker"]) for t in turns if isinstance(t.get("speaker"), str)),
        persona=persona,
        language=language,
        later=tuple(cast("list[str]", document.get("later") or [])),
        recited=recited,
        shown=_texts_shown(document.get("shown") or []) or (),
    )
    return Candidate(_reply(document, emotions), emotions, scene=scene)


def _reply(document: dict[str, object], emotions: Emotions | None) -> ReplyPart:
    awareness = cast("dict[str, object]", document.get("awareness") or {})
    valence = emotions.valence if emotions else "unknown"
    planned = cast("list[str]", document.get("strategies") or [])
    spoken = document.get("reply_emotion")
    tree = vocabulary()
    node = tree.resolve(str(spoken)) if spoken else None
    named = awareness.get("emotions")
    return {
        "text": str(document.get("reply") or ""),
        "emotion": tree.root_of(node) if node else None,
        "strategies": [strategies.resolve(name, valence) or name for name in planned],
        "awareness": {
            "act": str(awareness.get("act") or ""),
            "emotions": [str(one) for one in named] if isinstance(named, list) else [],
        },
    }


def _emotions(label: object) -> Emotions | None:
    """Return what a label means; None for none. BadRow for a word that is no emotion."""
    if not label:
        return None
    tree = vocabulary()
    node = tree.resolve(str(label))
    if node is None:
        raise BadRow(f"label is {label!r}; expected an emotion, such as sadness or joy")
    return Emotions(node, tree.root_of(node), tree.valence(node), tree.arousal(node))


def check_row(row: Row) -> CheckedRow:
    """Return what all checks say of a row; `crisis` where no model may answer the utterance."""
    codes: list[dict[str, object]] = []
    severities = set()
    for check, hit in all_hits(row.candidate):
        severities.add(check.severity)
        place = {"start": hit.start, "end": hit.end}
        codes.append({"code": check.code, "severity": check.severity, **place})
    verdict = next((name for name in ("reject", "note") if name in severities), "keep")
    scene = row.candidate.scene
    if scene and route(scene.utterance, said_before(row.document), scene.language).route == CRISIS:
        verdict = CRISIS
    return CheckedRow(row, verdict, codes)


def said_before(document: Mapping[str, object]) -> list[SaidBefore]:
    """Return the context of a row as what was said before; `SPEAKERS` are the speaker.

    A turn without a role is somebody else's.
    """
    turns = cast("list[dict[str, object]]", document.get("context") or [])
    return [SaidBefore(turn.get("role") in SPEAKERS, str(turn["text"])) for turn in turns]


def check_rows(rows: Iterable[Row]) -> Iterator[CheckedRow]:
    """Yield what all checks say of each row."""
    return (check_row(row) for row in rows)


def known_codes() -> tuple[Check, ...]:
    """Return the checks, in the order of the table."""
    return load_checks()
