"""A build as one lazy table of flat columns: only what is asked for is read from its files.

    Build("output/meld").scan().filter(pl.col("agreement") < 0.6).select("id", "reply").collect()

The columns are those of `schemas/flat_columns.tsv`, and the place of each sample: `file`, the name
of its file in `data/`, and `row` in it, from 0. Filters and choices of columns reach the files: of
these, only the fields that the columns are made of are read, one file at a time; and where rows are
filtered, the fields that the filter is about first, then the others of row groups with such rows.
Builds of other record versions have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from builders.errors import ConfigError, suggested
from builders.record.data_file import DataFile
from builders.record.dataset import REJECTED_FILE, Build
from builders.record.flat import REJECT, SAMPLE, FlatColumn, flat_columns, sources

FILE, ROW = "file", "row"
PLACE = {FILE: pl.String(), ROW: pl.Int64()}


def scan(build: Build, shards: Sequence[Path] | None = None) -> pl.LazyFrame:
    """Return the samples of a build in order, as a lazy table of flat columns.

    Args:
        build: the build.
        shards: some of its files; None for all.

    Collecting the table raises a VerificationError where a file is damaged.
    """
    read = partial(_frames, build, build.shards() if shards is None else shards)
    return register_io_source(read, schema=_schema(SAMPLE))


def scan_rejects(build: Build) -> pl.LazyFrame:
    """Return the rejects of a build in order, as a lazy table of their flat columns."""
    listed = any(file["path"] == REJECTED_FILE for file in build.files)
    files = [build.folder / REJECTED_FILE] if listed else []
    read = partial(_frames, build, files, kind=REJECT)
    return register_io_source(read, schema=_schema(REJECT))


def flat_table(build: Build, split: str | None, columns: Sequence[str] | None) -> pl.DataFrame:
    """Return the flat columns of a split, or some of them, as a table in memory.

    Raises:
        ConfigError: there is no such column.
    """
    known = [*flat_columns(), *PLACE]
    wanted = [*flat_columns()] if columns is None else [*columns]
    for name in wanted:
        if name not in known:
            raise ConfigError(f"there is no flat column {name!r}", **suggested(name, known))
    return scan(build, build.shards(split)).select(wanted).collect()


def _schema(kind: str) -> pl.Schema:
    return pl.Schema({name: one.dtype for name, one in flat_columns(kind).items()} | PLACE)


def _frames(  # noqa: PLR0913 - polars gives the last four
    build: Build,
    files: Sequence[Path],
    with_columns: Sequence[str] | None,
    predicate: pl.Expr | None,
    n_rows: int | None,
    batch_size: int | None,  # noqa: ARG001 - a file is a batch
    kind: str = SAMPLE,
) -> Iterator[pl.DataFrame]:
    """Yield a table for each file, as polars asks for it: its columns, its rows."""
    known = flat_columns(kind)
    wanted = [*known, *PLACE] if with_columns is None else [*with_columns]
    asked = {*wanted, *(predicate.meta.root_names() if predicate is not None else ())}
    columns = [column for name, column in known.items() if name in asked]
    for path in files:
        with build.opened(path) as file:
            frame = _rows(path, file, columns, predicate)
        if n_rows is not None:
            frame, n_rows = frame.head(n_rows), max(0, n_rows - len(frame))
        yield frame.select(wanted)
        if n_rows == 0:
            return


def _rows(
    path: Path, file: DataFile, columns: Sequence[FlatColumn], predicate: pl.Expr | None
) -> pl.DataFrame:
    """Return the rows of a file that meet a condition; of others, the rest is hardly read.

    What the condition is about is read first, then the rest of the row groups with such rows.
    """
    if predicate is None:
        return _frame(path, file.table(sources(columns) or ["id"]), columns)
    asked = {*predicate.meta.root_names()}
    about = [column for column in columns if column.name in asked]
    found = _frame(path, file.table(sources(about) or ["id"]), about).filter(predicate)
    rest = [column for column in columns if column.name not in asked]
    if not rest:
        return found
    groups = file.groups_with(found[ROW])
    here = pl.Series(ROW, [row for rows in groups.values() for row in rows], pl.Int64())
    read = _frame(path, file.table(sources(rest), [*groups]), rest).drop(PLACE)
    return pl.concat([found, read.filter(here.is_in(found[ROW].implode()))], how="horizontal")


def _frame(path: Path, table: pa.Table, columns: Sequence[FlatColumn]) -> pl.DataFrame:
    """Return some flat columns of a file's rows, and the place of each row."""
    read = pl.DataFrame(table)
    place = [pl.lit(path.name).alias(FILE), pl.int_range(pl.len(), dtype=pl.Int64()).alias(ROW)]
    return read.select(*(column.of(read.schema) for column in columns), *place)
