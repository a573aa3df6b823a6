"""Which strategies are easily confused, from ``label_maps/strategy/_groups.tsv``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from builders import resources
from builders.labels.strategies import strategies
from builders.labels.tables import read_rows


@cache
def groups() -> Mapping[str, str]:
    """Return the group of each strategy; one that no row names is a group of its own."""
    return read_groups(resources.label_maps() / "strategy" / "_groups.tsv")


def read_groups(path: Path) -> dict[str, str]:
    """Return the group of each strategy from a table; LabelError where one stands in two."""
    known = strategies()
    found: dict[str, str] = {}
    for row in read_rows(path, ("group", "strategies", "reason"), key=("group",)):
        row.text("reason")
        for name in row.text("strategies").split():
            if name not in known or name in found:
                raise row.error("strategies", f"strategies, each in one group, and not {name} here")
            found[name] = row.text("group")
    return {name: found.get(name, name) for name in known}


def alike(one: str, other: str) -> bool:
    """Return whether two strategies are the same, or easily taken for each other."""
    return groups()[one] == groups()[other]
