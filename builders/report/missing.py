"""Samples and rejects that a report leaves out because they were excluded."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builders.record.manifest_views import Manifest, ManifestResult
from builders.release.eligibility import (
    EXCLUDED,
    Purpose,
    Restrictions,
    left_out,
    nobody,
    rejects_of,
)


@dataclass
class Missing:
    """The excluded ids; their samples by split, their rejects by split and reason."""

    ids: set[str] = field(default_factory=set)
    samples: Counter[str] = field(default_factory=Counter)
    rejects: Counter[tuple[str, str]] = field(default_factory=Counter)

    def taken_from(self, manifest: Manifest) -> Manifest:
        """Return a manifest that counts them as not selected, without example ids."""
        if not self.ids:
            return manifest
        result = copy.deepcopy(manifest["result"])
        for split, count in self.samples.items():
            self._move(result, split, count)
            result["splits"][split]["kept"] -= count
            result["counts"]["kept"] -= count
        for (split, reason), count in self.rejects.items():
            self._move(result, split, count)
            result["counts"]["rejected"] -= count
            for counts in (result["splits"][split]["rejected"], result["rejected"]):
                counts[reason] -= count
        for leak in result.get("leaks", ()):
            leak["examples"] = []
        return {**manifest, "result": result}

    def _move(self, result: ManifestResult, split: str, count: int) -> None:
        reasons = result["splits"][split]["not_selected"]
        reasons[EXCLUDED] = reasons.get(EXCLUDED, 0) + count
        result["counts"]["not_selected"] += count


def find(data: Sequence[Path], rejected: Path, known: Restrictions) -> Missing:
    """Return the rows of a build's files that may not be shown."""
    found = Missing()
    if known.excluded is nobody:
        return found
    for path in data:
        out = left_out([path], Purpose.REVIEW, known)
        found.ids |= out.keys()
        if out:
            # In a combined set, a file's split is not always the owner's split.
            found.samples[path.name.split("-")[0]] += len(out)
    for row in rejects_of(rejected, ("id", "split", "reason")):
        if known.excluded(row["id"]):
            found.ids.add(row["id"])
            found.rejects[row["split"], row["reason"]] += 1
    return found
