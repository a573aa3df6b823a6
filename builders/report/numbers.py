"""The numbers of a report without its pictures: for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypedDict

from builders.record.dataset import Build
from builders.report import tallies

if TYPE_CHECKING:
    import pandas as pd

_OPENINGS = 10
_HUNDREDTHS = 100


class Spread(TypedDict):
    """How a measure is spread over samples: count, least, 5 %, median, 95 %, most."""

    count: int
    least: float
    low: float
    median: float
    high: float
    most: float


class Numbers(TypedDict):
    """The numbers of all samples of a build.

    `emotions` is by split, `strategies` by emotion; the others count samples by value.
    """

    emotions: dict[str, dict[str, int]]
    strategies: dict[str, dict[str, int]]
    flags: dict[str, int]
    attempts: dict[str, int]
    openings: dict[str, int]
    match_leaf: dict[str, int]
    match_root: dict[str, int]
    review: dict[str, int]
    reply_words: Spread | None
    turns: Spread | None
    seconds: Spread | None
    speech: Spread | None
    quality: Spread | None
    word_errors: Spread | None


def numbers(build: Build, out: Collection[str] = ()) -> Numbers:
    """Return the numbers of a build, without these ids; its report shows the same.

    Raises:
        VerificationError: a file cannot be read.
    """
    found = tallies.samples(build.shards(), out)
    return {
        "emotions": _nested(found.emotions),
        "strategies": _nested(found.strategies),
        "flags": _counts(found.findings),
        "attempts": _counts(found.attempts),
        "openings": dict([*_counts(found.openings).items()][:_OPENINGS]),
        "match_leaf": _counts(found.match_leaf),
        "match_root": _counts(found.match_root),
        "review": _counts(found.review),
        "reply_words": _spread(found.words),
        "turns": _spread(found.turns),
        "seconds": _spread(found.seconds),
        "speech": _spread(found.speech, _HUNDREDTHS),
        "quality": _spread(found.quality, _HUNDREDTHS),
        "word_errors": _spread(found.word_errors, _HUNDREDTHS),
    }


def _counts(tally: pd.Series) -> dict[str, int]:
    """Return counts by value, the most frequent first."""
    found = {str(value): int(count) for value, count in tally.items()}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _nested(tally: pd.Series) -> dict[str, dict[str, int]]:
    first = tally.index.get_level_values(0).unique()
    return {str(name): _counts(tally.loc[name]) for name in sorted(first)}


def _spread(tally: pd.Series, unit: float = 1) -> Spread | None:
    """Return how values with counts are spread; `unit` is what is one in them."""
    if tally.empty:
        return None
    ordered = tally.sort_index()
    reached = ordered.cumsum() / ordered.sum()
    values = [ordered.index[0]]
    values += [ordered.index[int((reached < share).sum())] for share in (0.05, 0.5, 0.95)]
    least, low, median, high, most = (
        round(float(value) / unit, 3) for value in (*values, ordered.index[-1])
    )
    return {
        "count": int(ordered.sum()),
        "least": least,
        "low": low,
        "median": median,
        "high": high,
        "most": most,
    }
