"""Krippendorff's alpha, with a bootstrap interval; undefined stays undefined.

    alpha = 1 - D_o / D_e

D_o is the mean distance between two values of the same item, D_e that between any two values, both
after K. Krippendorff, *Computing Krippendorff's Alpha-Reliability* (2011). Values may be missing;
items with fewer than two are left out. Distances: nominal, ordinal (on the ranks
that occur), and for sets MASI (R. Passonneau, LREC 2006) or Jaccard.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Distance = Literal["nominal", "ordinal", "masi", "jaccard"]
Floats = npt.NDArray[np.float64]

REPLICATES = 1000
# An interval is only meaningful if nearly all bootstrap samples have an alpha.
_LEAST_DEFINED = 0.9


@dataclass(frozen=True, slots=True)
class Alpha:
    """Krippendorff's alpha with its interval.

    Attributes:
        alpha: 1 for perfect agreement, 0 for chance; None if undefined: nothing to
            compare, or all values the same.
        low, high: the 95 % bootstrap interval over items, or None.
        items: how many items have at least two values.
        values: the number of their values.
        observed: the share of pairs of the same item that are equal, or None without a pair.
    """

    alpha: float | None
    low: float | None
    high: float | None
    items: int
    values: int
    observed: float | None


def alpha(
    items: Sequence[Mapping[str, Hashable]], distance: Distance, replicates: int = REPLICATES
) -> Alpha:
    """Return the agreement over items.

    Args:
        items: for each item, the value by person. For ``ordinal``, values are numbers, for ``masi``
            and ``jaccard`` frozensets.
        distance: the distance between values.
        replicates: bootstrap samples, drawn reproducibly; 0 for no interval.
    """
    usable = [list(item.values()) for item in items if len(item) > 1]
    if not usable:
        return Alpha(None, None, None, 0, 0, None)
    data = _Data(usable, distance)
    value = _defined(data.alphas(data.times[None, :])[0])
    low, high = (None, None) if value is None else _interval(data, replicates)
    count = sum(map(len, usable))
    return Alpha(value, low, high, len(usable), count, data.observed())


class _Data:
    """Values as counts: `counts` has a column per value and a row per distinct pattern of votes.

    Items with the same pattern share a row; `times` is their number.
    """

    def __init__(self, items: list[list[Hashable]], distance: Distance) -> None:
        values: list[Any] = [*dict.fromkeys(value for item in items for value in item)]
        if distance == "ordinal":
            values.sort()
        number = {value: n for n, value in enumerate(values)}
        alike = Counter(tuple(sorted(number[value] for value in item)) for item in items)
        self.counts: Floats = np.zeros((len(alike), len(values)))
        for row, judged in enumerate(alike):
            np.add.at(self.counts[row], list(judged), 1)
        self.times: Floats = np.array(list(alike.values()), float)
        self._per_item = self.counts.sum(axis=1)
        self._apart = None if distance == "ordinal" else _distances(values, distance)

    def alphas(self, times: Floats) -> Floats:
        """Return one alpha for each row of `times`; NaN where it is undefined."""
        if self._apart is None:
            totals = times @ self.counts
            return np.array(
                [
                    self._alphas(row[None, :], _ordinal(total))[0]
                    for row, total in zip(times, totals, strict=True)
                ]
            )
        return self._alphas(times, self._apart)

    def observed(self) -> float:
        """Return the share of pairs of the same item whose values are equal."""
        size = self.counts.shape[1]
        unequal = np.ones((size, size)) - np.eye(size)
        return float(1 - self.times @ self._within(unequal) / (self.times @ self._per_item))

    def _alphas(self, times: Floats, apart: Floats) -> Floats:
        totals = times @ self.counts
        n = totals.sum(axis=1)
        between = np.einsum("rc,rc->r", totals @ apart, totals)
        within = times @ self._within(apart)
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = np.where(between > 0, 1 - within * (n - 1) / between, np.nan)
        return found

    def _within(self, apart: Floats) -> Floats:
        """Return the distances within each row's values, weighed by their number less one."""
        summed = np.einsum("ic,ic->i", self.counts @ apart, self.counts)
        distances: Floats = summed / (self._per_item - 1)
        return distances


def _interval(data: _Data, replicates: int) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % bootstrap interval of alpha over items."""
    items = int(data.times.sum())
    draws = np.random.default_rng(0).multinomial(items, data.times / items, size=replicates)
    found = data.alphas(draws.astype(float))
    defined = found[~np.isnan(found)]
    if not len(defined) or len(defined) < _LEAST_DEFINED * replicates:
        return None, None
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def _defined(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _ordinal(totals: Floats) -> Floats:
    """Return the squared number of values between two ranks, each rank itself counting half."""
    middle = np.cumsum(totals) - totals / 2
    apart: Floats = (middle[:, None] - middle[None, :]) ** 2
    return apart


def _distances(values: Sequence[Any], distance: Distance) -> Floats:
    if distance == "nominal":
        return np.ones((len(values), len(values))) - np.eye(len(values))
    measure = masi if distance == "masi" else jaccard
    return np.array([[measure(a, b) for b in values] for a in values])


def jaccard(a: frozenset, b: frozenset) -> float:
    """Return the Jaccard distance of two sets, from 0 to 1."""
    return 1 - len(a & b) / len(a | b) if a | b else 0.0


def masi(a: frozenset, b: frozenset) -> float:
    """Return the MASI distance of two sets: 1 - Jaccard similarity * monotonicity.

    Monotonicity is 1 for equal sets, 2/3 if one contains the other, 1/3 if
    they only overlap, and 0 if they are disjoint.
    """
    if a == b:
        return 0.0
    kind = 2 / 3 if a < b or b < a else 1 / 3
    return 1 - (1 - jaccard(a, b)) * kind
