"""What the checks of a set read: each reply, what was said before, and what a person said next."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from builders.record.next_turns import COLUMNS, Turns, next_turns_of, turns_of
from builders.report.tallies import batches

# One word: letters, digits and the apostrophes within.
WORD = r"[\p{L}\p{N}]+(?:['\u2019][\p{L}\p{N}]+)*"
_COLUMNS = (
    *COLUMNS,
    "language",
    "source.corpus",
    "source.dialogue_id",
    "text_context.role",
    "text_context.text",
    "desired_response.text",
    "desired_response.emotion",
    "executed.strategies.strategy",
)


def replies(paths: Sequence[Path], out: Collection[str] = ()) -> pl.DataFrame:
    """Return a row for each sample.

    Columns: `id`, `language`, `corpus`, `dialogue`, `root` and `valence` (the target's coarse
    emotion and its valence, or None), `emotion` (the reply's, or None), `text` and `words` (of the
    reply), `executed` (the strategies that the record says it carries out, None if nobody looked),
    `next` and `next_words` (of the person's next turn, or None where there is none or the corpus
    lacks a turn before it), `next_id`, `next_root` (that turn's coarse emotion where it is a sample
    too, or None), `before` (what somebody else than the target's speaker said last before the
    target, or None).
    """
    tables: list[pl.DataFrame] = []
    parts: list[Turns] = []
    for batch in (one for path in paths for one in batches(path, _COLUMNS, out)):
        frame = _frame(batch)  # with all earlier turns of each sample: only one is in memory
        tables.append(_table(frame))
        parts.append(turns_of(frame))
    if not tables:
        return pl.DataFrame(schema=SCHEMA)
    found, turns = pl.concat(tables), next_turns_of(parts)
    answers = turns.filter(~pl.col("hole_after")).select("id", "next_id", "next", "next_root")
    joined = found.join(answers, on="id", how="left", maintain_order="left")
    return joined.with_columns(_words("text").alias("words"), _words("next").alias("next_words"))


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(batch))


def _table(frame: pl.DataFrame) -> pl.DataFrame:
    source, target = pl.col("source").struct, pl.col("target_utterance").struct
    reply = pl.col("desired_response").struct
    emotions = target.field("emotions").struct
    return frame.select(
        pl.col("id"),
        pl.col("language"),
        source.field("corpus").alias("corpus"),
        source.field("dialogue_id").alias("dialogue"),
        emotions.field("root").alias("root"),
        emotions.field("valence").alias("valence"),
        reply.field("emotion").alias("emotion"),
        reply.field("text").alias("text"),
        _before().alias("before"),
        _executed(frame).alias("executed"),
    )


def _before() -> pl.Expr:
    """Return the last earlier turn that is not the target's speaker's."""
    turn = pl.element().struct
    others = pl.col("text_context").list.eval(
        turn.field("text").filter(turn.field("role") != "user")
    )
    return others.list.last()


def _executed(frame: pl.DataFrame) -> pl.Expr:
    """Return the strategies of a reply in their order; files of version 1 have no such column."""
    if "executed" not in frame.columns:
        return pl.lit(None, pl.List(pl.String()))
    tags = pl.col("executed").struct.field("strategies")
    return tags.list.eval(pl.element().struct.field("strategy"))


def _words(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.extract_all(WORD)


_TEXT = (
    *("id", "language", "corpus", "dialogue", "root", "valence", "emotion", "text"),
    *("next_id", "next", "before", "next_root"),
)
_LISTS = ("executed", "words", "next_words")
SCHEMA = pl.Schema(
    [(name, pl.String()) for name in _TEXT] + [(name, pl.List(pl.String())) for name in _LISTS]
)
