"""The clips of published records: they lie in other files than the records, under the same ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from builders.record.data_file import DataFile
from builders.record.views import ClipFile


class ClipsById:
    """The clips in some files, one row group per file in memory.

    Args:
        files: Parquet files with columns `id` and, where clips are published, `audio`.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [DataFile(path) for path in files]
        self._at: dict[str, tuple[int, int, int]] = {}
        self._held: dict[int, tuple[int, pa.Table]] = {}
        for number, file in enumerate(self._files):
            for group, table in enumerate(file.groups(["id"])):
                for place, name in enumerate(table.column("id").to_pylist()):
                    self._at[name] = number, group, place

    def get(self, sample_id: str) -> ClipFile | None:
        """Return the clip of a sample, None if there is none."""
        if sample_id not in self._at:
            return None
        number, group, place = self._at[sample_id]
        if self._held.get(number, (None,))[0] != group:
            self._held[number] = group, self._files[number].group(group, ["audio"])
        clip: ClipFile | None = self._held[number][1].column("audio")[place].as_py()
        return clip
