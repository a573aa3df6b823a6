"""Shares with the 95 % intervals that they are known to, and the difference of two shares.

Wilson's score interval and Newcombe's of a difference (Statistics in Medicine 17, 1998, methods 3
and 10): both hold for few answers and for shares of none or all, where the usual formula gives an
interval of no width. Answers are taken as independent of one another.
"""

from __future__ import annotations

from collections.abc import Sequence
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
