"""What judges are told of each dimension, what they must tell apart, and which are of one family.

All of it is in tables: ``prompts/judge/anchors.tsv`` says what the scores of a dimension mean,
``label_maps/judge/_kinds.tsv`` what a judge must tell apart before its scores count in it, and
``_families.tsv`` which models are of one family.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from builders import resources
from builders.errors import ConfigError
from builders.evaluation.dimensions import dimension
from builders.labels.tables import TableRow, read_rows
from builders.tasks.scoring import AskedScale

_KIND_COLUMNS = ("kind", "dimensions", "least", "pairs", "meaning", "reason")


@dataclass(frozen=True, slots=True)
class DecoyKind:
    """A kind of pairs of a good reply and a decoy.

    Attributes:
        name: the kind.
        dimensions: those whose judges must tell such pairs apart.
        least: what the lower end of the 95 % interval must reach, 0 to 1.
        pairs: on how many pairs at least.
        meaning: what is wrong with the decoy.
    """

    name: str
    dimensions: tuple[str, ...]
    least: float
    pairs: int
    meaning: str


@cache
def load_kinds() -> Mapping[str, DecoyKind]:
    """Return the kinds of decoys by name; LabelError where a row is broken."""
    rows = read_rows(_maps() / "_kinds.tsv", _KIND_COLUMNS, key=("kind",))
    return {row.text("kind"): _kind(row) for row in rows if row.text("reason")}


def kinds_of(name: str) -> list[DecoyKind]:
    """Return the kinds that a judge of a dimension must tell apart."""
    return [kind for kind in load_kinds().values() if name in kind.dimensions]


def scale_of(name: str) -> AskedScale:
    """Return a dimension as judges are told it; ConfigError where no scores are explained."""
    anchors = _anchors().get(name, [])
    if len(anchors) < 2:  # noqa: PLR2004 - a scale has two ends
        raise ConfigError(
            f"the scores of {name} are not explained",
            where=_anchors_path(),
            expected="what the lowest and the highest score mean, a row each",
            do="add these rows",
        )
    return AskedScale(name, dimension(name).asked, tuple(sorted(anchors)))


def family_of(model: str) -> str | None:
    """Return the family of a model by the last part of its name, None for one not in the table."""
    name = model.rpartition("/")[2].lower()
    found = [prefix for prefix in _families() if name.startswith(prefix)]
    return _families()[max(found, key=len)] if found else None


def same_family(one: str, other: str) -> bool:
    """Return whether two models are the same, or of one family as far as the table knows."""
    return one == other or (family_of(one) is not None and family_of(one) == family_of(other))


def _maps() -> Path:
    return resources.label_maps() / "judge"


def _anchors_path() -> Path:
    return resources.prompts() / "judge" / "anchors.tsv"


@cache
def _anchors() -> Mapping[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    columns = ("dimension", "score", "meaning")
    for row in read_rows(_anchors_path(), columns, key=("dimension", "score")):
        score = row.matching("score", r"\d+", "a whole number")
        found[row.text("dimension")].append((int(score), row.text("meaning")))
    return found


@cache
def _families() -> Mapping[str, str]:
    rows = read_rows(_maps() / "_families.tsv", ("prefix", "family"), key=("prefix",))
    return {row.text("prefix"): row.text("family") for row in rows}


def _kind(row: TableRow) -> DecoyKind:
    least = float(row.matching("least", r"0(\.\d+)?|1", "a share from 0 to 1"))
    pairs = int(row.matching("pairs", r"[1-9]\d*", "a number of pairs"))
    names = tuple(dimension(name).name for name in row.text("dimensions").split())
    return DecoyKind(row.text("kind"), names, least, pairs, row.text("meaning"))
