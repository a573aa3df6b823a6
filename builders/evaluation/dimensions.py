"""What models judge: the tests, their dimensions, and the scale of each, from a table.

A score means nothing without its scale, which is always taken from
``label_maps/judge/_dimensions.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import TableRow, read_rows

SWAP = "swap"

_COLUMNS = ("test", "dimension", "low", "high", "better", "asked")
_BETTER = ("high", "low")


@dataclass(frozen=True, slots=True)
class Dimension:
    """One thing that a test measures.

    Attributes:
        test: the test.
        name: the dimension, as records and judgements name it.
        low: the lowest score.
        high: the highest score.
        better: which end of the scale is better.
        asked: the question, in a sentence.
    """

    test: str
    name: str
    low: float
    high: float
    better: Literal["high", "low"]
    asked: str

    def shortfall(self, score: float) -> float:
        """Return how far a score lies from the best one: 0 is the best, 1 the worst."""
        place = (self.checked(score) - self.low) / (self.high - self.low)
        return 1 - place if self.better == "high" else place

    def checked(self, score: float) -> float:
        """Return a score; LabelError where it is not on the scale."""
        if not self.low <= score <= self.high:
            raise LabelError(
                f"a score of {score:g} for {self.name}",
                expected=f"{self.low:g} to {self.high:g}, as {_path()} says",
                do="change the scale there, or judge again",
            )
        return score


def dimension(name: str) -> Dimension:
    """Return a dimension by its name; LabelError where the table has no such row."""
    known = load_dimensions()
    if name not in known:
        raise LabelError(
            f"a judgement has the unknown dimension {name!r}",
            expected=f"one of {', '.join(known)}",
            do=f"add a row with its scale to {_path()}",
        )
    return known[name]


@cache
def load_dimensions() -> Mapping[str, Dimension]:
    """Return the dimensions by name, in table order; LabelError where the table is wrong."""
    rows = read_rows(_path(), _COLUMNS, key=("dimension",))
    return {found.name: found for found in map(_dimension, rows)}


def _path() -> Path:
    return resources.label_maps() / "judge" / "_dimensions.tsv"


def _dimension(row: TableRow) -> Dimension:
    low, high = (_number(row, column) for column in ("low", "high"))
    if low >= high:
        raise row.error("high", f"more than {low:g}, the lowest score")
    better = cast(Literal["high", "low"], row.choice("better", _BETTER))
    named = row.text("test"), row.text("dimension")
    return Dimension(*named, low, high, better, row.text("asked"))


def _number(row: TableRow, column: str) -> float:
    try:
        return float(row.text(column))
    except ValueError as error:
        raise row.error(column, "a number") from error
