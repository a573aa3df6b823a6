"""Where the three content folders are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CONTENT = ("schemas", "label_maps", "prompts")


# The folder that is read in place of the installed one, while somebody's edit of it is checked.
_INSTEAD: list[Path] = []


def content_root() -> Path:
    """Return the folder that holds ``schemas/``, ``label_maps/`` and ``prompts/``."""
    return _INSTEAD[-1] if _INSTEAD else _installed()


@contextmanager
def content_at(root: Path) -> Iterator[None]:
    """Have these three folders read below another one; what was read before is not forgotten."""
    _INSTEAD.append(root)
    try:
        yield
    finally:
        _INSTEAD.pop()


@cache
def _installed() -> Path:
    checkout = _PACKAGE.parent
    if (checkout / "pyproject.toml").is_file() and all((checkout / n).is_dir() for n in _CONTENT):
        return checkout
    return _PACKAGE / "_content"


def schemas() -> Path:
    """Return the folder of JSON Schemas."""
    return content_root() / "schemas"


def label_maps() -> Path:
    """Return the folder of mapping tables."""
    return content_root() / "label_maps"


def prompts() -> Path:
    """Return the folder of prompt templates and phrase tables."""
    return content_root() / "prompts"


def corpora() -> Path:
    """Return the folder with one sub-folder per corpus."""
    return _PACKAGE / "corpora"


def own_corpora() -> Path:
    """Return the folder of corpora that users imported: `corpora` where the command runs."""
    return Path(os.environ.get("HEARTEN_CORPORA") or "corpora")


def is_own(slug: str) -> bool:
    """Return whether a corpus is one that a user imported, and none of ours."""
    return not (corpora() / slug).is_dir() and (own_corpora() / slug / "card.toml").is_file()


def corpus_folder(slug: str) -> Path:
    """Return the folder of a corpus, ours or a user's own."""
    return own_corpora() / slug if is_own(slug) else corpora() / slug


def label_table(slug: str) -> Path:
    """Return the table of a corpus's labels."""
    if is_own(slug):
        return own_corpora() / slug / "labels.sssom.tsv"
    return label_maps() / "emotion" / f"{slug}.sssom.tsv"


def demonstrations_in(language: str) -> Path:
    """Return where our own demonstrations in a language would be, whatever the region."""
    return prompts() / "demonstrations" / language.partition("-")[0].lower()
