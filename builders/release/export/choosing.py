"""Which records are exported: by their data, and by the options.

Each reason is a code that is counted, with a sentence for people. `eligibility` decides
what may be trained on; `_CHECKS` apply the further options of this export.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.eligibility import (
    EXCLUDED,
    GATES_FILE,
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
# How much of a record a task needs. A pair has its own replies.
_NEEDED = {"dpo": Extent.UTTERANCE, "kto": Extent.VERDICT}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a record is left out: the reason that is counted, and a sentence."""

    reason: str
    detail: str


class Choice:
    """Decides about the records of a build.

    Args:
        options: the export options.
        known: the ids that may not be used.
    """

    def __init__(self, options: Options, known: Restrictions) -> None:
        self._options = options
        self._known = known

    def against(self, record: SampleRecord) -> LeftOut | None:
        """Return why a record is left out, or None."""
        answer = eligibility(record, Purpose.TRAIN, self._known)
        needed = _NEEDED.get(self._options.task, Extent.RECORD)
        if answer.extent < (Extent.UTTERANCE if self._options.of_people else needed):
            return self._said(answer, record)
        return next((found for check in _CHECKS if (found := check(record, self._options))), None)

    def _said(self, answer: Eligible, record: SampleRecord) -> LeftOut:
        reason = answer.reason or ""
        if answer.extent is not Extent.NOTHING and record["review"]:
            status = ReviewStatus(record["review"]["status"])
            return LeftOut(reason, f"the people who reviewed the reply {_VERDICT[status]}")
        if reason == self._known.gated.get(record["id"]):
            return LeftOut(reason, f"{GATES_FILE} of the build excludes the reply")
        return LeftOut(reason, _DETAILS.get(reason, "the utterance is not fit for training"))


def is_strict(record: SampleRecord) -> bool:
    """Return whether a record's label is reliable.

    Its coarse label must match exactly or closely and be a known emotion; if the corpus has votes,
    their agreement must be known.
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
        detail = f"the match of the coarse label is {matches}, or its agreement is not known"
        return LeftOut("not_strict", detail)
    return None


_CHECKS: tuple[Callable[[SampleRecord, Options], LeftOut | None], ...] = (
    _other_subset,
    _doubtful,
)
