"""People's next turns: after each sample, what the next other speaker said, by the build's files.

A turn that the corpus lacks is closed up in a build: the next turn may lie behind a hole. The
corpus's own numbers of its turns show that. They are the last part of an id, as 7 or F007, where
each prefix has numbers of its own. Numbers that mostly skip (times, for example) show nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

# What must be read of a build.
COLUMNS = (
    "id",
    "target_utterance.emotions",
    "text_context.id",
    "text_context.emotion",
    "text_context.gap_seconds",
    "reference_response",
)
_SERIES = ["place", "series"]
# At least this share of a corpus's steps from one number to the next must be 1.
_STEADY = 0.5


@dataclass(frozen=True, slots=True)
class Turns:
    """What some samples tell of turns: `found`, of each sample; `earlier`, `pairs`, of contexts.

    A turn stands in the contexts of many samples; here it is once, so that memory does not hold
    every context of a large build.
    """

    found: pl.DataFrame
    earlier: pl.DataFrame
    pairs: pl.DataFrame


def turns_of(samples: pl.DataFrame) -> Turns:
    """Return what the rows of a build, or some of them, with at least `COLUMNS` tell of turns."""
    emotions = pl.col("target_utterance").struct.field("emotions").struct
    after = pl.col("reference_response").struct
    found = samples.select(
        "id",
        emotions.field("root").alias("root"),
        emotions.field("primary").alias("primary"),
        after.field("id").alias("next_id"),
        after.field("speaker").alias("next_speaker"),
        after.field("text").alias("next"),
    )
    return Turns(found, _earlier(samples), _pairs(samples))


def next_turns(samples: pl.DataFrame, others: pl.Series | None = None) -> pl.DataFrame:
    """Return a row for each sample, in order, with what is known of the next turn.

    Columns: `id`; of the next turn by another speaker `next_id`, `next_speaker`, `next` (its text),
    all null where there is none; `next_root` and `next_emotion` (where it is a sample, or for the
    latter an earlier turn of one); `gap_seconds` between the two; `is_direct` (nothing is known to
    stand between); `hole_after` (a turn is missing between the two), `hole_before` (one is missing
    right before the sample).

    Args:
        samples: the rows of a build with at least `COLUMNS`.
        others: ids of further turns of the corpus, such as rejected ones that stand in contexts.
    """
    return next_turns_of([turns_of(samples)], others)


def next_turns_of(parts: Iterable[Turns], others: pl.Series | None = None) -> pl.DataFrame:
    """Return what `next_turns` does, of a build that was read in parts."""
    every = list(parts)
    found = pl.concat(part.found for part in every)
    earlier = pl.concat(part.earlier for part in every)
    pairs = pl.concat(part.pairs for part in every).unique()
    turns = _numbered(_ids(found, earlier, others))
    labels = found.select("id", pl.col("primary").alias("next_emotion"), "root")
    known = (
        found.select("id", "next_id", "next_speaker", "next")
        .join(_labels(labels, earlier), left_on="next_id", right_on="id", how="left")
        .join(_gaps(earlier), on="id", how="left")
        .join(turns, on="id", how="left")
        .join(turns, left_on="next_id", right_on="id", how="left", suffix="_next")
        .join(pairs, on=["id", "next_id"], how="left")
    )
    rows = known.select(
        *("id", "next_id", "next_speaker", "next", "next_root", "next_emotion", "gap_seconds"),
        (pl.col("is_pair").fill_null(False) | _consecutive()).fill_null(False).alias("is_direct"),
        (pl.col("next_id").is_not_null() & _between().fill_null(False)).alias("hole_after"),
        (pl.col("skipped") > 0).fill_null(False).alias("hole_before"),
    )
    return found.select("id").join(rows, on="id", how="left", maintain_order="left")


def _earlier(samples: pl.DataFrame) -> pl.DataFrame:
    """Return the earlier turns of samples: `id`, `emotion`, `gap_seconds`, the same once."""
    turns = samples.select(pl.col("text_context").alias("turn")).explode("turn").drop_nulls()
    names = ("id", "emotion", "gap_seconds")
    rows = turns.select(pl.col("turn").struct.field(name) for name in names)
    return rows.unique(maintain_order=True)


def _ids(found: pl.DataFrame, earlier: pl.DataFrame, others: pl.Series | None) -> pl.Series:
    """Return the ids of all known turns, each once."""
    parts = [found["id"], earlier["id"], found["next_id"].drop_nulls()]
    parts += [] if others is None else [others]
    return pl.concat([part.cast(pl.String).alias("id") for part in parts]).unique()


def _numbered(ids: pl.Series) -> pl.DataFrame:
    """Return the turns with their numbers.

    Columns: `id`, `place` (the dialogue), `series` (the prefix of the number), `number`, `skipped`
    (how many numbers are missing before it), `skipped_later` (before the next of its series),
    `holes` (how many times numbers are missing up to it).
    """
    split = pl.DataFrame(ids).with_columns(
        pl.col("id").str.extract(r"^(.*)-[^-]*$").alias("place"),
        pl.col("id").str.extract(r"-([^-]*?)\d*$").alias("series"),
        pl.col("id").str.extract(r"(\d+)$").cast(pl.Int64, strict=False).alias("number"),
        pl.col("id").str.extract(r"^([^-]*)-").alias("corpus"),
    )
    ordered = split.sort(*_SERIES, "number", "id")
    step = pl.col("number") - pl.col("number").shift(1).over(_SERIES) - 1
    first = pl.col("number") - pl.col("number").min().over("corpus")
    plain = pl.when(pl.col("series") == "").then(first)
    counted = ordered.with_columns(step.alias("step")).with_columns(
        pl.col("step").fill_null(plain).alias("skipped"),
        ((pl.col("step") == 0).mean().over("corpus") >= _STEADY).fill_null(False).alias("steady"),
    )
    skipped = pl.when(pl.col("steady")).then(pl.col("skipped")).otherwise(0).fill_null(0)
    return counted.with_columns(skipped.alias("skipped")).select(
        *("id", *_SERIES, "number", "skipped"),
        pl.col("skipped").shift(-1).over(_SERIES).alias("skipped_later"),
        (pl.col("skipped") > 0).cast(pl.Int32).cum_sum().over(_SERIES).alias("holes"),
    )


def _between() -> pl.Expr:
    """Return whether numbers are missing between a sample and its next turn."""
    same = pl.col("series") == pl.col("series_next")
    # Of two series, it is not known where a missing turn stood: it may have been in between.
    near = (pl.col("skipped_next") > 0) | (pl.col("skipped_later") > 0).fill_null(False)
    return pl.when(same).then(pl.col("holes_next") > pl.col("holes")).otherwise(near)


def _consecutive() -> pl.Expr:
    same = pl.col("series") == pl.col("series_next")
    return same & (pl.col("number") + 1 == pl.col("number_next"))


def _labels(labels: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Return `next_root` and `next_emotion` by id: those of samples, else of earlier turns."""
    own = labels.rename({"root": "next_root"}).unique("id", keep="first", maintain_order=True)
    heard = earlier.select("id", pl.col("emotion").alias("next_emotion")).drop_nulls()
    heard = heard.with_columns(pl.lit(None, pl.String).alias("next_root")).unique("id")
    names = ["id", "next_root", "next_emotion"]
    rest = heard.join(own, on="id", how="anti")
    return pl.concat([own.select(names).cast(pl.String), rest.select(names).cast(pl.String)])


def _gaps(earlier: pl.DataFrame) -> pl.DataFrame:
    return earlier.select("id", "gap_seconds").drop_nulls().unique("id", keep="first")


def _pairs(samples: pl.DataFrame) -> pl.DataFrame:
    """Return which two turns stand next to each other in the contexts: `id`, `next_id`."""
    ids = pl.col("text_context").list.eval(pl.element().struct.field("id"))
    rows = samples.select(pl.concat_list(ids, pl.col("id")).alias("id")).with_row_index("row")
    turns = rows.explode("id").with_columns(pl.col("id").shift(-1).over("row").alias("next_id"))
    pairs = turns.select("id", "next_id").drop_nulls().unique()
    return pairs.with_columns(pl.lit(True).alias("is_pair"))
