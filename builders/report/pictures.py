"""The data of a report's pictures: shares and counts in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_TICKS = 11


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with a bar: `share` of the whole and `length`, both 0 to 1.

    In a list the length is the share, so that all lists have one scale.
    """

    label: str
    count: int
    share: float
    length: float


@dataclass(frozen=True, slots=True)
class Grid:
    """Bars by row and column, their lengths relative to the longest of all."""

    columns: list[str]
    rows: list[tuple[str, list[Bar]]]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram: the values from `start` up to, not including, the next one's."""

    start: float
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bins in order without a gap, and summary statistics.

    `tick_every` says which bins have an axis label; `total` is the sum of the values.
    """

    bins: list[Bin]
    width: float
    tick_every: int
    count: int
    least: float
    median: float
    most: float
    total: float


def bars(tally: pd.Series, whole: int, most: int | None = None) -> list[Bar]:
    """Return a bar for each value of a tally, the most common first, at most `most`."""
    ordered = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    return [_bar(label, n, n / whole, 1.0) for label, n in ordered]


def by_split(tally: pd.Series, splits: list[str]) -> Grid:
    """Return emotions by split from a tally of both; shares are of the split."""
    emotions = _commonest(tally, "emotion")
    counts = tally.unstack("split", fill_value=0).reindex(emotions, columns=splits, fill_value=0)
    return _grid(counts, counts / counts.sum().clip(lower=1))


def strategies_by_emotion(tally: pd.Series, emotions: pd.Series) -> Grid:
    """Return strategies by emotion; shares are of the samples of the emotion (in `emotions`)."""
    order = {"index": _commonest(emotions, "emotion"), "columns": _commonest(tally, "strategy")}
    counts = tally.unstack("strategy", fill_value=0).reindex(**order)
    return _grid(counts, counts.div(emotions.groupby(level="emotion").sum(), axis="index"))


def histogram(tally: pd.Series, width: float, most: int, least: int = 0) -> Histogram | None:
    """Return bins from zero up, or None without values.

    Args:
        tally: counts by a non-negative value.
        width: bin width in the value's unit; bins of 1 represent whole numbers.
        most: the number of bins before the last, open-ended one.
        least: the number of bins shown even if empty.
    """
    if tally.empty:
        return None
    values, below = tally.index, tally.cumsum()
    number = [min(int(value // width), most) for value in values]
    counts = tally.groupby(number).sum()
    shown = range(max(least, number[-1] + 1))
    return Histogram(
        bins=[
            Bin(n * width, _range(n * width, width, n == most), int(counts.get(n, 0)))
            for n in shown
        ],
        width=width,
        tick_every=next(n for n in (1, 2, 4, 5, 10, 20) if len(shown) <= _TICKS * n),
        count=int(tally.sum()),
        least=values[0],
        median=values[(below >= tally.sum() / 2).argmax()],
        most=values[-1],
        total=float((values.to_numpy() * tally.to_numpy()).sum()),
    )


def _grid(counts: pd.DataFrame, shares: pd.DataFrame) -> Grid:
    longest = shares.to_numpy().max(initial=0.0)
    rows = [
        (name, [_bar(c, counts.at[name, c], shares.at[name, c], longest) for c in counts.columns])
        for name in counts.index
    ]
    return Grid(list(counts.columns), rows)


def _bar(label: object, count: int, share: float, longest: float) -> Bar:
    return Bar(str(label), int(count), float(share), float(share / longest) if longest else 0.0)


def _commonest(tally: pd.Series, level: str) -> list[str]:
    counts = tally.groupby(level=level).sum()
    return sorted(counts.index, key=lambda name: (-counts[name], name))


def _range(start: float, width: float, beyond: bool) -> str:
    if beyond:
        return f"{start:g} or more"
    return f"{start:g}" if width == 1 else f"{start:g} to {start + width:g}"
