"""The registry of checks of replies: which run, in which order, and what follows from a hit.

`label_maps/reply/_checks.tsv` says it, a row a check, in the order in which they run. A hit of a
check of severity ``reject`` refuses the reply, and its sentence asks the model again; one of
severity ``note`` is noted about a reply that is accepted. Checks of stage 2 run on replies that
stage 1 does not refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, read_rows
from builders.record.types import CheckNote
from builders.tasks.reply.checks import rules as rules
from builders.tasks.reply.checks.candidate import CHECKS, Candidate, Hit

SEVERITIES = ("reject", "note")
_COLUMNS = ("code", "reason", "stage", "severity", "version", "sentence")
_STAGES = ("1", "2")


class ReplyFault(NamedTuple):
    """One thing wrong with an answer: the code that is counted, and a sentence."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check of replies.

    Attributes:
        code: the name of its function.
        reason: what a reply that it refuses is counted as.
        stage: 1, or 2 for one that runs where stage 1 refuses nothing.
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
        return list(CHECKS[self.code].run(candidate))

    def said_of(self, hit: Hit) -> str:
        """Return the sentence about a hit."""
        return self.sentence.format(**hit.words)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What all checks found: the faults that refuse a reply, the notes about one that is fine."""

    faults: tuple[ReplyFault, ...]
    notes: tuple[CheckNote, ...]


def run_checks(candidate: Candidate) -> CheckOutcome:
    """Run the checks on a reply, in the order of the table.

    Raises LabelError where the table is wrong.
    """
    faults: list[ReplyFault] = []
    notes: list[CheckNote] = []
    for stage in (1, 2):
        if faults:
            break
        for check in (one for one in load_checks() if one.stage == stage):
            for hit in check.hits(candidate):
                if check.severity == "reject":
                    faults.append(ReplyFault(check.reason, check.said_of(hit)))
                else:
                    said = check.said_of(hit)
                    notes.append(CheckNote(check.code, check.severity, hit.value, said))
    return CheckOutcome(tuple(faults), tuple(notes))


@cache
def load_checks() -> tuple[Check, ...]:
    """Return the checks in the order in which they run; LabelError where the table is wrong."""
    return read_checks(resources.label_maps() / "reply" / "_checks.tsv")


@cache
def checks_digest() -> str:
    """Return the first 12 hex digits of the SHA-256 over the checks and all that is said of them.

    Two builds with the same digest refuse and note the same in the same answers.
    """
    rows = [[getattr(one, column) for column in _COLUMNS] for one in load_checks()]
    return sha256(orjson.dumps(rows)).hexdigest()[:12]


def read_checks(path: Path) -> tuple[Check, ...]:
    """Return the checks of a table: a row for each function; LabelError where it is wrong."""
    rows = read_rows(path, _COLUMNS, key=("code",))
    found = tuple(_check(row) for row in rows)
    if missing := CHECKS.keys() - {one.code for one in found}:
        raise LabelError(
            f"no row for {', '.join(sorted(missing))}",
            where=path,
            expected="a row for each check",
            do="add it; with the severity note, nothing is refused for it",
        )
    return found


def _check(row: TableRow) -> Check:
    code = row.choice("code", list(CHECKS))
    words = CHECKS[code].words
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
