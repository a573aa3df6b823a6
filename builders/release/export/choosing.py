"""Which records go out: what the data says against a record, and what was asked for.

Each reason is a code that is counted, with a sentence for a person. What is unfit for anyone is
decided by `unfit`, as for what is published; what this export is asked to leave out, by `_CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from builders.corpora.exclusions import Exclusions
from builders.release.eligibility import unfit
from builders.release.export.options import SUBSETS, Options
from builders.release.layouts import audio_class

Record = Mapping[str, Any]
_MATCHES = ("exact", "close")
_VERDICT = {"disputed": "did not agree", "rejected": "rejected it"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a record does not go out: the reason that is counted, and the sentence."""

    reason: str
    detail: str


class Choice:
    """Decides about the records of a build, in their order."""

    def __init__(self, options: Options, exclusions: Exclusions) -> None:
        self._options = options
        self._exclusions = exclusions
        self._unfit: set[str] = set()

    def against(self, record: Record) -> LeftOut | None:
        """Return what speaks against a record, or None."""
        if self._exclusions.covers(record["id"]):
            return LeftOut("excluded", "somebody asked that it be used no more")
        if reason := unfit(record):
            self._unfit.add(record["id"])
            return LeftOut(reason, "the utterance is not one to learn from")
        earlier = [turn["id"] for turn in record["text_context"]]
        if any(name in self._unfit or self._exclusions.covers(name) for name in earlier):
            return LeftOut("after_an_unfit_turn", "an earlier turn is not one to learn from")
        return next((found for check in _CHECKS if (found := check(record, self._options))), None)


def is_strict(record: Record) -> bool:
    """Return whether a record's label is beyond doubt.

    Its root must match ours exactly or closely and be a feeling; where the corpus shows its votes,
    how far they agree must be known.
    """
    labels = record["labels"]
    known = labels["votes"] is None or labels["agreement"] is not None
    root = record["target_utterance"]["emotions"]["root"]
    return labels["match_root"] in _MATCHES and root not in ("unknown", "mixed") and known


def _judged(record: Record, options: Options) -> LeftOut | None:
    status = record["review"] and record["review"]["status"]
    if status == "disputed" or (status == "rejected" and options.task in ("sft", "grpo")):
        return LeftOut(f"review_{status}", f"the people who reviewed the reply {_VERDICT[status]}")
    return None


def _other_subset(record: Record, options: Options) -> LeftOut | None:
    if options.subset and (measured := audio_class(record)) != SUBSETS[options.subset]:
        return LeftOut("not_in_subset", f"audio contribution is {measured or 'not measured'}")
    return None


def _doubtful(record: Record, options: Options) -> LeftOut | None:
    if options.strict and not is_strict(record):
        matches = record["labels"]["match_root"]
        return LeftOut("not_strict", f"the label's root matches {matches}, or its votes are open")
    return None


_CHECKS: tuple[Callable[[Record, Options], LeftOut | None], ...] = (
    _judged,
    _other_subset,
    _doubtful,
)
