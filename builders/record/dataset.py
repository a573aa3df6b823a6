"""A finished build opened for reading: the only access to its manifest, samples and rejects.

On opening, the files are compared with the manifest: size, and row count in the footer. `verify`
reads them completely. Anything missing, truncated or changed raises a VerificationError.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from builders.errors import ConfigError, OutputError, VerificationError, suggested
from builders.record.manifest import RESTORE, read_manifest
from builders.record.manifest_views import Manifest, ManifestFile
from builders.record.views import RejectRow, SampleRecord

if TYPE_CHECKING:
    import datasets
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    from builders.record.data_file import DataFile

REJECTED_FILE = "rejected.parquet"
HELD_FILE = "held_for_people.parquet"
_BATCH = 100
_GROUPS_KEPT = 16


class Place(NamedTuple):
    """Where a sample is: the name of its file and its row in it, from 0; and its record."""

    shard: str
    row: int
    record: SampleRecord


class Build:
    """A finished build.

    Columns are names of `schemas/sample.schema.json`, dotted for nested parts, as ``source.split``
    and ``text_context.role``; leave ``audio`` out where the bytes are not needed.

    Args:
        folder: `output/<name>`.
        manifest: its manifest, if that is not written yet.
        footers: read the footers of all files now, at 6 ms each; else that of a file when it is
            read, for a short look into a large build.

    Raises:
        ConfigError: there is no finished build in the folder.
        VerificationError: the manifest is not valid, or a file is missing or does not match it.
    """

    def __init__(
        self, folder: str | Path, manifest: Manifest | None = None, *, footers: bool = True
    ) -> None:
        self.folder = Path(folder)
        self.manifest = read_manifest(self.folder) if manifest is None else manifest
        self._check(footers)
        self._footers: dict[str, pq.FileMetaData] = {}
        # A row group is read as a whole, and the next requested row is often in it.
        self._group = lru_cache(_GROUPS_KEPT)(self._read_group)

    @property
    def name(self) -> str:
        """Return the name, as `meld` or `meld@2`."""
        return self.manifest["result"]["name"]

    @property
    def files(self) -> list[ManifestFile]:
        """Return the manifest's entry for each file."""
        return self.manifest["result"]["files"]

    @cached_property
    def _rows_in(self) -> dict[Path, int]:
        """Return the row count of each file; a build of a million samples has hundreds."""
        return {self.folder / one["path"]: one["rows"] for one in self.files}

    @property
    def count(self) -> int:
        """Return the number of samples."""
        return sum(file["rows"] for file in self.files if _is_data(file))

    def __iter__(self) -> Iterator[SampleRecord]:
        return self.rows()

    def __contains__(self, name: object) -> bool:
        from builders.record.places import by_id

        return isinstance(name, str) and by_id(self, name) is not None

    def __getitem__(self, name: str) -> SampleRecord:
        """Return the sample of an id, whole, with its clips as FLAC.

        Raises:
            ConfigError: the build has no such sample; names the nearest id.
        """
        from builders.record.data_file import rows_of
        from builders.record.places import by_id, near_ids

        if (place := by_id(self, name)) is None:
            meant = suggested(name, near_ids(self, name), "list the ids with scan().select('id')")
            raise ConfigError(f"there is no sample {name!r}", where=self.folder, **meant)
        group, row = self._at(place.shard, place.row)
        part = self._read_group(place.shard, group, _ALL).slice(row, 1)
        return cast("list[SampleRecord]", rows_of(self._shard(place.shard), part))[0]

    def _repr_html_(self) -> str:
        from builders.record.notebook import as_html

        return as_html(self)

    def __repr__(self) -> str:
        return f"Build({str(self.folder)!r}, samples={self.count})"

    def shards(self, split: str | None = None) -> list[Path]:
        """Return the Parquet files of a split, or of all splits in the order of the manifest."""
        return [
            self.folder / file["path"]
            for file in self.files
            if _is_data(file) and split in (None, Path(file["path"]).name.split("-")[0])
        ]

    def rows(
        self, columns: Sequence[str] | None = None, split: str | None = None, batch: int = _BATCH
    ) -> Iterator[SampleRecord]:
        """Yield the samples in order, with these columns only; `batch` of them are in memory."""
        return self._rows_of(self.shards(split), columns, batch)

    def _rows_of(
        self, shards: Sequence[Path], columns: Sequence[str] | None, batch: int
    ) -> Iterator[SampleRecord]:
        from builders.record.data_file import rows_of

        for shard in shards:
            with self.opened(shard) as file:
                for part in file.batches(columns, batch):
                    yield from cast("list[SampleRecord]", rows_of(shard, part))

    def places(self, columns: Sequence[str] | None = None) -> Iterator[Place]:
        """Yield the samples as `rows` does, each with its place for `row` and `clip`."""
        for shard in self.shards():
            for number, record in enumerate(self._rows_of([shard], columns, _BATCH)):
                yield Place(shard.name, number, record)

    def batches(
        self, columns: Sequence[str] | None = None, split: str | None = None, batch: int = _BATCH
    ) -> Iterator[pa.RecordBatch]:
        """Yield the samples in order as Arrow batches, without copying their buffers."""
        for shard in self.shards(split):
            with self.opened(shard) as file:
                yield from file.batches(columns, batch)

    def groups(
        self, columns: Sequence[str] | None = None, split: str | None = None
    ) -> Iterator[pa.Table]:
        """Yield the samples in order as tables, one for each row group that was written."""
        for shard in self.shards(split):
            with self.opened(shard) as file:
                yield from file.groups(columns)

    def first(self, count: int, columns: Sequence[str] | None = None) -> list[SampleRecord]:
        """Return the first samples."""
        return list(islice(self.rows(columns, batch=count), count)) if count else []

    def row(self, shard: str, index: int) -> SampleRecord:
        """Return one sample without the bytes of its clip (`audio` is None).

        Args:
            shard: the name of a file of `data/`.
            index: the row in it, from 0.

        Raises:
            OutputError: the build has no such row.
        """
        from builders.record.data_file import rows_of

        group, place = self._at(shard, index)
        (row,) = rows_of(self._shard(shard), self._group(shard, group).slice(place, 1))
        return cast(SampleRecord, {**row, "audio": None})

    def clip(self, shard: str, index: int, column: str = "audio") -> bytes | None:
        """Return the FLAC bytes of a sample's clip, 16 kHz mono, or None where it has none.

        `column` is ``audio``, or ``reply_audio`` for the spoken reply.
        """
        group, place = self._at(shard, index)
        audio = self._read_group(shard, group, (column,))[column][place].as_py()
        clip: bytes | None = audio and audio["bytes"]
        return clip

    def rejects(self, columns: Sequence[str] | None = None) -> Iterator[RejectRow]:
        """Yield the rejects in order."""
        from builders.record.data_file import rows_of

        for table in self.reject_groups(columns):
            yield from cast("list[RejectRow]", rows_of(self.folder / REJECTED_FILE, table))

    def reject_groups(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the rejects as tables; nothing where the manifest lists no file of them."""
        if any(file["path"] == REJECTED_FILE for file in self.files):
            with self.opened(self.folder / REJECTED_FILE) as file:
                yield from file.groups(columns)

    def held_groups(self) -> Iterator[pa.Table]:
        """Yield the utterances held for people as tables; nothing where a build has no file."""
        if any(file["path"] == HELD_FILE for file in self.files):
            with self.opened(self.folder / HELD_FILE) as file:
                yield from file.groups(None)

    def scan(self) -> pl.LazyFrame:
        """Return the samples as a lazy table of flat columns; see `record/scan.py`."""
        from builders.record.scan import scan

        return scan(self)

    def to_pandas(
        self,
        split: str | None = None,
        columns: Sequence[str] | None = None,
        *,
        flat: bool = False,
    ) -> pd.DataFrame:
        """Return samples as a pandas table, one row each.

        Args:
            split: one split; None for all.
            columns: some columns; None for all.
            flat: the columns of `scan`, one value each and no clips; else those of the record,
                whose nested fields hold dicts and arrays.

        Raises:
            ConfigError: there is no such column.
        """
        import pandas as pd

        if flat:
            from builders.record.scan import flat_table

            return flat_table(self, split, columns).to_pandas()
        parts = [part.to_pandas() for part in self.groups(columns, split)]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def to_dataset(
        self, split: str | None = None, *, decode: bool = False
    ) -> datasets.Dataset | datasets.DatasetDict:
        """Return a split as `datasets` has it, or all splits by name; needs the extra `publish`.

        Args:
            split: one split; None for all.
            decode: let the library decode a clip when its row is read; else a clip is its FLAC
                bytes, which every release of the library can read without an audio library.

        Raises:
            ConfigError: there is no such split, the library or its decoder is not installed, or
                the build is of release 0.1.
        """
        from builders.record.as_dataset import as_dataset

        return as_dataset(self, split, decode)

    def verify(self) -> Build:
        """Compare the SHA-256 of every file with the manifest's, and return the build itself.

        Raises:
            VerificationError: a byte has changed since the file was written.
        """
        from concurrent.futures import ThreadPoolExecutor

        from builders.record.data_file import check_digest

        with ThreadPoolExecutor() as pool:
            checks = [
                pool.submit(check_digest, self.folder / file["path"], file["sha256"])
                for file in self.files
            ]
        for check in checks:
            check.result()
        return self

    def opened(self, path: Path) -> DataFile:
        """Open one of the files for reading, after comparing its rows with the manifest.

        Raises:
            VerificationError: it is missing, cannot be read, or is another file.
        """
        from builders.record.data_file import DataFile, check_rows

        file = DataFile(path, self._footers.get(path.name))
        check_rows(path, file.footer.num_rows, self._rows_in.get(path, file.footer.num_rows))
        return file

    def _check(self, footers: bool) -> None:
        from builders.record.data_file import check_file

        for file in self.files:
            path = Path(file["path"])
            if path.is_absolute() or ".." in path.parts:
                raise self._wrong(f"lists {path}", "files in this folder")
            found = file["rows"], file.get("bytes"), file["sha256"]
            check_file(self.folder / path, *found, footer=footers)
        kept = self.manifest["result"]["counts"]["kept"]
        # A build restored from the Hub has the counts of the original but only the published rows.
        if "hydrated" not in self.manifest and self.count != kept:
            raise self._wrong(
                f"lists files with {self.count:,} samples", f"files with all {kept:,}"
            )

    def _wrong(self, what: str, expected: str) -> VerificationError:
        return VerificationError(
            f"manifest.json {what}", where=self.folder, expected=expected, do=RESTORE
        )

    def _at(self, shard: str, index: int) -> tuple[int, int]:
        """Return the row group of a sample, and its row in it."""
        footer = self._footer(shard)
        for group in range(footer.num_row_groups):
            rows = footer.row_group(group).num_rows
            if index < rows:
                return group, index
            index -= rows
        raise _gone(shard)

    def _read_group(
        self, shard: str, group: int, columns: tuple[str, ...] | None = None
    ) -> pa.Table:
        from builders.record.data_file import DataFile

        with DataFile(self._shard(shard), self._footer(shard)) as file:
            return file.group(group, columns or _SILENT)

    def _footer(self, shard: str) -> pq.FileMetaData:
        # Getting the footer of thousands of rows takes longer than reading one of them.
        if shard not in self._footers:
            with self.opened(self._shard(shard)) as file:
                self._footers[shard] = file.footer
        return self._footers[shard]

    def _shard(self, name: str) -> Path:
        for path in self.shards():
            if path.name == name:
                return path
        raise _gone(name)


_ALL = tuple(SampleRecord.__annotations__)
_SILENT = tuple(name for name in _ALL if name != "audio")


def load(source: str | Path, revision: str | None = None) -> Build:
    """Open a finished build, or a dataset that was published from one.

    Args:
        source: the folder of a build, or ORG/NAME of a dataset on the Hub. What may be either is a
            folder, if the first half of it is one; a `revision` makes it a name on the Hub.
        revision: a version on the Hub, as ``v1``.

    Raises:
        ConfigError: there is no such build or dataset.
        VerificationError: its files do not match its manifest.
    """
    from builders.record.from_hub import download, is_hub_name

    if is_hub_name(source, revision):
        return Build(*download(str(source), revision))
    if revision is not None:
        raise ConfigError(
            f"a revision is given for the folder {source}",
            expected="ORG/NAME of a dataset on the Hub",
            do="leave out the revision",
        )
    return Build(source)


def _is_data(file: ManifestFile) -> bool:
    return Path(file["path"]).parts[0] == "data"


def _gone(shard: str) -> OutputError:
    return OutputError(
        f"the sample is no longer in the build ({shard})", do="start the review again"
    )
