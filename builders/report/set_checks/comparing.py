"""Comparing replies with people's next turns: matching, measures, and the interval of people's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import sqrt

import polars as pl

from builders import resources
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.manifest_views import SetCheck
from builders.report.set_checks.acts import with_acts
from builders.report.set_checks.measures import EXAMPLES, MEASURES, Texts
from builders.stats import wilson

# As many pairs at most: shares of what is the same twice grow with the size of a set.
MOST = 2_000
# Groups of dialogues, one of which is left out at a time.
GROUPS = 20
# Student's t for 95 % at GROUPS - 1 degrees of freedom.
_T = 2.093
# Upper ends of the bands of length, in words.
_BANDS = (3, 9, 18, 30, 48)
# What replies and turns that are compared have in common: all of it, or what leaves enough turns.
_CELLS = (("corpus", "root", "band"), ("corpus", "root"))
_DRAWN_BY = ("order", "dialogue", *_CELLS[0])
# Of the words of the smaller side, so that one left-out group leaves enough.
_TOKENS = 0.85
# Of the first byte of a hash.
_LAST_OF_FIRST_HALF = 127
# So that every machine writes the same manifest.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _Sides:
    """Replies and people's turns that are compared, and all replies that can be measured.

    `by_length` says whether the two are of like length.
    """

    ours: pl.DataFrame
    people: pl.DataFrame
    every: pl.DataFrame
    by_length: bool = True


def compare(replies: pl.DataFrame) -> list[SetCheck]:
    """Return each measure of the replies, beside people's where there are enough dialogues.

    Args:
        replies: as `reading.replies` returns them.
    """
    known = replies.with_columns(pl.col("root").fill_null("unknown"), _order())
    sides = {"": _alike(*_both(known)), "emotions": _paired(known)} | _acting(with_acts(known))
    return [_measured(row, sides.get(row.text("code"), sides[""])) for row in checks()]


def _measured(row: TableRow, sides: _Sides) -> SetCheck:
    if not _enough(sides.people):
        return _alone(row, sides.every)
    found = _beside(row, sides.ours, sides.people)
    return found if sides.by_length else {**found, "any_length": True}


@cache
def checks() -> tuple[TableRow, ...]:
    """Return the rows of the table of measures.

    Raises:
        LabelError: the table is wrong; the line says where.
    """
    path = resources.label_maps() / "reply" / "_set_checks.tsv"
    columns = ("code", "unit", "worse", "sentence", "formula")
    rows = read_rows(path, columns, key=["code"], optional="told")
    for row in rows:
        row.choice("code", MEASURES)
        row.choice("worse", ("high", "low"))
        row.choice("unit", ("share", "ratio", "bits"))
    return tuple(rows)


def texts(frame: pl.DataFrame, tokens: int) -> Texts:
    """Return the texts of a table in its order."""
    lists = {
        name: [tuple(one) for one in frame[name].to_list()] if name in frame.columns else ()
        for name in ("words", "acts", "before_acts")
    }
    return Texts(
        lists["words"],
        frame["emotion"].to_list(),
        tokens,
        lists["acts"],
        lists["before_acts"],
        [in_second_half(name) for name in frame["dialogue"].to_list()],
    )


@cache
def in_second_half(dialogue: str | None) -> bool:
    """Return in which half of all dialogues one is: by the first bit of the SHA-256 of its id."""
    return sha256(str(dialogue).encode()).digest()[0] > _LAST_OF_FIRST_HALF


def _both(replies: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return replies and people's next turns, as a table of texts each."""
    ours = replies.with_columns(_root(), _band("words"))
    answered = replies.select("order", "next_id").with_row_index("at")
    answered = answered.filter(replies["next_words"].list.len() > 0)
    # Two utterances in a row have the same next turn, which was said once.
    once = answered.sort("order").unique("next_id", keep="first")
    people = replies[once["at"]].with_columns(
        pl.col("next_words").alias("words"), pl.col("next_root").alias("emotion")
    )
    if "next_acts" in people.columns:
        people = people.with_columns(pl.col("next_acts").alias("acts"))
    return ours, people.with_columns(_band("words"))


def _alike(ours: pl.DataFrame, people: pl.DataFrame) -> _Sides:
    """Return as many replies as people's turns of each corpus, emotion and length.

    Of any length, where people say too little that is as long as the replies.
    """
    # Drawn by few columns, as each draw puts a whole table in order, words and all.
    own, theirs = (frame.select(_DRAWN_BY).with_row_index("at") for frame in (ours, people))
    for cell in _CELLS:
        rooms = _rooms(own, theirs, cell)
        drawn = _drawn(theirs, rooms, cell)
        if _enough(drawn):
            break
    by_length = "band" in cell
    return _Sides(ours[_drawn(own, rooms, cell)["at"]], people[drawn["at"]], ours, by_length)


def _rooms(ours: pl.DataFrame, people: pl.DataFrame, cell: Sequence[str]) -> pl.DataFrame:
    """Return for how many of each cell there is room on both sides."""
    counts = (frame.group_by(cell).len() for frame in (ours, people))
    both = next(counts).join(next(counts), on=cell, suffix="_people")
    rooms = both.select(*cell, pl.min_horizontal("len", "len_people").alias("room"))
    least = max(1.0, rooms["room"].sum() / MOST)
    return rooms.with_columns((pl.col("room") / least).ceil().cast(pl.Int64).alias("room"))


def _enough(people: pl.DataFrame) -> bool:
    return people["dialogue"].n_unique() >= GROUPS


def _paired(replies: pl.DataFrame) -> _Sides:
    """Return the replies whose next turn has a known emotion, with their own and with that."""
    both = pl.col("next_root").is_not_null() & pl.col("emotion").is_not_null()
    ours = replies.filter(both).with_columns(_root())
    return _Sides(ours, ours.with_columns(pl.col("next_root").alias("emotion")), ours)


def _acting(replies: pl.DataFrame) -> dict[str, _Sides]:
    """Return what the measures of strategies compare: texts of which enough is known."""
    ours, people = _both(replies)
    acts, before = pl.col("acts").list.len(), pl.col("before_acts").list.len()
    wanted = {
        "template": acts > 1,
        "sequences": acts > 0,
        "acts_kept": (acts > 0) & (before > 0),
    }
    return {code: _alike(ours.filter(one), people.filter(one)) for code, one in wanted.items()}


def _root() -> pl.Expr:
    return pl.col("emotion").map_elements(vocabulary().root_of, return_dtype=pl.String)


def _drawn(frame: pl.DataFrame, rooms: pl.DataFrame, cell: Sequence[str]) -> pl.DataFrame:
    """Return as many rows of each cell as there is room for, in the order of their hashes."""
    ordered = frame.join(rooms, on=cell).sort("order")
    return ordered.filter(pl.int_range(pl.len()).over(cell) < pl.col("room"))


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
    every = texts(replies, _words(replies))
    return _with_example(
        {
            "code": row.text("code"),
            "value": round(MEASURES[row.text("code")](every), _DIGITS),
            "people": None,
            "low": None,
            "high": None,
            "texts": len(replies),
            "tokens": _words(replies),
            "out": False,
        },
        every,
    )


def _beside(row: TableRow, ours: pl.DataFrame, people: pl.DataFrame) -> SetCheck:
    """Return a measure of both."""
    measure = MEASURES[row.text("code")]
    tokens = int(_TOKENS * min(_words(ours), _words(people)))
    theirs = texts(people, tokens)
    own = texts(ours, tokens)
    value, said = measure(own), measure(theirs)
    low, high = _interval(row, said, theirs, people["dialogue"].rank("dense").to_list())
    return _with_example(
        {
            "code": row.text("code"),
            "value": round(value, _DIGITS),
            "people": round(said, _DIGITS),
            "low": round(low, _DIGITS),
            "high": round(high, _DIGITS),
            "texts": len(people),
            "tokens": tokens,
            "out": value > high if row.text("worse") == "high" else value < low,
        },
        own,
    )


def _with_example(found: SetCheck, own: Texts) -> SetCheck:
    """Return a measure with what it found most often in the replies, where that can be named."""
    name = EXAMPLES.get(found["code"])
    if name and (example := name(own)):
        found["example"] = example
    return found


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
