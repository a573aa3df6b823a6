"""Shares with the 95 % intervals that they are known to, and the difference of two shares.

Wilson's score interval and Newcombe's of a difference (Statistics in Medicine 17, 1998, methods 3
and 10): both hold for few answers and for shares of none or all, where the usual formula gives an
interval of no width. Answers are taken as independent of one another.

Where they are not, as those of one speaker or dialogue, the interval is over these (`grouped`). It
is the jackknife's, with Student's t: the percentiles of a bootstrap of few groups are too narrow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, as a share; `low` to `high` is its interval. None where `of` is 0."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How much larger one share is than another, from -1 to 1, with its interval."""

    difference: float
    low: float
    high: float

    @property
    def is_told(self) -> bool:
        """Return whether the interval leaves no doubt that there is a difference."""
        return self.low > 0 or self.high < 0


def share(found: Sequence[bool]) -> Share:
    """Return the share that is true."""
    count, of = sum(found), len(found)
    if not of:
        return Share(0, 0, None, None, None)
    return Share(count, of, count / of, *wilson(count / of, of))


def wilson(part: float, of: int) -> tuple[float, float]:
    """Return the interval of a share of `of` answers that are independent of one another."""
    squared = _Z * _Z
    middle = part + squared / (2 * of)
    reach = _Z * sqrt(part * (1 - part) / of + squared / (4 * of * of))
    low, high = ((middle + way * reach) / (1 + squared / of) for way in (-1, 1))
    return max(0.0, low), min(1.0, high)


def difference(one: Share, other: Share) -> Difference | None:
    """Return how much larger `one` is than `other`; None where either is of nothing."""
    if one.share is None or other.share is None:
        return None
    by = one.share - other.share
    below = _reach(one.share, one.low, other.share, other.high)
    above = _reach(other.share, other.low, one.share, one.high)
    return Difference(by, by - below, by + above)


def _reach(share: float, low: float | None, other: float, high: float | None) -> float:
    return sqrt((share - (low or 0.0)) ** 2 + ((1.0 if high is None else high) - other) ** 2)


@dataclass(frozen=True, slots=True)
class GroupedMean:
    """The mean of so many values from so many groups, with its interval; None without values."""

    mean: float | None
    low: float | None
    high: float | None
    of: int
    groups: int


def grouped(
    values: Sequence[float], groups: Sequence[Hashable], least: float = 0.0, most: float = 1.0
) -> GroupedMean:
    """Return the mean of values, those of one group not being independent of one another.

    A mean of shares that is all or nothing is known no better than as many groups say, one of
    differences that are all the same no better than a difference that none of them shows.

    Args:
        values: from `least` to `most`: 0 to 1 for shares, -1 to 1 for their differences.
        groups: the group of each value, such as its speaker.
        least: the least that a value can be.
        most: the most that it can be.
    """
    if not values:
        return GroupedMean(None, None, None, 0, 0)
    mean = sum(values) / len(values)
    beside: dict[Hashable, float] = defaultdict(float)
    for value, group in zip(values, groups, strict=True):
        beside[group] += value - mean
    count = len(beside)
    low, high = least, most
    if count > 1:
        error = sqrt(count / (count - 1) * sum(one**2 for one in beside.values())) / len(values)
        low, high = _around(mean, error, count, least, most)
    return GroupedMean(mean, low, high, len(values), count)


def _around(
    mean: float, error: float, count: int, least: float, most: float
) -> tuple[float, float]:
    """Return the interval of a mean with a standard error over so many groups."""
    if error < 1e-12:
        unseen = (1 - 0.05 ** (1 / count)) * (most - least)
        return max(least, mean - unseen), min(most, mean + unseen)
    reach = _student(count - 1)
    if (least, most) == (0.0, 1.0):
        # As many independent answers as would leave the mean as unsure.
        squared, of = reach * reach, max(mean * (1 - mean) / error**2, 1.0)
        middle, whole = mean + squared / (2 * of), 1 + squared / of
        side = reach * sqrt(mean * (1 - mean) / of + squared / (4 * of * of))
        return max(0.0, (middle - side) / whole), min(1.0, (middle + side) / whole)
    return max(least, mean - reach * error), min(most, mean + reach * error)


def _student(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t, to 0.01 (Abramowitz and Stegun, 26.7.5)."""
    if freedom <= 2:
        return {1: 12.706, 2: 4.303}[freedom]
    z: float = _Z
    terms: tuple[float, ...] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum((term / freedom**power for power, term in enumerate(terms, start=1)), 0.0)
