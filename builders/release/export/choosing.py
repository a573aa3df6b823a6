"""Which records go out: what the data says against a record, and what was asked for.

Each reason is a code that is counted, with a sentence for a person. What may go out to train on is
decided by `eligibility`; what this export is asked to leave out beside that, by `_CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.eligibility import (
    EXCLUDED,
    Eligible,
    Extent,
    Purpose,
    Restrictions,
    eligibility,
)
from builders.release.export.options import SUBSETS, Options
from builders.release.layouts import audio_class

_MATCHES = ("exact", "close")
_VERDICT = {ReviewStatus.DISPUTED: "did not agree", ReviewStatus.REJECTED: "rejected it"}
_DETAILS = {
    EXCLUDED: "it was excluded from use",
    "after_an_unfit_turn": "an earlier turn is not fit for training",
}
# How much of a record a task needs. A pair has replies of its own.
_NEEDED = {"dpo": Extent.UTTERANCE, "kto": Extent.VERDICT}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a record does not go out: the reason that is counted, and the sentence."""

    reason: str
    detail: str


class Choice:
    """Decides about the records of a build.

    Args:
        options: what the export is asked for.
        known: the ids that may not go out.
    """

    def __init__(self, options: Options, known: Restrictions) -> None:
        self._options = options
        self._known = known

    def against(self, record: SampleRecord) -> LeftOut | None:
        """Return what speaks against a record, or None."""
        answer = eligibility(record, Purpose.TRAIN, self._known)
        if answer.extent < _NEEDED.get(self._options.task, Extent.RECORD):
            return _said(answer, record)
        return next((found for check in _CHECKS if (found := check(record, self._options))), None)


def _said(answer: Eligible, record: SampleRecord) -> LeftOut:
    reason = answer.reason or ""
    if answer.extent is not Extent.NOTHING and record["review"]:
        status = ReviewStatus(record["review"]["status"])
        return LeftOut(reason, f"the people who reviewed the reply {_VERDICT[status]}")
    return LeftOut(reason, _DETAILS.get(reason, "the utterance is not fit for training"))


def is_strict(record: SampleRecord) -> bool:
    """Return whether a record's label is beyond doubt.

    Its root must match ours exactly or closely and be a feeling; where the corpus shows its votes,
    how far they agree must be known.
    """
    labels = record["annotation"]
    known = labels["votes"] is None or labels["agreement"] is not None
    root = record["target_utterance"]["emotions"]["root"]
    return labels["match_root"] in _MATCHES and root not in ("unknown", "mixed") and known


def _other_subset(record: SampleRecord, options: Options) -> LeftOut | None:
    if options.subset and (measured := audio_class(record)) != SUBSETS[options.subset]:
        return LeftOut("not_in_subset", f"audio contribution is {measured or 'not measured'}")
    return None


def _doubtful(record: SampleRecord, options: Options) -> LeftOut | None:
    if options.strict and not is_strict(record):
        matches = record["annotation"]["match_root"]
        return LeftOut(
            "not_strict",
            f"the match of the coarse label is {matches}, or its agreement is not known",
        )
    return None


_CHECKS: tuple[Callable[[SampleRecord, Options], LeftOut | None], ...] = (
    _other_subset,
    _doubtful,
)
