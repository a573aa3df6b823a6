"""Finding clips in a folder by their names, whatever they were converted to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

# By preference: a film has the pictures too, and MP3 is lossy.
FILM_OR_SOUND = (".mp4", ".wav", ".flac", ".mp3")
SOUND = (".wav", ".flac", ".mp3")


def clips_in(folder: Path, endings: Sequence[str] = FILM_OR_SOUND) -> dict[str, Path]:
    """Return the clips in a folder by name without ending, sorted; empty without the folder.

    Endings are compared without case. Of several files of a name, the one whose ending comes first
    in `endings` is used. Hidden files are left out, such as the ``._name`` of a Mac's archives.
    """
    rank = {ending: number for number, ending in enumerate(endings)}
    found: dict[str, tuple[int, str]] = {}
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
        stem, ending = os.path.splitext(name)
        order = rank.get(ending.lower())
        if order is None or name.startswith("."):
            continue
        if stem not in found or order < found[stem][0]:
            found[stem] = order, name
    return {stem: folder / name for stem, (_, name) in sorted(found.items())}


def only_these(splits: Iterable[str]) -> str:
    """Return what to do where only these splits are there: an end of a message, or nothing."""
    options = " ".join(f"--split {split}" for split in splits)
    return f", or read what is there with {options}" if options else ""
