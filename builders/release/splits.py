"""What a split is called where `datasets` loads it."""

from __future__ import annotations

# `datasets` keeps the word `all` for the union of splits.
_NAMES = {"all": "unsplit"}
ORDER = ("train", "dev", "test", "unsplit")


def split_name(split: str) -> str:
    """Return the loaded name of a corpus's split; only what it calls train is called train."""
    return _NAMES.get(split, split)
