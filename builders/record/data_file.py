"""One Parquet file of a build, read with its checksums; damage becomes a one-line error."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from builders.errors import ConfigError, VerificationError
from builders.record.manifest import RESTORE
from builders.record.parquet import REJECTED, file_digest, sample_schema
from builders.record.version_1 import (
    as_version_2,
    columns_of_version_1,
    is_version_1,
    place_in_version_1,
)

BATCH = 100
# What Parquet inserts into the path of a list's elements.
_LIST = ".list.element"


def damaged(path: Path, found: str, expected: str) -> VerificationError:
    """Return the error for a file that is not what its build wrote."""
    return VerificationError(
        f"{path.name} {found}", where=path.parent, expected=expected, do=RESTORE
    )


def check_file(path: Path, rows: int, size: int | None, sha256: str, footer: bool = True) -> None:
    """Compare a file with the manifest: its size, and the row count in its footer.

    If the manifest has no size, the digest is compared instead. Without `footer`, the row count is
    left to `check_rows`, when the file is read.

    Raises:
        VerificationError: it is missing, truncated, unreadable or another file.
    """
    with _translated(path):
        found = path.stat().st_size
        if size is None:
            check_digest(path, sha256)
        elif found != size:
            raise damaged(path, f"has {found:,} bytes", f"{size:,}, as manifest.json says")
        counted = pq.read_metadata(path).num_rows if footer else rows
    check_rows(path, counted, rows)


def check_rows(path: Path, counted: int, rows: int) -> None:
    """Compare the row count in a file's footer with the manifest's; raises as `check_file`."""
    if counted != rows:
        raise damaged(path, f"has {counted:,} rows", f"{rows:,}, as manifest.json says")


def check_digest(path: Path, sha256: str) -> None:
    """Compare the SHA-256 of a whole file; VerificationError if a byte has changed."""
    with _translated(path):
        found = file_digest(path)
    if found != sha256:
        raise damaged(
            path, f"has the SHA-256 {found[:12]}…", f"{sha256[:12]}…, as manifest.json says"
        )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise damaged(path, "is missing", "the file that manifest.json lists") from error
    # Bytes that are not text are only found when they are converted to Python strings.
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        said = str(error).split("\n")[0]
        raise damaged(
            path, f"cannot be read ({said})", "the file that manifest.json lists"
        ) from error


class DataFile:
    """A Parquet file opened for reading; use it with `with`.

    Columns are names of `schemas/sample.schema.json`, dotted for nested parts, as
    ``text_context.role``; columns that an older file does not have are left out.

    Args:
        path: the file.
        footer: its footer, if it was read before.

    Raises:
        VerificationError: it is missing or cannot be read; the reading methods raise this too.
    """

    def __init__(self, path: Path, footer: pq.FileMetaData | None = None) -> None:
        self.path = path
        with _translated(path):
            self._file = pq.ParquetFile(path, metadata=footer, page_checksum_verification=True)
        self._is_version_1 = is_version_1(self._file.schema_arrow.names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def footer(self) -> pq.FileMetaData:
        """Return the footer, which describes the row groups."""
        return self._file.metadata

    @property
    def leaves(self) -> list[str]:
        """Return the dotted names of all columns that hold values, in order."""
        return [_plain(leaf.path) for leaf in self._file.schema]

    def has(self, column: str) -> bool:
        """Return whether the file itself has a column, and not only the form it is read in."""
        place = place_in_version_1(column) if self._is_version_1 else column
        return place is not None and bool(self._leaves_of(place))

    def batches(
        self, columns: Sequence[str] | None = None, batch: int = BATCH, first_group: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches, in order; only of the first row group if requested."""
        groups = [0] if first_group and self.footer.num_row_groups else None
        with _translated(self.path):
            for part in self._file.iter_batches(batch, groups, self._paths(columns)):
                if self._is_version_1:
                    table = as_version_2(pa.Table.from_batches([part]), columns)
                    yield from table.combine_chunks().to_batches()
                else:
                    yield part

    def group(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return a row group."""
        with _translated(self.path):
            table = self._file.read_row_group(number, self._paths(columns))
            return as_version_2(table, columns) if self._is_version_1 else table

    def table(
        self, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None
    ) -> pa.Table:
        """Return all rows, or those of some row groups.

        Leave ``audio`` out, whose clips would all be in memory.
        """
        with _translated(self.path):
            chosen = range(self.footer.num_row_groups) if groups is None else groups
            table = self._file.read_row_groups([*chosen], self._paths(columns))
            return as_version_2(table, columns) if self._is_version_1 else table

    def groups_with(self, rows: Iterable[int]) -> dict[int, range]:
        """Return the row groups with some of these rows, each with its rows, counted from 0."""
        sizes = [self.footer.row_group(n).num_rows for n in range(self.footer.num_row_groups)]
        ends = [*accumulate(sizes)]
        asked = {bisect_right(ends, row) for row in rows}
        return {n: range(ends[n] - sizes[n], ends[n]) for n in sorted(asked)}

    def groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the row groups, in order."""
        for number in range(self.footer.num_row_groups):
            yield self.group(number, columns)

    def _paths(self, columns: Sequence[str] | None) -> list[str] | None:
        if columns is None:
            return None
        for name in columns:
            top = name.partition(".")[0]
            if top not in _KNOWN and top not in self._file.schema_arrow.names:
                raise ConfigError(f"there is no column {name!r}", where=self.path)
        if self._is_version_1:
            columns = columns_of_version_1(columns) or ()
        return [path for name in columns for path in self._leaves_of(name)]

    @cached_property
    def _leaves(self) -> list[tuple[str, str]]:
        """Return the path of each leaf, as columns are named and as the file has it."""
        return [(f"{_plain(leaf.path)}.", leaf.path) for leaf in self._file.schema]

    def _leaves_of(self, column: str) -> list[str]:
        return [path for named, path in self._leaves if named.startswith(f"{column}.")]


def rows_of(path: Path, batch: pa.RecordBatch | pa.Table) -> list[dict[str, object]]:
    """Return rows read from a file as Python values, one dict per row."""
    with _translated(path):
        rows: list[dict[str, object]] = batch.to_pylist()
        return rows


def _plain(path: str) -> str:
    return path.replace(_LIST, "")


_KNOWN = {*sample_schema().names, *REJECTED.names}
