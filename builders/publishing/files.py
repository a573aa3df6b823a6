"""Files of a version: Parquet shards, one row group for each of the build's, and their digests."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from builders.parquet import arrow_schema, file_digest, open_writer, table_of, with_audio

SUMS = "SHA256SUMS"
Row = dict[str, Any]


class RowFile:
    """Writes one Parquet file; it is there only when it has a row.

    Args:
        path: where it goes.
        schema: the JSON Schema of its rows.
    """

    def __init__(self, path: Path, schema: dict[str, Any]) -> None:
        self.path = path
        self.rows = 0
        self._schema = arrow_schema(schema)
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: Sequence[Row], clips: pa.Array) -> list[Row]:
        """Write rows as one row group; return them as Arrow gives them, clips as their SHA-256.

        Args:
            rows: JSON values; an `audio` among their columns has a path and no bytes.
            clips: the bytes of each row's clip, null where none goes out.
        """
        table = table_of([orjson.dumps(row) for row in rows], self._schema)
        back: list[Row] = table.to_pylist()
        if "audio" in self._schema.names:
            if clips.null_count < len(clips):
                table = with_audio(table, clips)
            for row, clip in zip(back, clips, strict=True):
                if row["audio"]:
                    row["audio"]["bytes"] = hashlib.sha256(clip.as_buffer()).hexdigest()
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


def clips_of(table: pa.Table) -> pa.Array:
    """Return the bytes of a table's clips as they lie there; nothing is decoded or copied."""
    # Not the struct's own child, which does not know where the struct is null.
    return pc.struct_field(table.column("audio").combine_chunks(), "bytes")


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
