"""The names of splits in `datasets`, and a share for validation of a corpus that has no splits.

What belongs together stays together: a dialogue, all of one speaker, a minimal pair. A hash decides
about each such group, the same one as in a combined dataset, whose development part this is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from builders.pipeline.division import ALL, Groups, is_development, part_of, ties
from builders.record.views import SampleRecord

# `datasets` keeps the word `all` for the union of splits.
_NAMES = {ALL: "unsplit"}
TRAIN, VALIDATION, TEST = "train", "validation", "test"
ORDER = (TRAIN, VALIDATION, "dev", TEST, "unsplit")
SplitsAsked = Literal["divided", "as-is"]


def split_name(split: str) -> str:
    """Return the published name of a corpus's split; only its training split is called train.

    What stands after a dot is kept: an export names the parts of a split so.
    """
    name, dot, part = split.partition(".")
    return _NAMES.get(name, name) + dot + part


class PublishedSplits:
    """The published split of each record.

    Args:
        divided: the share of each group of a corpus without splits; empty if it has splits.
    """

    def __init__(self, divided: Mapping[str, str], groups: Groups | None = None) -> None:
        self._divided, self._groups = divided, groups
        self.folds: set[str] = set()

    @classmethod
    def of(cls, records: Iterable[SampleRecord]) -> PublishedSplits:
        """Divide a corpus without splits: about a tenth of its groups is for validation.

        Args:
            records: all that may be used, with id, source, target_utterance and contrast.
        """
        groups, sizes = Groups(), Counter[str]()
        firsts: list[tuple[str, str]] = []
        for record in records:
            if record["source"]["split"] != ALL:
                return cls({})
            held = ties(record)
            groups.join(*held)
            firsts.append((record["source"]["corpus"], held[0]))
        for _, first in firsts:
            sizes[groups.of(first)] += 1
        corpus = firsts[0][0] if firsts else ""
        return cls(_divided(corpus, sizes), groups)

    def __bool__(self) -> bool:
        """Return whether the splits are ours."""
        return bool(self._divided)

    def split_of(self, record: SampleRecord) -> str:
        """Return the published split of a record, and note the folds of those for validation."""
        split = record["source"]["split"]
        if split != ALL or self._groups is None or not self._divided:
            return split_name(split)
        found = self._divided.get(self._groups.of(ties(record)[0]), TRAIN)
        if found == VALIDATION:
            self.folds.update(f.removesuffix(":test") for f in _tested(record["source"]["folds"]))
        return found


def _tested(folds: Sequence[str]) -> list[str]:
    """Return the folds in which a record is for testing."""
    return [fold for fold in folds if fold.endswith(":test")]


def _divided(corpus: str, sizes: Counter[str]) -> dict[str, str]:
    """Return the split of each group; if no hash or every one says validation, the first one is."""
    order = sorted(sizes, key=lambda group: part_of(corpus, group))
    chosen = {group for group in order if is_development(corpus, group)}
    if not chosen or 2 * sum(sizes[group] for group in chosen) > sizes.total():
        # Never more than half: a share for validation is no reason to have too little to train on.
        small = [group for group in order if 2 * sizes[group] <= sizes.total()]
        chosen = set(small[:1])
    return {group: VALIDATION if group in chosen else TRAIN for group in order}
