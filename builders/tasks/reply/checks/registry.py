"""The registry of checks of replies: which run, in which order, and what follows from a hit.

`label_maps/reply/_checks.tsv` says it, a row a check, in the order in which they run. A hit of a
check of severity ``reject`` refuses the reply, and its sentence asks the model again; one of
severity ``note`` is noted about a reply that is accepted. Checks of a later stage run on replies
that earlier ones do not refuse; those of stage 3 on drafts alone, and not on what people wrote.

A check has a function in this package, patterns in ``label_maps/reply/<language>/<code>.tsv``, or
both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, read_rows
from builders.record.planned_reply import CheckNote
from builders.safety.tables import safety_digest
from builders.tasks.reply.checks import copied, fit, form, grounding, letters, rules, safe
from builders.tasks.reply.checks.candidate import (
    ASSISTANT,
    CHECKS,
    Candidate,
    Checking,
    Hit,
    Scene,
)
from builders.tasks.reply.checks.foreign import other_languages
from builders.tasks.reply.checks.form import language_of
from builders.tasks.reply.checks.language import found_in, known_languages, load_language
from builders.tasks.reply.checks.patterns import PatternFind
from builders.tasks.reply.checks.text import BREAK, read_text

MODULES = (rules, form, letters, grounding, fit, copied, safe)
SEVERITIES = ("reject", "note")
_COLUMNS = ("code", "reason", "stage", "severity", "version", "sentence")
_STAGES = ("1", "2", "3")
# What is run on replies that people wrote, and on drafts.
OF_PEOPLE, OF_DRAFTS = (1, 2), (1, 2, 3)
# Patterns that functions use, and that are no check of their own.
_HELPERS = frozenset({"advice", "counted"})


class ReplyFault(NamedTuple):
    """One thing wrong with an answer: the code that is counted, and a sentence."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check of replies.

    Attributes:
        code: the name of its function, or of its file of patterns.
        reason: what a reply that it refuses is counted as.
        stage: 1; 2 for one that runs where stage 1 refuses nothing; 3 for one that runs where
            these refuse nothing, and on drafts alone.
        severity: one of `SEVERITIES`.
        version: raised whenever the function finds something else than before.
        sentence: what the model is told, with the words of a hit in braces.
    """

    code: str
    reason: str
    stage: int
    severity: str
    version: str
    sentence: str

    def hits(self, candidate: Candidate) -> list[Hit]:
        """Return what the check finds in a reply."""
        found = found_in(candidate.text, language_of(candidate))
        function = CHECKS.get(self.code)
        if function and not function.of_plain and read_text(candidate.text).plain:
            function = None
        return _hits(self.code, function, candidate, found)

    def said_of(self, hit: Hit) -> str:
        """Return the sentence about a hit."""
        return self.sentence.format(**hit.words)


def _hits(
    code: str,
    function: Checking | None,
    candidate: Candidate,
    found: Mapping[str, list[PatternFind]],
) -> list[Hit]:
    """Return what a check finds by its function, else by its patterns."""
    hits = [*function.run(candidate)] if function else []
    return hits or [*_pattern_hits(found[code], candidate)] if code in found else hits


def _pattern_hits(all_found: list[PatternFind], candidate: Candidate) -> Iterator[Hit]:
    """Yield the first thing that the patterns of a check found and that counts here."""
    for found in all_found:
        if _counts(found, candidate):
            said = candidate.text[found.start : found.end]
            yield Hit({"found": repr(said)}, None, found.start, found.end)
            return


def _counts(found: PatternFind, candidate: Candidate) -> bool:
    """Return whether a pattern counts for a candidate, by what its row says of `when`."""
    when = found.pattern.when
    scene, emotions = candidate.scene, candidate.emotions
    if scene is not None and _is_said_back(found, scene):
        return False
    if not when:
        return True
    valence = emotions.valence if emotions else None
    wrong = (
        ("assistant" in when and (scene is None or scene.persona != ASSISTANT))
        or ("negative" in when and valence != "negative")
        or ("positive" in when and valence != "positive")
        or ("not_positive" in when and valence == "positive")
        or ("not_negative" in when and valence == "negative")
        or ("new" in when and scene is not None and _is_said(found, scene.said))
    )
    return not wrong


def _is_said_back(found: PatternFind, scene: Scene) -> bool:
    """Return whether what was found is the speakers' own: the same words, or all of content."""
    function = load_language(scene.language).words["function"]
    words = [word for word in found.words if word != BREAK]
    content = {word for word in words if word not in function}
    said = [read_text(one) for one in scene.said]
    if not content <= frozenset[str]().union(*(one.known for one in said)):
        return False
    pairs = zip(words, words[1:], strict=False)
    telling = [pair for pair in pairs if not content or content.intersection(pair)]
    return (
        len(content) > 1
        or len(words) == 1
        or any(f" {a} {b} " in one.line for a, b in telling for one in said)
    )


def _is_said(found: PatternFind, said: tuple[str, ...]) -> bool:
    """Return whether the speakers have used the last word that was found themselves."""
    return any(found.words[-1] in read_text(one).known for one in said)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What all checks found: the faults that refuse a reply, the notes about one that is fine."""

    faults: tuple[ReplyFault, ...]
    notes: tuple[CheckNote, ...]


def run_checks(candidate: Candidate, stages: tuple[int, ...] = OF_DRAFTS) -> CheckOutcome:
    """Run the checks of some stages on a reply, in the order of the table.

    Raises LabelError where a table is wrong, or the language of the reply has none.
    """
    faults: list[ReplyFault] = []
    notes: list[CheckNote] = []
    found = found_in(candidate.text, language_of(candidate))
    plain = read_text(candidate.text).plain
    for stage in stages:
        if faults:
            break
        for check, function in _of_stage(stage, plain):
            if not function and check.code not in found:
                continue
            for hit in _hits(check.code, function, candidate, found):
                if check.severity == "reject":
                    faults.append(ReplyFault(check.reason, check.said_of(hit)))
                else:
                    said = check.said_of(hit)
                    notes.append(CheckNote(check.code, check.severity, hit.value, said))
    return CheckOutcome(tuple(faults), tuple(notes))


def all_hits(candidate: Candidate) -> Iterator[tuple[Check, Hit]]:
    """Yield every hit of every check, whatever it leads to."""
    for check in load_checks():
        for hit in check.hits(candidate):
            yield check, hit


@cache
def load_checks() -> tuple[Check, ...]:
    """Return the checks in the order in which they run; LabelError where the table is wrong."""
    return read_checks(resources.label_maps() / "reply" / "_checks.tsv")


@cache
def _of_stage(stage: int, plain: bool) -> tuple[tuple[Check, Checking | None], ...]:
    """Return the checks of a stage with their functions, in order.

    A function that finds nothing in a text that is `plain` is left out for such a one.
    """
    found = [(one, CHECKS.get(one.code)) for one in load_checks() if one.stage == stage]
    return tuple(
        (one, function if function and (function.of_plain or not plain) else None)
        for one, function in found
    )


def check_tables(language: str) -> None:
    """Read all tables of the checks; LabelError where one is wrong, or the language has none."""
    load_language(language)
    load_checks()
    fit.load_fit_tables()
    other_languages()


@cache
def checks_digest() -> str:
    """Return the first 12 hex digits of the SHA-256 over the checks and all that is said of them.

    Two builds with the same digest refuse and note the same in the same answers.
    """
    rows = [[getattr(one, column) for column in _COLUMNS] for one in load_checks()]
    languages = [[code, load_language(code).version] for code in known_languages()]
    tables = [_rows_of(_folder() / name) for name in _TABLES]
    return sha256(orjson.dumps([rows, languages, tables, safety_digest()])).hexdigest()[:12]


# What the functions read beside the tables of languages.
_TABLES = ("_acts.tsv", "_advice.tsv", "_languages.tsv", "_reply_emotions.tsv")


def _folder() -> Path:
    return resources.label_maps() / "reply"


def _rows_of(path: Path) -> list[dict[str, str]]:
    return [dict(row.cells) for row in read_rows(path, (), key=())]


def forget_tables() -> None:
    """Forget what was read, so that it is read again: for tables that were changed."""
    for cached in (load_checks, checks_digest, _of_stage, load_language, known_languages):
        cached.cache_clear()


def _codes() -> dict[str, Checking]:
    """Return what there is to be said of each check: a function's words, or those of a pattern."""
    by_pattern = {code for name in known_languages() for code in load_language(name).codes()}
    plain = {code: Checking(_finds_nothing, ("found",)) for code in by_pattern - _HELPERS}
    return plain | CHECKS


def _finds_nothing(_: Candidate) -> Iterator[Hit]:
    return iter(())


def read_checks(path: Path) -> tuple[Check, ...]:
    """Return the checks of a table: a row for each function; LabelError where it is wrong."""
    rows = read_rows(path, _COLUMNS, key=("code",))
    codes = _codes()
    found = tuple(_check(row, codes) for row in rows)
    if missing := codes.keys() - {one.code for one in found}:
        raise LabelError(
            f"no row for {', '.join(sorted(missing))}",
            where=path,
            expected="a row for each check",
            do="add it; with the severity note, nothing is refused for it",
        )
    return found


def _check(row: TableRow, codes: dict[str, Checking]) -> Check:
    code = row.choice("code", list(codes))
    words = codes[code].words
    sentence = row.text("sentence")
    try:
        sentence.format(**dict.fromkeys(words, ""))
    except (LookupError, ValueError, AttributeError) as error:
        known = " and ".join(f"{{{word}}}" for word in words) or "no word"
        raise row.error("sentence", f"{known} in braces") from error
    return Check(
        code=code,
        reason=row.text("reason"),
        stage=int(row.choice("stage", _STAGES)),
        severity=row.choice("severity", SEVERITIES),
        version=row.text("version"),
        sentence=sentence,
    )
