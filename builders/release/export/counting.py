"""The counts of an export: in every split, records read = rows written + left out by reason."""

from __future__ import annotations

from collections import Counter
from typing import TypedDict

from builders.record.views import SampleRecord
from builders.release.export.choosing import LeftOut


class ExportedSplit(TypedDict):
    """The counts of a split; left-out records by reason."""

    read: int
    written: int
    left_out: dict[str, int]


class Counts:
    """Counts every record of an export once as read, and once as written or left out, by split.

    Attributes:
        licences: the records read, by licence.
        providers: the records read, by provider of the reply.
    """

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._rows: Counter[str] = Counter()
        self._left_out: dict[str, Counter[str]] = {}
        self.licences: Counter[str] = Counter()
        self.providers: Counter[str] = Counter()

    def read(self, record: SampleRecord, provider: str | None = None) -> None:
        """Count a record read; `provider` is that of the reply, by default of the draft."""
        self._read[record["source"]["split"]] += 1
        self.licences[record["rights"]["licence"]] += 1
        self.providers[provider or record["drafting"]["provider"]] += 1

    def written(self, split: str, rows: int = 1) -> None:
        """Count a record written as one row, or several: one per preference pair."""
        self._written[split] += 1
        self._rows[split] += rows

    def left_out(self, split: str, left: LeftOut) -> None:
        """Count a record left out."""
        self._left_out.setdefault(split, Counter())[left.reason] += 1

    @property
    def rows(self) -> int:
        """Return the rows over all splits."""
        return self._rows.total()

    @property
    def totals(self) -> dict[str, int]:
        """Return read, written and left out over all splits."""
        left_out = sum(counts.total() for counts in self._left_out.values())
        return {
            "read": self._read.total(),
            "written": self._written.total(),
            "left_out": left_out,
        }

    def reasons(self) -> dict[str, int]:
        """Return the left-out records by reason, the most common first."""
        every: Counter[str] = Counter()
        for counts in self._left_out.values():
            every.update(counts)
        return dict(sorted(every.items(), key=lambda pair: (-pair[1], pair[0])))

    def by_split(self) -> dict[str, ExportedSplit]:
        """Return the counts of each split.

        Raises:
            RuntimeError: they do not add up, which is a bug.
        """
        return {split: self._split(split) for split in self._read}

    def _split(self, split: str) -> ExportedSplit:
        read, written = self._read[split], self._written[split]
        left_out = self._left_out.get(split, Counter())
        if read != (out := written + left_out.total()):
            raise RuntimeError(f"{split}: {read} read, but {out} accounted for")
        return {"read": read, "written": written, "left_out": dict(sorted(left_out.items()))}
