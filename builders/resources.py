"""Where the three content folders are: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CONTENT = ("schemas", "label_maps", "prompts")


@cache
def content_root() -> Path:
    """Return the folder that holds ``schemas/``, ``label_maps/`` and ``prompts/``."""
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


def demonstrations_in(language: str) -> Path:
    """Return where our own demonstrations in a language would be, whatever the region."""
    return prompts() / "demonstrations" / language.partition("-")[0].lower()
