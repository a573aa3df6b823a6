"""Dividing a corpus without splits: what belongs together stays together, and a hash decides.

Dialogues that share a speaker or a minimal pair are one group; the corpus's card may map its folds
to splits instead.
"""

from __future__ import annotations

from builders.corpora import load_card
from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.record.views import SampleRecord

ALL = "all"
# Of ten parts of a corpus without splits, one is for testing and one for development.
_PARTS = 10
_SPLIT_OF_PART = {0: "test", 1: "dev"}


class Division:
    """Which split of the set each sample of one build goes to."""

    def __init__(self, build: Build) -> None:
        card = load_card(build.manifest["result"]["config"]["corpus"])
        self._folds = {f"{f}:test": s for s, folds in card.combined_folds.items() for f in folds}
        self._groups = Groups()
        for row in build.rows(["source", "target_utterance", "contrast"], ALL):
            self._groups.join(*ties(row))

    def split_of(self, row: SampleRecord) -> str:
        """Return the owner's split; if there is none, that of the fold or the group."""
        source = row["source"]
        if source["split"] != ALL:
            return str(source["split"])
        if self._folds:
            return next((self._folds[f] for f in source["folds"] if f in self._folds), "train")
        group = self._groups.of(ties(row)[0])
        return _SPLIT_OF_PART.get(_part(source["corpus"], group), "train")


def part_of(corpus: str, group: str) -> int:
    """Return the rank of a group of a corpus, which decides about its split."""
    return rank(f"{corpus} {group}")


def is_development(corpus: str, group: str) -> bool:
    """Return whether a group is in the development part of a corpus without splits."""
    return _SPLIT_OF_PART.get(_part(corpus, group)) == "dev"


def _part(corpus: str, group: str) -> int:
    return part_of(corpus, group) % _PARTS


def ties(row: SampleRecord) -> list[str]:
    """Return what must be in one split only: a sample's dialogue, speaker and minimal pair."""
    speaker, group = (
        row["target_utterance"]["speaker"]["id"],
        (row["contrast"] and row["contrast"]["group"]),
    )
    names = {"dialogue": row["source"]["dialogue_id"], "speaker": speaker, "group": group}
    return [f"{kind} {name}" for kind, name in names.items() if name is not None]


class Groups:
    """Connected groups of names (union-find); a group is named after its smallest name."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def join(self, *names: str) -> None:
        """Put these into one group."""
        tops = sorted({self.of(name) for name in names})
        for top in tops:
            self._above[top] = tops[0]

    def of(self, name: str) -> str:
        """Return the name of the group of a name."""
        while (above := self._above.get(name, name)) != name:
            self._above[name] = self._above.get(above, above)
            name = above
        return name
