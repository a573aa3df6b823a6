"""Review progress, for leads: what is done, by whom, and the agreement."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builders.record.types import ReviewStatus
from builders.review.outcome.agreement import (
    Agreement,
    Anchoring,
    agreement,
    anchoring,
    gold_results,
)
from builders.review.outcome.comparisons import Comparison, comparisons
from builders.review.outcome.merge import Merged, views
from builders.review.server.desk import Desk

# Agreement with its intervals takes a while, so it is cached for a few seconds.
_LASTS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Person:
    """One annotator's progress: decided and skipped items, correct and total gold items."""

    name: str
    decided: int
    skipped: int
    gold_right: int
    gold: int


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """The content of the progress page."""

    items: int
    done: int
    statuses: dict[str, int]
    disputed: int
    people: list[Person]
    agreement: dict[str, list[Agreement]]
    anchoring: Anchoring | None
    names: dict[str, str]
    seconds: float
    comparisons: list[Comparison]


class Watch:
    """Caches the progress of a review."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0.0
        self._seen: ReviewProgress | None = None

    def look(self, desk: Desk) -> ReviewProgress:
        """Return the progress of a review, at most some seconds old."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._at > _LASTS_SECONDS:
                self._seen = _progress(desk)
                self._at = time.monotonic()
            return self._seen


def _progress(desk: Desk) -> ReviewProgress:
    began = time.monotonic()
    merged = views(desk.store, desk.name)
    left = desk.totals()
    names = {person.id: person.name or person.id for person in desk.people.all()}
    moved = anchoring(merged)
    by: dict[str, list[Agreement]] = {}
    for row in agreement(merged):
        by.setdefault(row.by, []).append(row)
    statuses: Counter[str] = Counter(view.status for view in merged)
    return ReviewProgress(
        items=left["items"],
        done=left["done"],
        statuses=dict(statuses),
        disputed=statuses[ReviewStatus.DISPUTED],
        people=_people(desk, merged, names),
        agreement=by,
        anchoring=moved if moved.hidden else None,
        names=names,
        comparisons=comparisons(desk.store, desk.name)[0],
        seconds=time.monotonic() - began,
    )


def _people(desk: Desk, merged: Sequence[Merged], names: dict[str, str]) -> list[Person]:
    decided: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for event in desk.stands():
        if event.kind == "decision":
            (skipped if event.verdict == "skip" else decided)[event.annotator] += 1
    golden = {result.annotator: result for result in gold_results(merged)}
    return [
        Person(
            name=names.get(who, who),
            decided=decided[who],
            skipped=skipped[who],
            gold_right=golden[who].right if who in golden else 0,
            gold=golden[who].decided if who in golden else 0,
        )
        for who in sorted({*decided, *skipped}, key=lambda one: names.get(one, one))
    ]


def named(group: str, names: Mapping[str, str]) -> str:
    """Return a group for display: a pair of ids by their names."""
    return " and ".join(names.get(part, part) for part in group.split())
