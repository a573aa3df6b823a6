"""Copies of the shipped tables with one text changed, to see what a mistake in them says."""

from __future__ import annotations

import shutil
from pathlib import Path

from builders import resources


def edited_tables(folder: Path, name: str, old: str, new: str) -> tuple[Path, int]:
    """Copy the tables beside ``label_maps/<name>`` into `folder` and replace one text in that one.

    Returns the path of the changed file and the number of the line that changed.
    """
    original = resources.label_maps() / name
    copy = folder / original.parent.name
    shutil.copytree(original.parent, copy)
    text = original.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} is not in {name} exactly once"
    (copy / original.name).write_text(text.replace(old, new), encoding="utf-8")
    return copy / original.name, text[: text.index(old) + 1].count("\n") + 1
