"""Clips inside Parquet files, as mirrors on the Hub have them: bytes and a name in a row.

One group of rows is held in memory at a time for each file; libraries write about a hundred rows of
sound into a group.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from builders.audio.clips import ClipError, name_in
from builders.record.types import Media

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

BYTES = "bytes"


def content_of(path: Path, column: str, row: int) -> bytes:
    """Return a clip of a Parquet file.

    Args:
        path: the file.
        column: a column of structs with a field `bytes`.
        row: the number of the row in the file, from 0.

    Raises:
        ClipError: the file cannot be read, or the row has no clip.
    """
    import pyarrow as pa

    try:
        starts = _starts(path, path.stat().st_mtime_ns)
        group = bisect_right(starts, row) - 1
        content = _group(path, column, group, path.stat().st_mtime_ns)[row - starts[group]][BYTES]
    except (OSError, pa.ArrowException, LookupError, TypeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClipError("clip_unreadable", f"{path.name}, row {row + 1}: {said}") from error
    if not (found := content.as_py()):
        raise ClipError("clip_missing", f"{path.name} has no clip in row {row + 1}")
    return bytes(found)


def inside_of(media: Media, path: Path) -> bytes | None:
    """Return a clip that is inside a Parquet file; None where it is a file, or part of one."""
    if media.column is None or media.row is None:
        return None
    return content_of(path, media.column, media.row)


def sha256_of(inside: bytes) -> str:
    """Return the digest of a clip inside another file."""
    return hashlib.sha256(inside).hexdigest()


def source_name(media: Media, path: Path, root: Path) -> str:
    """Return what records call a clip: its path under `root`, and the row where it is in one."""
    name = name_in(path, media.path, root)
    return name if media.row is None else f"{name}:{media.row + 1}"


@lru_cache(maxsize=64)
def _starts(path: Path, _mtime_ns: int) -> list[int]:
    """Return the first row of each group of a file."""
    import pyarrow.parquet as pq

    told = pq.read_metadata(path)
    rows = [told.row_group(number).num_rows for number in range(told.num_row_groups)]
    return [0, *accumulate(rows)][:-1]


@lru_cache(maxsize=3)
def _group(path: Path, column: str, group: int, _mtime_ns: int) -> ChunkedArray:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read_row_group(group, columns=[f"{column}.{BYTES}"]).column(0)
