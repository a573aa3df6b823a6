"""What counts as a person's answer to an utterance: the rules of a table, one after the other.

`label_maps/reply/_human_replies.tsv` has the rules and their values. Each reason below is a code
that is counted. The rules look at the sample's own record and at its next turn, so a build with a
larger `--limit` only adds replies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, read_rows
from builders.record.reply_views import ReviewPart
from builders.record.types import MISSING_AFTER, MISSING_BEFORE
from builders.record.views import SampleRecord

NO_NEXT_TURN, EXCLUDED_TURN = "no_next_turn", "excluded"
_RULES = frozenset(
    "hole_after hole_before directly_next least_words longest_gap group_names exchange_turns "
    "said_to_another not_by_people review_statuses review_flags".split()
)
_NUMBERS = ("least_words", "longest_gap", "exchange_turns")
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_TAG = re.compile(r"\[[^\[\]]*\]")
# A shorter part of a name, such as "Dr" or "Jo", may be another word.
_NAME_LETTERS = 3


@dataclass(frozen=True, slots=True)
class NextTurn:
    """The next turn by another speaker, as `builders.record.next_turns` finds it."""

    id: str
    speaker: str | None
    text: str
    emotion: str | None
    gap_seconds: float | None
    is_direct: bool
    hole_after: bool
    hole_before: bool


@dataclass(frozen=True)
class AnswerRules:
    """The rules, each with its value; an empty one is off."""

    values: Mapping[str, str]

    @classmethod
    def load(cls, path: Path | None = None) -> AnswerRules:
        """Return the rules of the table; LabelError where it is wrong."""
        path = path or resources.label_maps() / "reply" / "_human_replies.tsv"
        rows = read_rows(path, ("rule", "value", "reason"), key=("rule",))
        values = {row.choice("rule", sorted(_RULES)): _checked(row) for row in rows}
        if missing := sorted(_RULES - values.keys()):
            raise LabelError(
                f"no row for {', '.join(missing)}",
                where=path,
                do="add it; an empty value switches the rule off",
            )
        return cls(values)

    @property
    def digest(self) -> str:
        """Return the first 12 hex digits of the SHA-256 over the rules."""
        said = "\n".join(f"{name}\t{value}" for name, value in sorted(self.values.items()))
        return sha256(said.encode()).hexdigest()[:12]

    def against(self, record: SampleRecord, turn: NextTurn) -> str | None:
        """Return why a turn is not taken for an answer to a sample, or None.

        Args:
            record: the sample, with its speaker, text, context and review.
            turn: its next turn.
        """
        return (
            self.of_review(record["review"])
            or self._of_place(record, turn)
            or self._of_speakers(record, turn)
            or self._of_words(turn)
        )

    def of_review(self, review: ReviewPart | None) -> str | None:
        """Return why reviewers are against a sample, or None."""
        if review is None:
            return None
        if review["status"] in self._listed("review_statuses"):
            return f"{review['status']}_in_review"
        flagged = self._listed("review_flags").intersection(review["flags"])
        return f"flagged_{min(flagged)}" if flagged else None

    def _of_place(self, record: SampleRecord, turn: NextTurn) -> str | None:
        flags = record["target_utterance"]["flags"] or ()
        if turn.hole_after and self.values["hole_after"]:
            return MISSING_AFTER
        missing = turn.hole_before or MISSING_BEFORE in flags
        if missing and self.values["hole_before"]:
            return MISSING_BEFORE
        if not turn.is_direct and self.values["directly_next"]:
            return "not_directly_next"
        return None

    def _of_speakers(self, record: SampleRecord, turn: NextTurn) -> str | None:
        if any(fnmatchcase(turn.id, pattern) for pattern in self._listed("not_by_people")):
            return "not_by_people"
        speaker = record["target_utterance"]["speaker"]["id"]
        if self._is_group(speaker) or self._is_group(turn.speaker):
            return "several_speakers"
        earlier = [said["speaker"] for said in record["text_context"]]
        others = {*earlier} - {speaker, turn.speaker, None}
        if self.values["said_to_another"] and _calls(turn.text, others - {speaker}):
            return "said_to_another"
        window = self._number("exchange_turns")
        if window is None or not others or turn.speaker in earlier[-int(window) :]:
            return None
        named = _names(turn.text, speaker) or _names(
            record["target_utterance"]["text"], turn.speaker
        )
        return None if named else "not_in_exchange"

    def _of_words(self, turn: NextTurn) -> str | None:
        least, longest = self._number("least_words"), self._number("longest_gap")
        if least is not None and len(_WORD.findall(_TAG.sub(" ", turn.text))) < least:
            return "too_short"
        if longest is not None and turn.gap_seconds is not None and turn.gap_seconds > longest:
            return "long_gap"
        return None

    def _is_group(self, name: str | None) -> bool:
        return bool(name) and not self._group_names.isdisjoint((name or "").lower().split())

    @cached_property
    def _group_names(self) -> frozenset[str]:
        return frozenset(self.values["group_names"].lower().split())

    def _listed(self, rule: str) -> frozenset[str]:
        return frozenset(self.values[rule].split())

    def _number(self, rule: str) -> float | None:
        return float(self.values[rule]) if self.values[rule] else None


def _checked(row: TableRow) -> str:
    row.text("reason")
    value, name = row.cells["value"].strip(), row.cells["rule"]
    if name in _NUMBERS and value and not re.fullmatch(r"\d+(?:\.\d+)?", value):
        raise row.error("value", "a number, or nothing")
    return value


@cache
def _parts(name: str) -> frozenset[str]:
    """Return the words of a speaker's name that can call somebody."""
    words = (word.lower() for word in _WORD.findall(name))
    return frozenset(word for word in words if len(word) >= _NAME_LETTERS and word.isalpha())


def _names(text: str, name: str | None) -> bool:
    """Return whether a text has a speaker's name in it."""
    return bool(name) and not _parts(name or "").isdisjoint(map(str.lower, _WORD.findall(text)))


def _calls(text: str, names: set[str | None]) -> bool:
    """Return whether a text calls one of these people at its start or its end."""
    ends = (text.partition(",")[0], text.rpartition(",")[2]) if "," in text else ()
    alone = [said.lower() for said in map(_only_word, ends) if said]
    return any(word in _parts(name) for word in alone for name in names if name)


def _only_word(text: str) -> str | None:
    words: Sequence[str] = _WORD.findall(text)
    return words[-1] if 1 <= len(words) <= 2 else None
