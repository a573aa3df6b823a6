"""How often the interval of an audit holds the true share, with simulated annotators.

    python bench/audit.py [--draws 2000]

A build of 4,000 rows in eight strata of unequal size and unequal shares of bad rows; the doubt
score of a bad row is higher by 1.5 standard deviations. `reviewed`: the most doubtful 1,000 rows
were decided about in the same store. The true share is that of the rows that nobody else saw. Each
draw has another order; an auditor rejects the bad rows and skips 2 % of all. `shown` is how often
"at most 2 %" is said to be shown.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.review.data.audits import (  # noqa: E402 - needs the path
    AuditPlan,
    AuditSample,
    Drawn,
    Stratum,
    gathered,
    in_order,
)
from builders.review.data.queue import Item  # noqa: E402
from builders.review.outcome.audit import AuditOutcome, outcome_of  # noqa: E402
from builders.review.outcome.exact import rows_needed  # noqa: E402

ROWS, REVIEWED = 4000, 1000
RATES = (0.0, 0.01, 0.03, 0.1)
_SIZES = np.array([30, 20, 15, 12, 10, 6, 5, 2]) / 100
_TIMES = np.array([0.5, 1, 1.5, 0.7, 1.2, 2, 0.3, 3])  # how much more often bad than on average


@dataclass(frozen=True)
class Simulated:
    """A build: rows by name with strata, which are bad, and which were reviewed by doubt."""

    rows: list[tuple[str, Stratum]]
    bad: set[str]
    reviewed: set[str]

    @property
    def unseen(self) -> list[tuple[str, Stratum]]:
        """Return the rows that only an audit may decide about."""
        return [row for row in self.rows if row[0] not in self.reviewed]

    @property
    def share(self) -> float:
        """Return the true share of bad rows among them."""
        return sum(name in self.bad for name, _ in self.unseen) / len(self.unseen)


def simulated(rate: float, reviews: bool, draws: np.random.Generator) -> Simulated:
    """Return a build with this share of bad rows; with `reviews`, the most doubtful are seen."""
    strata = draws.choice(len(_SIZES), ROWS, p=_SIZES)
    chances = rate * (_TIMES / (_TIMES @ _SIZES))[strata]
    bad = draws.random(ROWS) < chances
    doubt = draws.normal(size=ROWS) + 1.5 * bad
    names = [f"row-{n}" for n in range(ROWS)]
    doubtful = np.argsort(-doubt)[: REVIEWED if reviews else 0]
    return Simulated(
        [(name, ("meld", f"root {s}")) for name, s in zip(names, strata, strict=True)],
        {names[n] for n in np.flatnonzero(bad)},
        {names[n] for n in doubtful},
    )


def audited(build: Simulated, draws: np.random.Generator, *, to_the_end: bool) -> AuditOutcome:
    """Return what an audit of a build finds."""
    unseen: dict[Stratum, int] = {}
    for _, stratum in build.unseen:
        unseen[stratum] = unseen.get(stratum, 0) + 1
    needed = rows_needed(0.02, 0.95, 0, len(build.unseen))
    plan = AuditPlan(1, 0.02, 0.95, 0, needed, to_the_end, salt=f"{draws.integers(2**62):016x}")
    strata = dict(build.rows)
    walked = (
        Drawn(_item(name, strata[name]), _verdict(name in build.bad, draws))
        for name in in_order(build.rows, plan.salt)
        if name not in build.reviewed
    )
    sample: AuditSample = gathered(plan, walked)
    return outcome_of(plan, sample, unseen)


def coverage(
    rate: float, *, reviews: bool, to_the_end: bool, draws: int, builds: int = 20
) -> dict[str, float]:
    """Return how often the interval and the one-sided bound hold the true share, and more."""
    random = np.random.default_rng(7)
    held = bound = shown = judged = 0.0
    for number in range(builds):
        build = simulated(rate, reviews, random)
        for _ in range(draws // builds):
            found = audited(build, random, to_the_end=to_the_end)
            if found.low is None or found.high is None or found.at_most is None:
                raise RuntimeError(f"nothing was judged in build {number}")
            held += found.low <= build.share <= found.high
            bound += build.share <= found.at_most
            shown += bool(found.passed)
            judged += found.judged
    of = builds * (draws // builds)
    return {"interval": held / of, "at most": bound / of, "shown": shown / of, "rows": judged / of}


def main() -> None:
    """Print one line for each rate."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--draws", type=int, default=2000)
    draws = asked.parse_args().draws
    for reviews in (False, True):
        for to_the_end in (False, True):
            for rate in RATES:
                found = coverage(rate, reviews=reviews, to_the_end=to_the_end, draws=draws)
                print(
                    f"{'reviewed' if reviews else 'alone   '} "
                    f"{'to the end   ' if to_the_end else 'until decided'} {rate:4.0%} bad: "
                    f"interval holds {found['interval']:.1%}, bound {found['at most']:.1%}, "
                    f"shown {found['shown']:.1%}, {found['rows']:.0f} rows judged",
                    flush=True,
                )


def _verdict(bad: bool, draws: np.random.Generator) -> str:
    if draws.random() < 0.02:
        return "skip"
    return "reject" if bad else "accept"


def _item(name: str, stratum: Stratum) -> Item:
    return Item("b", name, "0", 0, 0.0, False, False, 0, *stratum, "grief", "validation", "x", 0)


if __name__ == "__main__":
    main()
