"""A finished build, opened to be read: its manifest, its samples one by one, its tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.record.manifest import read_manifest

if TYPE_CHECKING:
    import pandas as pd


class Build:
    """A finished build.

    Args:
        folder: `output/<name>`.

    Raises:
        ConfigError: there is no finished build in the folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = read_manifest(self.folder)

    def shards(self, split: str | None = None) -> list[Path]:
        """Return the Parquet files of a split, or of all splits in the order of the manifest."""
        names = (Path(file["path"]) for file in self.manifest["result"]["files"])
        return [
            self.folder / name
            for name in names
            if name.parent.name == "data" and split in (None, name.name.split("-")[0])
        ]

    def samples(self, split: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the samples as dicts of the shape of `schemas/sample.schema.json`, in order."""
        import pyarrow.parquet as pq

        for shard in self.shards(split):
            for batch in pq.ParquetFile(shard).iter_batches(batch_size=100):
                yield from batch.to_pylist()

    def to_pandas(
        self, split: str | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return samples as a pandas table, one row each; nested fields hold dicts and arrays.

        Args:
            split: one split, or None for all.
            columns: only these columns; leave ``audio`` out where the bytes are not needed.
        """
        import pandas as pd
        import pyarrow.parquet as pq

        wanted = None if columns is None else list(columns)
        tables = [pq.read_table(shard, columns=wanted).to_pandas() for shard in self.shards(split)]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def rejected(self) -> pd.DataFrame:
        """Return what did not become a sample: id, split, stage, reason, detail, raw (JSON)."""
        import pyarrow.parquet as pq

        table: pd.DataFrame = pq.read_table(self.folder / "rejected.parquet").to_pandas()
        return table
