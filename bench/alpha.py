"""How often the interval of Krippendorff's alpha holds the true alpha.

    python bench/alpha.py [--draws 2000]

Each of two or three people knows the true value with some probability, and else takes a value at
random, so that the true alpha of names is that probability squared. For ordered values and for sets
it is taken from 100,000 items. Values are three, of the same frequency or with shares of 60, 30 and
10 % or of 80, 15 and 5 %. Printed are the share of draws that have an interval, and how many of
those hold the true alpha.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.review.outcome.alpha import Distance, alpha  # noqa: E402 - needs the path

ITEMS = (30, 100, 300)
ALPHAS = (0.2, 0.5, 0.67, 0.8, 0.94)
EVEN, UNEVEN, ONE_OFTEN = (1 / 3, 1 / 3, 1 / 3), (0.6, 0.3, 0.1), (0.8, 0.15, 0.05)
CELLS: tuple[tuple[tuple[float, ...], int, Distance], ...] = (
    (EVEN, 2, "nominal"),
    (UNEVEN, 2, "nominal"),
    (EVEN, 3, "nominal"),
    (ONE_OFTEN, 2, "nominal"),
    (EVEN, 2, "masi"),
    (EVEN, 3, "ordinal"),
    (ONE_OFTEN, 3, "ordinal"),
)
# Two of them overlap, one is apart.
SETS = (frozenset("a"), frozenset("ab"), frozenset("c"))


def given(  # noqa: PLR0913 - what a cell is made of
    draws: np.random.Generator,
    items: int,
    true: float,
    shares: tuple[float, ...],
    people: int,
    distance: Distance,
) -> list[dict[str, int]] | list[dict[str, frozenset[str]]]:
    """Return the values that people give items."""
    values = draws.choice(len(shares), items, p=shares)
    noise = draws.choice(len(shares), (people, items), p=shares)
    told = np.where(draws.random((people, items)) < np.sqrt(true), values, noise)
    names = "xyz"[:people]
    if distance == "masi":
        return [{who: SETS[n] for who, n in zip(names, row, strict=True)} for row in told.T]
    return [dict(zip(names, map(int, row), strict=True)) for row in told.T]


def held(  # noqa: PLR0913 - what a cell is made of
    items: int,
    true: float,
    shares: tuple[float, ...],
    people: int,
    distance: Distance,
    draws: int,
) -> tuple[float, float | None]:
    """Return the share of draws with an interval, and the share of these that hold alpha."""
    random = np.random.default_rng(11)
    wanted = true
    if distance != "nominal":
        many = given(random, 100_000, true, shares, people, distance)
        wanted = alpha(many, distance).alpha or 0.0
    printed = right = 0
    for _ in range(draws):
        found = alpha(given(random, items, true, shares, people, distance), distance)
        if found.low is not None and found.high is not None:
            printed += 1
            right += found.low <= wanted <= found.high
    return printed / draws, right / printed if printed else None


def main() -> None:
    """Print one line for each cell."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--draws", type=int, default=2000)
    draws = asked.parse_args().draws
    for (shares, people, distance), items, true in product(CELLS, ITEMS, ALPHAS):
        printed, right = held(items, true, shares, people, distance, draws)
        kind = f"{distance}, {people} people, {'/'.join(f'{100 * one:.0f}' for one in shares)}"
        holds = "" if right is None else f", {right:.1%} of them hold"
        print(f"{kind}, {items:3} items, true {true:.2f}: {printed:.1%} printed{holds}", flush=True)


if __name__ == "__main__":
    main()
