"""Speaking styles: descriptions of each reply emotion for an engine, from a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from builders import resources
from builders.errors import ConfigError
from builders.labels.tables import read_rows
from builders.record.schema import load_schema


@cache
def styles() -> Mapping[str, str]:
    """Return the style of each emotion that a reply can have.

    Raises:
        ConfigError: the table has an unknown emotion, or lacks one.
    """
    rows = read_rows(_path(), ("emotion", "style"), key=("emotion",))
    found = {row.text("emotion"): row.text("style") for row in rows}
    known = load_schema("sample")["$defs"]["reply_emotion"]["enum"]
    for emotion in sorted(found.keys() ^ set(known)):
        raise ConfigError(
            f"{emotion} is not an emotion of a reply"
            if emotion in found
            else f"{emotion} has no row",
            where=_path(),
            expected=f"one row for each of {', '.join(known)}",
            do="add or remove that row",
        )
    return found


def version() -> str:
    """Return a digest of the table."""
    return hashlib.sha256(_path().read_bytes()).hexdigest()[:12]


def _path() -> Path:
    return resources.prompts() / "voice" / "styles.tsv"
