"""Comparing replies with people's next turns: matching, measures, and the interval of people's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from math import sqrt

import polars as pl

from builders import resources
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.manifest_views import SetCheck
from builders.report.set_checks.measures import MEASURES, Texts
from builders.stats import wilson

# As many pairs at most: shares of what is the same twice grow with the size of a set.
MOST = 2_000
# Groups of dialogues, one of which is left out at a time.
GROUPS = 20
# Student's t for 95 % at GROUPS - 1 degrees of freedom.
_T = 2.093
# Upper ends of the bands of length, in words.
_BANDS = (3, 9, 18, 30, 48)
_CELL = ["corpus", "root", "band"]
# Of the words of the smaller side, so that one left-out group leaves enough.
_TOKENS = 0.85
# So that every machine writes the same manifest.
_DIGITS = 6


def compare(replies: pl.DataFrame) -> list[SetCheck]:
    """Return each measure of the replies, beside people's where there are enough dialogues.

    Args:
        replies: as `reading.replies` returns them.
    """
    matched, paired = _matched(replies), _paired(replies)
    return [
        _beside(row, *(paired if row.text("code") == "emotions" else matched))
        or _alone(row, replies)
        for row in checks()
    ]


@cache
def checks() -> tuple[TableRow, ...]:
    """Return the rows of the table of measures.

    Raises:
        LabelError: the table is wrong; the line says where.
    """
    path = resources.label_maps() / "reply" / "_set_checks.tsv"
    rows = read_rows(path, ("code", "unit", "worse", "sentence", "formula"), key=["code"])
    for row in rows:
        row.choice("code", MEASURES)
        row.choice("worse", ("high", "low"))
        row.choice("unit", ("share", "ratio", "bits"))
    return tuple(rows)


def texts(frame: pl.DataFrame, tokens: int) -> Texts:
    """Return the texts of a table in its order."""
    words = [tuple(one) for one in frame["words"].to_list()]
    return Texts(words, frame["emotion"].to_list(), tokens)


def _matched(replies: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return replies and people's next turns: as many of each corpus, emotion and length."""
    known = replies.with_columns(pl.col("root").fill_null("unknown"), _order())
    ours = known.with_columns(_root(), _band("words"))
    people = known.filter(pl.col("next_words").list.len() > 0).with_columns(
        pl.col("next_words").alias("words"), pl.col("next_root").alias("emotion")
    )
    # Two utterances in a row have the same next turn, which was said once.
    people = people.sort("order").unique("next_id", keep="first").with_columns(_band("words"))
    rooms = _counts(ours).join(_counts(people), on=_CELL, suffix="_people")
    rooms = rooms.select(*_CELL, pl.min_horizontal("len", "len_people").alias("room"))
    least = max(1.0, rooms["room"].sum() / MOST)
    rooms = rooms.with_columns((pl.col("room") / least).ceil().cast(pl.Int64).alias("room"))
    return _drawn(ours, rooms), _drawn(people, rooms)


def _paired(replies: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the replies whose next turn has a known emotion, with their own and with that."""
    both = pl.col("next_root").is_not_null() & pl.col("emotion").is_not_null()
    ours = replies.filter(both).with_columns(_root())
    return ours, ours.with_columns(pl.col("next_root").alias("emotion"))


def _root() -> pl.Expr:
    return pl.col("emotion").map_elements(vocabulary().root_of, return_dtype=pl.String)


def _counts(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by(_CELL).len()


def _drawn(frame: pl.DataFrame, rooms: pl.DataFrame) -> pl.DataFrame:
    """Return as many rows of each cell as there is room for, in the order of their hashes."""
    ordered = frame.join(rooms, on=_CELL).sort("order")
    return ordered.filter(pl.int_range(pl.len()).over(_CELL) < pl.col("room"))


def _order() -> pl.Expr:
    def hashed(name: str) -> str:
        return sha256(name.encode()).hexdigest()[:16]

    return pl.col("id").map_elements(hashed, return_dtype=pl.String).alias("order")


def _band(column: str) -> pl.Expr:
    length = pl.col(column).list.len()
    return pl.sum_horizontal(*((length > end).cast(pl.Int8) for end in _BANDS)).alias("band")


def _words(frame: pl.DataFrame) -> int:
    return int(frame["words"].list.len().sum())


def _alone(row: TableRow, replies: pl.DataFrame) -> SetCheck:
    """Return a measure of replies that nothing of people's stands beside."""
    value = MEASURES[row.text("code")](texts(replies, _words(replies)))
    return {
        "code": row.text("code"),
        "value": round(value, _DIGITS),
        "people": None,
        "low": None,
        "high": None,
        "texts": len(replies),
        "tokens": _words(replies),
        "out": False,
    }


def _beside(row: TableRow, ours: pl.DataFrame, people: pl.DataFrame) -> SetCheck | None:
    """Return a measure of both; None where people's turns are of too few dialogues."""
    if people["dialogue"].n_unique() < GROUPS:
        return None
    measure = MEASURES[row.text("code")]
    tokens = int(_TOKENS * min(_words(ours), _words(people)))
    theirs = texts(people, tokens)
    value, said = measure(texts(ours, tokens)), measure(theirs)
    low, high = _interval(row, said, theirs, people["dialogue"].rank("dense").to_list())
    return {
        "code": row.text("code"),
        "value": round(value, _DIGITS),
        "people": round(said, _DIGITS),
        "low": round(low, _DIGITS),
        "high": round(high, _DIGITS),
        "texts": len(people),
        "tokens": tokens,
        "out": value > high if row.text("worse") == "high" else value < low,
    }


def _interval(
    row: TableRow, value: float, people: Texts, dialogues: Sequence[int]
) -> tuple[float, float]:
    """Return the 95 % interval of people's measure.

    Jackknife over groups of dialogues: drawing with replacement would make texts that are the
    same twice. A share is known no better than Wilson's interval for as many texts says.
    """
    measure = MEASURES[row.text("code")]
    groups = [number % GROUPS for number in dialogues]
    without = [measure(people.but([one != left for one in groups])) for left in range(GROUPS)]
    reach = _T * _jackknife_error(without)
    low, high = max(0.0, value - reach), value + reach
    if row.text("unit") == "share":
        least, most = wilson(value, len(people.words))
        low, high = min(low, least), min(1.0, max(high, most))
    return low, high


def _jackknife_error(without: Sequence[float]) -> float:
    n = len(without)
    mean = sum(without) / n
    return sqrt((n - 1) / n * sum((one - mean) ** 2 for one in without))
