"""Ids that must not be used: a table that people edit; all later builds and publications follow it.

A person in a recording may ask to be removed, or a clip may turn out to be misused: an id in
`exclusions.tsv` excludes an utterance, or a whole dialogue, from everything made afterwards.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from builders.corpora import slugs, splits_of
from builders.errors import ConfigError
from builders.labels.tables import tab_rows

EXCLUSIONS_FILE = "exclusions.tsv"
_COLUMNS = ["id", "reason"]
_ENCODED = re.compile(r"[\w.~%-]+", re.ASCII)


@dataclass(frozen=True)
class Exclusions:
    """The ids that must not be used.

    Args:
        ids: sample ids ``<corpus>-<split>-<dialogue>-<utterance>``, or without the last part for
            all utterances of a dialogue.
        forgotten: those of them that a store was told to forget; they may be in no corpus any more.
        matched: those of them that `covers` has met so far.
    """

    ids: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    matched: set[str] = field(default_factory=set, compare=False)

    @classmethod
    def load(cls, path: Path, forgotten: frozenset[str] = frozenset()) -> Exclusions:
        """Read a table with the columns id and reason, and the ids a store was told to forget.

        Both may be missing. Raises ConfigError for an invalid row: a typo must not
        leave a person in the data.
        """
        return cls(_table(path) | forgotten, forgotten)

    def covers(self, sample_id: str) -> bool:
        """Return whether a sample, or the dialogue that it belongs to, must not be used."""
        for name in (sample_id, sample_id.rpartition("-")[0]):
            if name in self.ids:
                self.matched.add(name)
                return True
        return False

    def check_matched(self, splits: Iterable[str], path: Path) -> None:
        """Raise ConfigError if an id of these splits has matched nothing: it is misspelt."""
        wanted = {*splits}
        missed = sorted(
            n for n in self.ids - self.forgotten - self.matched if n.split("-")[1] in wanted
        )
        if missed:
            raise ConfigError(
                f"not found in the corpus: {', '.join(missed[:5])}",
                where=path,
                do="fix the ids in these rows or remove the rows",
            )

    def of(self, slug: str) -> Exclusions:
        """Return those of one corpus."""
        mine = frozenset(name for name in self.ids if name.startswith(f"{slug}-"))
        return Exclusions(mine, mine & self.forgotten)

    @property
    def digest(self) -> str | None:
        """Return the SHA-256 over the ids; None where there are none."""
        return _digest(self.ids) if self.ids else None


def is_id(text: str) -> bool:
    """Return whether a text is the id of a sample, or of a dialogue, of a known corpus."""
    slug, split, *rest = f"{text}--".split("-")
    known = slug in slugs() and split in splits_of(slug)
    return bool(known and rest[0] and len(rest) <= 4 and _ENCODED.fullmatch(text))


def _table(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    return frozenset(_checked(row, where) for where, row in tab_rows(path, _COLUMNS))


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def _checked(row: list[str], where: str) -> str:
    """Return the id in a row; a row that excludes nothing is an error, since it was meant to."""
    whole = len(row) == len(_COLUMNS) and row[1].strip() != ""
    if not (whole and is_id(row[0].strip())):
        raise ConfigError(
            f"invalid row: {row}",
            where=where,
            expected="a sample id such as meld-train-12-3, or a dialogue id such as meld-train-12, "
            f"then a tab and a reason; the corpora are {', '.join(slugs())}",
            do="fix or remove the row",
        )
    return row[0].strip()
