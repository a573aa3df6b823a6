"""Files of a version: Parquet shards, one row group for each of the build's, and their digests."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builders.record.parquet import (
    arrow_schema,
    file_digest,
    open_writer,
    table_of,
    with_audio,
)
from builders.record.schema import SchemaNode

SUMS = "SHA256SUMS"
# The bytes of clips, null where there is none; None where none was read.
Clips: TypeAlias = "pa.Array | None"


class RowFile:
    """Writes one Parquet file; it is there only when it has a row.

    Args:
        path: where it goes.
        schema: the JSON Schema of its rows.
    """

    def __init__(self, path: Path, schema: SchemaNode) -> None:
        self.path = path
        self.rows = 0
        self._schema = arrow_schema(schema, decode=False)
        self._writer: pq.ParquetWriter | None = None

    def write(
        self, rows: Sequence[Mapping[str, object]], clips: Clips, replies: Clips
    ) -> list[dict[str, object]]:
        """Write rows as one row group; return them as Arrow gives them, clips as their SHA-256.

        Args:
            rows: JSON values; an `audio` in them has a path and no bytes.
            clips: the bytes of each row's clip, null where it has none; None where none goes out.
            replies: those of the replies.
        """
        table = table_of([orjson.dumps(row) for row in rows], self._schema)
        back: list[dict[str, Any]] = table.to_pylist()
        if "audio" in self._schema.names and clips is not None:
            clips = _named(clips, [row["audio"] for row in back])
            if clips.null_count < len(clips):
                table = with_audio(table, clips)
        if "reply_audio" in self._schema.names and replies is not None:
            replies = _named(replies, [row["reply_audio"] for row in back])
            if replies.null_count < len(replies):
                table = with_audio(table, replies, "reply_audio")
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Chunks cut by content: of a changed shard, the Hub stores only what changed.
            self._writer = open_writer(self.path, self._schema, use_content_defined_chunking=True)
        self._writer.write_table(table)
        self.rows += len(rows)
        return back

    def close(self) -> None:
        """Finish the file."""
        if self._writer:
            self._writer.close()


def _named(clips: pa.Array, names: Sequence[dict[str, object] | None]) -> pa.Array:
    """Return the clips of the rows that name one, and put the SHA-256 of each beside its name."""
    for name, clip in zip(names, clips, strict=True):
        if name:
            name["bytes"] = hashlib.sha256(clip.as_buffer()).hexdigest()
    unnamed = pa.array([name is None for name in names])
    return pc.if_else(unnamed, None, clips) if any(n is None for n in names) else clips


def clips_of(table: pa.Table) -> Clips:
    """Return the bytes of a table's clips as they lie there; nothing is decoded or copied.

    None where they were not read.
    """
    return _bytes_of(table.column("audio").combine_chunks())


def replies_of(table: pa.Table) -> Clips:
    """Return the bytes of the spoken replies; see `clips_of`."""
    return _bytes_of(table.column("reply_audio").combine_chunks())


def _bytes_of(audio: pa.StructArray) -> Clips:
    # Not the struct's own child, which does not know where the struct is null.
    held = audio.type.get_field_index("bytes") >= 0
    return pc.struct_field(audio, "bytes") if held else None


def link(source: Path, target: Path) -> None:
    """Put a file that goes out as it is into its place: a hard link, or a copy elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def digests(paths: Sequence[Path]) -> list[str]:
    """Return the SHA-256 of each file, several at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(file_digest, paths))


def sums_text(sums: dict[str, str]) -> str:
    """Return the lines of `SHA256SUMS`, as `sha256sum --check` reads them."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(sums.items()))


def read_sums(text: str) -> dict[str, str]:
    """Return the digest of each path of a `SHA256SUMS`."""
    pairs = (line.partition("  ") for line in text.splitlines() if line)
    return {path: digest for digest, _, path in pairs}
