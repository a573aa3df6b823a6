"""Models qualify before they count: questions with known answers, asked before the first vote.

A model that votes is asked about lines of ours, half of which tell an emotion and half fit any
(``prompts/qualification/<language>.tsv``); never about labels of a corpus, as an honest reader
finds none in words that do not tell. A model that describes clips is asked which of two sounds is
higher and which is faster (``sounds.tsv``). A model that routes is asked about lines of ours in
several languages, half of which are for people (``routes.tsv``). What it must get right stands in
``bounds.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from builders import resources
from builders.errors import ConfigError
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import votable_roots
from builders.llm import prompts
from builders.llm.request import AudioInput, Message, NarrowedSchema, Request
from builders.llm.task import Subject, Task
from builders.record.manifest_views import QualificationPart, QualificationResult
from builders.record.types import CANNOT_TELL, Emotions, Target, Utterance
from builders.stats import share
from builders.tasks.question import Question, QuestionTask
from builders.tasks.route import RouteAsker
from builders.tasks.vote import Voter

S = TypeVar("S", bound=Subject)
Purpose = Literal["votes", "describes", "routes"]

_PLACES = ("first", "second")
_PARTS = ("told", "not_told", "pitch", "pace", "held", "passed")
_ROUTES = {"crisis": "held", "normal": "passed"}
_TEMPLATE = "qualification/compare.j2"
_TOKENS = 100


class VoiceLike(NamedTuple):
    """A sound: its pitch in Hz and its pace in syllables a second."""

    pitch: float
    pace: float


@dataclass(frozen=True, slots=True)
class Expected:
    """One right answer: of which part it counts, which field has it, what it is."""

    part: str
    field: str
    value: str


@dataclass(frozen=True)
class Examination(Generic[S]):
    """What one model is asked before its word counts, and the right answers.

    `subjects` and `expected` go together: each question has one right answer or several.
    """

    model: str
    purpose: Purpose
    task: Task[S, dict[str, object]]
    subjects: Sequence[S]
    expected: Sequence[tuple[Expected, ...]]

    def marked(self, answers: Mapping[str, Mapping[str, object]]) -> QualificationResult:
        """Return how much was right; a question without a valid answer was not.

        Args:
            answers: by the id of their subject.
        """
        right: dict[str, list[bool]] = {}
        for subject, expected in zip(self.subjects, self.expected, strict=True):
            answer = answers.get(subject.id, {})
            for one in expected:
                right.setdefault(one.part, []).append(answer.get(one.field) == one.value)
        parts = [_part(name, found) for name, found in right.items()]
        return {
            "model": self.model,
            "purpose": self.purpose,
            "qualified": all(part["share"] >= part["least"] for part in parts),
            "parts": parts,
        }


def _part(name: str, right: Sequence[bool]) -> QualificationPart:
    found = share(right)
    return {
        "part": name,
        "right": found.count,
        "of": found.of,
        "share": found.share or 0.0,
        "low": found.low or 0.0,
        "high": found.high or 0.0,
        "least": bounds()[name],
    }


def reading(
    model: str, addresses: Sequence[str], language: str, max_tokens: int
) -> Examination[Target]:
    """Return the examination of a model that votes from the words.

    Args:
        model: its name.
        addresses: where it is served: another server is examined anew.
        language: that of the corpus.
        max_tokens: of an answer.

    Raises:
        ConfigError: there are no lines in this language.
        LabelError: a row of them is broken.
    """
    lines = load_lines(language)
    named = {emotion for emotion, _ in lines}
    options = [root for root in votable_roots() if root in named]
    place = place_of(addresses)
    targets = [
        _target(f"qualification-{place}-{_short(language)}-{number}", text)
        for number, (_, text) in enumerate(lines, start=1)
    ]
    expected = [
        (Expected("not_told" if emotion == CANNOT_TELL else "told", "emotion", emotion),)
        for emotion, _ in lines
    ]
    return Examination(model, "votes", Voter(model, options, False, max_tokens), targets, expected)


def listening(model: str, addresses: Sequence[str]) -> Examination[Question]:
    """Return the examination of a model that describes clips; see `reading`."""
    place, asked = place_of(addresses), _compared()
    questions, expected = [], []
    for pair, first, second in load_sounds():
        identifier = f"qualification-{place}-sounds-{pair}"
        questions.append(_comparison(model, identifier, asked, first, second))
        higher = _PLACES[first.pitch < second.pitch]
        faster = _PLACES[first.pace < second.pace]
        expected.append((Expected("pitch", "higher", higher), Expected("pace", "faster", faster)))
    return Examination(model, "describes", QuestionTask(), questions, expected)


def routing(model: str, addresses: Sequence[str]) -> Examination[Target]:
    """Return the examination of a model that routes; see `reading`."""
    place = place_of(addresses)
    rows = read_rows(_folder() / "routes.tsv", ("route", "line"), key=("line",))
    targets = [
        _target(f"qualification-{place}-routes-{number}", row.text("line"))
        for number, row in enumerate(rows, start=1)
    ]
    routes = [row.choice("route", tuple(_ROUTES)) for row in rows]
    expected = [(Expected(_ROUTES[route], "route", route),) for route in routes]
    return Examination(model, "routes", RouteAsker(model, False), targets, expected)


def _target(identifier: str, text: str) -> Target:
    said = Utterance("", "", 0, None, text, None, id=identifier)
    unknown = Emotions("unknown", "unknown", "unknown", "unknown")
    return Target("", said, unknown, None, None, [], None)


def _compared() -> Message:
    text = prompts.load(_TEMPLATE).render(places=list(_PLACES))
    return {"role": "user", "content": text}


def _comparison(
    model: str, identifier: str, asked: Message, first: VoiceLike, second: VoiceLike
) -> Question:
    # Here, as reading and drafting do without it.
    from builders.audio.compared_sounds import one_after_the_other
    from builders.audio.decode import as_flac, pcm_digest
    from builders.audio.resampling import RATE

    version = prompts.load(_TEMPLATE).version
    request = Request(
        *(model, (asked,), _schema(), None, 0.0, 1.0, _TOKENS, 0, identifier, 0, version)
    )
    pcm = one_after_the_other(first, second)
    clip = AudioInput(as_flac(pcm), pcm_digest(pcm), len(pcm) / RATE)
    return Question(identifier, "qualification", request.with_audio(clip))


@cache
def _schema() -> NarrowedSchema:
    answers: dict[str, Any] = {"type": "string", "enum": [*_PLACES]}
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["higher", "faster"],
            "properties": {"higher": answers, "faster": answers},
        }
    )


def place_of(addresses: Sequence[str]) -> str:
    """Return what stands for the servers of a model in its requests; no address is told."""
    told = "\n".join(sorted(address.rstrip("/") for address in addresses))
    return sha256(told.encode()).hexdigest()[:12]


def _short(language: str) -> str:
    return language.partition("-")[0].lower()


def _folder() -> Path:
    return resources.prompts() / "qualification"


@cache
def load_lines(language: str) -> tuple[tuple[str, str], ...]:
    """Return the lines of a language, each with the emotion that it tells or `CANNOT_TELL`.

    Raises:
        ConfigError: there are none.
        LabelError: a row is broken, or one of the two kinds is missing.
    """
    path = _folder() / f"{_short(language)}.tsv"
    if not _short(language).isalpha() or not path.is_file():
        raise ConfigError(
            f"no model can qualify to vote on words in {language!r}",
            where=_folder(),
            expected=f"a table {path.name} of lines that tell an emotion or none, as en.tsv",
            do="add it, or leave out --vote-model",
        )
    rows = read_rows(path, ("emotion", "line"), key=("line",))
    known = (*votable_roots(), CANNOT_TELL)
    lines = tuple((row.choice("emotion", known), row.text("line")) for row in rows)
    named = {emotion for emotion, _ in lines}
    if CANNOT_TELL not in named or named == {CANNOT_TELL}:
        raise ConfigError(
            "all lines are of one kind",
            where=path,
            expected=f"some that tell an emotion, and some with {CANNOT_TELL}",
            do="add the others",
        )
    return lines


@cache
def load_sounds() -> tuple[tuple[str, VoiceLike, VoiceLike], ...]:
    """Return the pairs of sounds by name; LabelError where a row is broken."""
    columns = ("pair", "first_pitch", "first_pace", "second_pitch", "second_pace")
    rows = read_rows(_folder() / "sounds.tsv", columns, key=("pair",))
    return tuple((row.text("pair"), *_sounds(row)) for row in rows)


def _sounds(row: TableRow) -> tuple[VoiceLike, VoiceLike]:
    first, second = (
        VoiceLike(_number(row, f"{place}_pitch", 50, 500), _number(row, f"{place}_pace", 1, 10))
        for place in _PLACES
    )
    for column, same in (
        ("second_pitch", first.pitch == second.pitch),
        ("second_pace", first.pace == second.pace),
    ):
        if same:
            raise row.error(column, "another number than that of the first sound")
    return first, second


def _number(row: TableRow, column: str, least: float, most: float) -> float:
    try:
        value = float(row.text(column))
    except ValueError:
        value = -1.0
    if not least <= value <= most:
        raise row.error(column, f"a number from {least:g} to {most:g}")
    return value


def bounds() -> Mapping[str, float]:
    """Return the least share of each part; LabelError where a row is broken or missing."""
    return {part: _number(row, "least", 0, 1) for part, row in _bounds().items()}


def meanings() -> Mapping[str, str]:
    """Return what each part is about, in words that go on with the name of a model."""
    return {part: row.text("meaning") for part, row in _bounds().items()}


@cache
def _bounds() -> Mapping[str, TableRow]:
    path = _folder() / "bounds.tsv"
    rows = read_rows(path, ("part", "least", "meaning", "reason"), key=("part",))
    found = {row.choice("part", _PARTS): row for row in rows if row.text("reason")}
    if missing := [part for part in _PARTS if part not in found]:
        raise ConfigError(
            f"no row for {', '.join(missing)}",
            where=path,
            expected=f"one for each of {', '.join(_PARTS)}",
            do="add it",
        )
    return found


@cache
def version() -> str:
    """Return one version for all tables, and the prompt about sounds."""
    paths = sorted(_folder().iterdir())
    told = b"".join(path.name.encode() + b"\0" + path.read_bytes() + b"\0" for path in paths)
    return sha256(told).hexdigest()[:12]
