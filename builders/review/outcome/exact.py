"""Exact bounds for the share of bad rows in a finite set, from a random sample of it.

The rows are looked at in a random order, without replacement, until all of the sample are judged or
more than an allowed number of them are bad: curtailed inspection. Its outcomes have an order, from
good to bad: few bad rows of all, then a stop that comes late, then one that comes early. The bounds
invert the tails of that order (C. Jennison and B. Turnbull, Technometrics 25, 1983). For a sample
that was looked at to its end they are those of C. Clopper and E. Pearson (Biometrika 26, 1934),
with the hypergeometric distribution in place of the binomial one (T. Wright, *Exact Confidence
Bounds when Sampling from Small Finite Universes*, 1991).

A sample that has of each stratum as large a part as of all rows varies no more than one of all rows
together (W. Hoeffding, Annals of Mathematical Statistics 27, 1956), so the bounds hold for it too.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import exp, floor, lgamma, log, log1p

# From this share of all rows on, their number is taken into account (W. Cochran, *Sampling
# Techniques*, 1977, 2.6: below 5 to 10 % it makes no difference).
_NOTICED = 0.1
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of a random sample.

    Attributes:
        of: the number of rows that the sample was drawn from.
        judged: the number of rows that were judged.
        bad: how many of them are bad.
        stopped: whether it ended with the last of them, since too many were bad.
    """

    of: int
    judged: int
    bad: int
    stopped: bool = False


def share_at_least(seen: Looked, doubt: float) -> float:
    """Return the lower bound of the share of bad rows; in `doubt` of all cases it is too high."""
    # Where it stopped: as many bad rows among as many judged, or more, is the same event.
    least = bisect_left(
        range(seen.of + 1),
        True,
        lo=seen.bad,
        key=lambda wrong: 1 - _up_to(seen.bad - 1, seen, wrong) > doubt,
    )
    return least / seen.of if seen.bad else 0.0


def share_at_most(seen: Looked, doubt: float) -> float:
    """Return the upper bound of the share of bad rows; in `doubt` of all cases it is too low."""
    most = seen.of - seen.judged + seen.bad  # all rows that were not judged are bad
    if not seen.judged:
        return 1.0
    told = replace(seen, judged=seen.judged - 1, bad=seen.bad - 1) if seen.stopped else seen
    ruled_out = bisect_left(
        range(most + 1),
        True,
        lo=seen.bad,
        key=lambda wrong: _up_to(told.bad, told, wrong) <= doubt,
    )
    return max(seen.bad, ruled_out - 1) / seen.of


def rows_needed(max_bad: float, confidence: float, allowed: int = 0, of: int | None = None) -> int:
    """Return how many rows, up to `allowed` of them bad, show a share of at most `max_bad`.

    Args:
        max_bad: the share, above 0 and below 1.
        confidence: the share of cases in which the claim is to be right, such as 0.95.
        allowed: how many may be bad.
        of: the number of rows there are; None for a number without end.
    """
    doubt = 1 - confidence + _ROUNDING
    rows = allowed + 1
    while _binomial(allowed, rows, max_bad) > doubt:
        rows += 1
    if of is None or rows <= _NOTICED * of:
        return rows
    wrong = floor(max_bad * of + _ROUNDING) + 1  # one bad row more than there may be
    return next(
        (n for n in range(allowed + 1, of) if _up_to(allowed, Looked(of, n, 0), wrong) <= doubt), of
    )


def _up_to(bad: int, seen: Looked, wrong: int) -> float:
    """Return the probability of up to `bad` bad rows among those judged, if `wrong` of all are."""
    right = seen.of - wrong
    first = max(0, seen.judged - right)
    ways = _log_choose(seen.of, seen.judged)
    terms = (
        _log_choose(wrong, k) + _log_choose(right, seen.judged - k) - ways
        for k in range(first, min(bad, wrong, seen.judged) + 1)
    )
    return min(1.0, sum(map(exp, terms)))


def _binomial(bad: int, rows: int, share: float) -> float:
    """Return the probability of up to `bad` bad rows of so many, each bad with the same chance."""
    log_share, log_rest = log(share), log1p(-share)
    return sum(
        exp(_log_choose(rows, k) + k * log_share + (rows - k) * log_rest) for k in range(bad + 1)
    )


def _log_choose(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)
