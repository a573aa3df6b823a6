"""The names of splits in `datasets`."""

from __future__ import annotations

# `datasets` keeps the word `all` for the union of splits.
_NAMES = {"all": "unsplit"}
ORDER = ("train", "dev", "test", "unsplit")


def split_name(split: str) -> str:
    """Return the published name of a corpus's split; only its training split is called train.

    What stands after a dot is kept: an export names the parts of a split so.
    """
    name, dot, part = split.partition(".")
    return _NAMES.get(name, name) + dot + part
