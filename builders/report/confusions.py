"""What replies were to do beside what they do: asked and executed strategies, as counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.labels.strategies import split, strategies
from builders.labels.strategy_groups import groups
from builders.record.views import SampleRecord
from builders.report.pictures import Bar, Grid
from builders.report.tallies import batches

NOT_SEEN = "not seen"
_COLUMNS = ("id", "plan", "executed", "desired_response.response_strategy", "drafting.coercions")


@dataclass(frozen=True, slots=True)
class Confusions:
    """Asked and executed strategies of a build whose replies were looked at.

    Attributes:
        looked_at: replies somebody looked at.
        told: those of which at least one strategy was told.
        kept: those that do all that was asked.
        single: counts by asked and executed strategy.
        merged: the same by group of strategies that are easily confused.
    """

    looked_at: int
    told: int
    kept: int
    single: Mapping[tuple[str, str], int]
    merged: Mapping[tuple[str, str], int]

    @property
    def grid(self) -> Grid:
        """Return the counts by strategy as a picture takes them; shares are of what was asked."""
        return _grid(self.single, tuple(strategies()))

    @property
    def merged_grid(self) -> Grid:
        """Return the counts by group as a picture takes them."""
        return _grid(self.merged, tuple(dict.fromkeys(groups().values())))


def confusions(paths: Sequence[Path], out: Collection[str] = ()) -> Confusions:
    """Compare what was asked with what was executed in all samples, without these ids.

    Raises:
        VerificationError: a file is broken.
    """
    single: Counter[tuple[str, str]] = Counter()
    merged: Counter[tuple[str, str]] = Counter()
    looked_at = told = kept = 0
    for record in _looked_at(paths, out):
        asked, done = asked_of(record), executed_of(record)
        looked_at += 1
        told += bool(done)
        kept += set(asked) <= set(done)
        single.update(pairs(asked, done))
        merged.update(pairs(_groups_of(asked), _groups_of(done)))
    return Confusions(looked_at, told, kept, single, merged)


def pairs(asked: Sequence[str], done: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what was asked beside what was done for it.

    What was asked and done stands beside itself. What was asked and not done stands beside each
    thing that was done unasked, or beside `NOT_SEEN` where there is none.
    """
    unasked = [one for one in done if one not in asked] or [NOT_SEEN]
    for name in asked:
        yield from [(name, name)] if name in done else [(name, other) for other in unasked]


def asked_of(record: SampleRecord) -> list[str]:
    """Return the strategies that a reply was to follow: the plan's, else those that it claimed."""
    if record["plan"]:
        return record["plan"]["strategies"]
    published = record["desired_response"]["response_strategy"]
    for made in reversed(record["drafting"]["coercions"]):
        claimed = split(made["from"])
        if made["field"] == "strategies" and made["to"] == published:
            return claimed if set(claimed) <= strategies().keys() else split(published)
    return split(published)


def executed_of(record: SampleRecord) -> list[str]:
    """Return the strategies that were found in a reply, in order; empty where none was."""
    return (
        [one["strategy"] for one in record["executed"]["strategies"]] if record["executed"] else []
    )


def _groups_of(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(groups()[name] for name in names))


def _looked_at(paths: Sequence[Path], out: Collection[str]) -> Iterator[SampleRecord]:
    for path in paths:
        for batch in batches(path, _COLUMNS, out):
            for record in batch.to_pylist():
                if record["executed"] is not None:
                    yield record


def _grid(counts: Mapping[tuple[str, str], int], names: Sequence[str]) -> Grid:
    columns = [*names, NOT_SEEN]
    whole = {name: sum(counts.get((name, other), 0) for other in columns) for name in names}
    rows = []
    for name in names:
        cells = [counts.get((name, other), 0) for other in columns]
        shares = [count / (whole[name] or 1) for count in cells]
        labelled = zip(columns, cells, shares, strict=True)
        rows.append((name, [Bar(label, count, share, share) for label, count, share in labelled]))
    return Grid(columns, rows)
