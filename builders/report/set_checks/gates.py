"""Which replies to exclude so that a set repeats itself no more than people do.

Of replies that are the same, nearly the same, or begin alike, the first in the order of a hash of
their ids stay. Only measures that are out keep anything back, down to the upper end of people's
interval.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import polars as pl

from builders.record.folder import writable
from builders.record.manifest_views import SetCheck
from builders.release.eligibility import GATES_FILE
from builders.report.set_checks.measures import opening_of
from builders.report.set_checks.near_same import near_same
from builders.report.set_checks.reading import replies

_Words = tuple[str, ...]
_T = TypeVar("_T")


def write_gates(folder: Path, paths: Sequence[Path], checks: Sequence[SetCheck]) -> int:
    """Rewrite `gated.tsv` of a finished build, and return the number of replies it excludes.

    There is no file where nothing is out. The build itself stays as it is.

    Args:
        folder: of the build.
        paths: its Parquet files.
        checks: what its manifest says of the set.

    Raises:
        VerificationError: a file cannot be read.
        OutputError: the folder cannot be written.
    """
    found = gated(replies(paths), checks)
    target = folder / GATES_FILE
    with writable(folder):
        if not found:
            target.unlink(missing_ok=True)
        else:  # in the place of the one before, so that a kill leaves one of the two
            temporary = target.with_name(f"{GATES_FILE}.tmp")
            with temporary.open("w", newline="", encoding="utf-8") as stream:
                lines = csv.writer(stream, delimiter="\t", lineterminator="\n")
                lines.writerows([("id", "reason"), *found.items()])
            temporary.replace(target)
    return len(found)


def gated(frame: pl.DataFrame, checks: Sequence[SetCheck]) -> dict[str, str]:
    """Return the ids of the replies to keep back, each with the code of the measure."""
    high = {one["code"]: one["high"] for one in checks if one["out"] and one["high"] is not None}
    words = {name: tuple(text) for name, text in frame.select("id", "words").rows()}
    left = {name: words[name] for name in sorted(words, key=_hash)}
    found: dict[str, str] = {}
    for code, find in (("same", _same), ("near_same", _near), ("opener", _opener)):
        if code in high:
            out = find(left, high[code])
            found |= dict.fromkeys(sorted(out), f"set_{code}")
            left = {name: text for name, text in left.items() if name not in out}
    return found


def _same(left: dict[str, _Words], high: float) -> set[str]:
    return _surplus(_groups(left.items()).values(), high * len(left))


def _near(left: dict[str, _Words], high: float) -> set[str]:
    names = _groups(left.items())
    different = list(names)
    groups = [[different[one] for one in group] for group in near_same(different)]
    # With a text go the replies that are word for word the same.
    return {name for text in _surplus(groups, high * len(different)) for name in names[text]}


def _opener(left: dict[str, _Words], high: float) -> set[str]:
    found = [(name, one) for name, text in left.items() if (one := opening_of(text))]
    groups = list(_groups(found).values())
    room = len(found)
    # Each reply that goes makes the others a larger share of what is left.
    while (fits := max(1, int(high * sum(min(len(group), room) for group in groups)))) < room:
        room = fits
    return {name for group in groups for name in group[room:]}


def _groups(found: Iterable[tuple[str, _Words]]) -> dict[_Words, list[str]]:
    """Return the names by what they have in common, in order."""
    groups: dict[_Words, list[str]] = defaultdict(list)
    for name, common in found:
        groups[common].append(name)
    return dict(groups)


def _surplus(groups: Iterable[Sequence[_T]], room: float) -> set[_T]:
    """Return all but the first of the largest groups, until those that are left hold no more."""
    twins = sorted((group for group in groups if len(group) > 1), key=len, reverse=True)
    held = sum(map(len, twins))
    out: set[_T] = set()
    for group in twins:
        if held <= room:
            break
        out |= set(group[1:])
        held -= len(group)
    return out


def _hash(name: str) -> str:
    return sha256(name.encode()).hexdigest()
