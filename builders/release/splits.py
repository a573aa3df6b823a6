"""The names of splits in `datasets`."""

from __future__ import annotations

# `datasets` keeps the word `all` for the union of splits.
_NAMES = {"all": "unsplit"}
ORDER = ("train", "dev", "test", "unsplit")


def split_name(split: str) -> str:
    """Return the published name of a corpus's split; only its training split is called train."""
    return _NAMES.get(split, split)
