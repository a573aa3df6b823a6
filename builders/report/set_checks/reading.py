"""What the checks of a set read: each reply and what a person really said next, as words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from builders.record.next_turns import COLUMNS, next_turns
from builders.report.tallies import batches

# One word: letters, digits and the apostrophes within.
WORD = r"[\p{L}\p{N}]+(?:['\u2019][\p{L}\p{N}]+)*"
_COLUMNS = (
    *COLUMNS,
    "source.corpus",
    "source.dialogue_id",
    "desired_response.text",
    "desired_response.emotion",
)


def replies(paths: Sequence[Path], out: Collection[str] = ()) -> pl.DataFrame:
    """Return a row for each sample.

    Columns: `id`, `corpus`, `dialogue`, `root` (the target's coarse emotion, or None), `emotion`
    (the reply's, or None), `words` (of the reply), `next_words` (of the person's next turn, or
    None where nobody answers or a turn is missing before it), `next_id`, `next_root` (that turn's
    coarse emotion where it is a sample too, or None).
    """
    parts = [_frame(batch) for path in paths for batch in batches(path, _COLUMNS, out)]
    if not parts:
        return pl.DataFrame(schema=SCHEMA)
    samples = pl.concat(parts)
    answers = next_turns(samples).filter(~pl.col("hole_after"))
    answers = answers.select("id", "next_id", "next_root", "next")
    joined = _table(samples).join(answers, on="id", how="left", maintain_order="left")
    return joined.with_columns(_words("text").alias("words"), _words("next").alias("next_words"))


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(batch))


def _table(samples: pl.DataFrame) -> pl.DataFrame:
    source, target = pl.col("source").struct, pl.col("target_utterance").struct
    reply = pl.col("desired_response").struct
    return samples.select(
        pl.col("id"),
        source.field("corpus").alias("corpus"),
        source.field("dialogue_id").alias("dialogue"),
        target.field("emotions").struct.field("root").alias("root"),
        reply.field("emotion").alias("emotion"),
        reply.field("text").alias("text"),
    )


def _words(column: str) -> pl.Expr:
    return pl.col(column).str.to_lowercase().str.extract_all(WORD)


_TEXT = ("id", "corpus", "dialogue", "root", "emotion", "next_id", "next_root")
_WORDS = ("words", "next_words")
SCHEMA = pl.Schema(
    [(name, pl.String()) for name in _TEXT] + [(name, pl.List(pl.String())) for name in _WORDS]
)
