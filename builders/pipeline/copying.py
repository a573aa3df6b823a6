"""Copies rows of finished builds into a new one, counts every utterance and drops excluded ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from builders.record.dataset import HELD_FILE, REJECTED_FILE, Build
from builders.record.manifest import Ledger
from builders.record.manifest_views import ManifestFile
from builders.record.parquet import HELD, RejectWriter, SplitWriter, describe_file
from builders.record.views import SampleRecord
from builders.release.eligibility import EXCLUDED, Restrictions

# The columns needed to decide where a sample goes.
_NEEDED = [
    *("id", "source", "target_utterance", "contrast", "text_context", "reference_response"),
]


class CopiedRows:
    """Samples and rejects while they are copied; `ledger` counts them.

    Args:
        folder: the folder for the files.
        known: the ids that must not be used, even if a build is older than their exclusion.
    """

    def __init__(self, folder: Path, known: Restrictions) -> None:
        self.ledger = Ledger()
        self._folder = folder
        self._known = known
        self._writers: dict[str, SplitWriter] = {}
        self._rejects = RejectWriter(folder / REJECTED_FILE)
        self._held = RejectWriter(folder / HELD_FILE, HELD)

    def add(self, build: Build, split_of: Callable[[SampleRecord], str]) -> None:
        """Copy a build, a row group at a time; `split_of` says which split a sample goes to."""
        for table in build.groups():
            places = [self._place(row, split_of) for row in table.select(_NEEDED).to_pylist()]
            for split in sorted({place for place in places if place is not None}):
                mask = pa.array([place == split for place in places])
                self._writer(split).add_table(table.filter(mask))
        for split, counts in build.manifest["result"]["splits"].items():
            for reason, count in counts["not_selected"].items():
                self.ledger.read(split, count)
                self.ledger.not_selected(split, reason, count)
        self._add_rejects(build)
        self._add_held(build)

    def _add_held(self, build: Build) -> None:
        for table in build.held_groups():
            rows = table.to_pylist()
            kept = [not self._known.excluded(row["id"]) for row in rows]
            self._held.add_table(table.filter(pa.array(kept, pa.bool_())))
            for row in (row for row, is_kept in zip(rows, kept, strict=True) if is_kept):
                self.ledger.read(row["split"], 1)
                self.ledger.held(row["split"], row["route"])

    def _add_rejects(self, build: Build) -> None:
        for table in build.reject_groups():
            kept = [not self._known.excluded(name) for name in table["id"].to_pylist()]
            table = table.filter(pa.array(kept, pa.bool_()))
            self._rejects.add_table(table)
            for split, reason in zip(
                *(table[n].to_pylist() for n in ("split", "reason")), strict=True
            ):
                self.ledger.read(split, 1)
                self.ledger.rejected(split, reason)

    def _place(self, row: SampleRecord, split_of: Callable[[SampleRecord], str]) -> str | None:
        """Return the split of a sample and count it; None if it is excluded."""
        # In a build older than the exclusion, samples that repeat an excluded utterance are dropped
        # too.
        if self._known.names_excluded(row):
            self.ledger.read(row["source"]["split"], 1)
            self.ledger.not_selected(row["source"]["split"], EXCLUDED)
            return None
        split = split_of(row)
        self.ledger.read(split, 1)
        self.ledger.kept(split)
        return split

    def _writer(self, split: str) -> SplitWriter:
        if split not in self._writers:
            self._writers[split] = SplitWriter(self._folder / "data", split)
        return self._writers[split]

    def close(self) -> list[ManifestFile]:
        """Finish the files and return their manifest entries."""
        self._rejects.close()
        self._held.close()
        shards = [path for writer in self._writers.values() for path in writer.close()]
        others = (self._folder / name for name in (REJECTED_FILE, HELD_FILE))
        return [describe_file(path, self._folder) for path in (*shards, *others)]
