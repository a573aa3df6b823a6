"""Bytes in rows of a Parquet file, read one group of rows at a time.

Libraries write about a hundred rows of sound into a group; three groups are held in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

BYTES = "bytes"
_ROWS = 16


def row_bytes(path: Path, column: str, row: int) -> bytes:
    """Return the field `bytes` of a struct `column` in a row, from 0; empty where it is null.

    Raises OSError, ArrowException, LookupError or TypeError where the file has no such thing.
    """
    changed = path.stat().st_mtime_ns
    starts = _starts(path, changed)
    group = bisect_right(starts, row) - 1
    return bytes(_group(path, column, group, changed)[row - starts[group]][BYTES].as_py() or b"")


def first_bytes(path: Path, column: str, count: int) -> Iterator[bytes]:
    """Yield the first `count` bytes of the field `bytes` of each row, in order; empty where null.

    The file is read once, a few rows at a time. Raises as `row_bytes`.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS, columns=[f"{column}.{BYTES}"]):
            inside = pc.struct_field(batch.column(0), BYTES)
            yield from (one or b"" for one in pc.binary_slice(inside, 0, count).to_pylist())


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
