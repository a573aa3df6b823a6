"""What the checks of a set read: each reply and what a person really said next, as words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from builders.report.tallies import batches

# One word: letters, digits and the apostrophes within.
WORD = r"[\p{L}\p{N}]+(?:['\u2019][\p{L}\p{N}]+)*"
_COLUMNS = (
    "id",
    "source.corpus",
    "source.dialogue_id",
    "target_utterance.emotions.root",
    "desired_response.text",
    "desired_response.emotion",
    "reference_response.id",
    "reference_response.text",
)


def replies(paths: Sequence[Path], out: Collection[str] = ()) -> pl.DataFrame:
    """Return a row for each sample.

    Columns: `id`, `corpus`, `dialogue`, `root` (the target's coarse emotion, or None), `emotion`
    (the reply's, or None), `words` (of the reply), `next_words` (of the person's next turn, or
    None), `next_id`, `next_root` (that turn's coarse emotion where it is a sample too, or None).
    """
    parts = [_table(batch) for path in paths for batch in batches(path, _COLUMNS, out)]
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    found = pl.concat(parts)
    roots = found.select(pl.col("id").alias("next_id"), pl.col("root").alias("next_root"))
    joined = found.join(roots.unique("next_id"), on="next_id", how="left", maintain_order="left")
    return joined.with_columns(_words("text").alias("words"), _words("next").alias("next_words"))


def _table(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.DataFrame(pl.from_arrow(batch))
    source, target = pl.col("source").struct, pl.col("target_utterance").struct
    reply, after = pl.col("desired_response").struct, pl.col("reference_response").struct
    return frame.select(
        pl.col("id"),
        source.field("corpus").alias("corpus"),
        source.field("dialogue_id").alias("dialogue"),
        target.field("emotions").struct.field("root").alias("root"),
        reply.field("emotion").alias("emotion"),
        reply.field("text").alias("text"),
        after.field("id").alias("next_id"),
        after.field("text").alias("next"),
    )


def _words(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.extract_all(WORD)


_TEXT = ("id", "corpus", "dialogue", "root", "emotion", "next_id", "next_root")
_WORDS = ("words", "next_words")
SCHEMA = pl.Schema(
    [(name, pl.String()) for name in _TEXT] + [(name, pl.List(pl.String())) for name in _WORDS]
)
