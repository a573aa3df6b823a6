"""Where samples of a build are found: by id, by a condition, or some that are the same each time.

A large build is looked into a few files at a time, so that the first samples are there at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from builders.record.dataset import Build

if TYPE_CHECKING:
    import polars as pl

# A file has up to 5,000 rows: to read its ids and to rank them takes some 25 ms.
_FILES = 4
_NEAR_IDS = 2000
_LEAST_PREFIX = 3


@dataclass(frozen=True, slots=True)
class SamplePlace:
    """A sample that was found: its id, its file, and its row in it from 0."""

    id: str
    shard: str
    row: int


def some(
    build: Build, order: Callable[[str], int], where: pl.Expr | None = None
) -> Iterator[SamplePlace]:
    """Yield the samples that meet a condition, in an order by id: the first few are a fair choice.

    Of a build with many files, those of every n-th file come first, then those of the next ones.

    Args:
        build: the build.
        order: the rank of an id.
        where: the condition; None for all samples.
    """
    shards = build.shards()
    parts = -(-len(shards) // _FILES) or 1
    for part in range(parts):
        found = _found(build, shards[part::parts], where)
        yield from sorted(found, key=lambda one: order(one.id))


def by_id(build: Build, name: str) -> SamplePlace | None:
    """Return where the sample of an id is; None where there is none."""
    import polars as pl

    ids = _ids(build)
    at = ids.index_of(name) if isinstance(ids, pl.Series) and len(ids) else None
    if at is None:
        return None
    shards = build.shards()
    rows = [file["rows"] for file in build.files if build.folder / file["path"] in {*shards}]
    ends = [*accumulate(rows)]
    number = next(n for n, end in enumerate(ends) if at < end)
    return SamplePlace(name, shards[number].name, at - (ends[number] - rows[number]))


def near_ids(build: Build, name: str) -> list[str]:
    """Return ids of a build that begin as another one does: those among which it may be meant."""
    ids = _ids(build)
    for length in range(len(name), _LEAST_PREFIX, -1):
        found = ids.filter(ids.str.starts_with(name[:length]))
        if len(found) > _NEAR_IDS or length == _LEAST_PREFIX + 1:
            return [*found.head(_NEAR_IDS)]
        if len(found) > 1:
            return [*found]
    return [*ids.head(_NEAR_IDS)]


def _ids(build: Build) -> pl.Series:
    """Return all ids in order.

    Polars reads the descriptions of hundreds of files several times as fast as Arrow does; where it
    cannot, the files are read as always, which says what is wrong with them.
    """
    import polars as pl

    from builders.record.scan import scan

    try:
        if shards := build.shards():
            return pl.scan_parquet(shards).select("id").collect()["id"]
    except (pl.exceptions.PolarsError, OSError):
        pass
    return scan(build).select("id").collect()["id"]


def _found(build: Build, shards: Sequence[Path], where: pl.Expr | None) -> Iterator[SamplePlace]:
    if where is None:
        yield from _all(build, shards)
        return
    from builders.record.scan import FILE, ROW, scan

    table = scan(build, shards).filter(where).select("id", FILE, ROW).collect()
    for name, shard, row in table.iter_rows():
        yield SamplePlace(name, shard, row)


def _all(build: Build, shards: Sequence[Path]) -> Iterator[SamplePlace]:
    """Yield all samples of files, without a library that takes its time to import."""
    for shard in shards:
        of = shard.name
        with build.opened(shard) as file:
            for row, name in enumerate(file.table(["id"])["id"].to_pylist()):
                yield SamplePlace(name, of, row)
