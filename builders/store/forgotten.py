"""The ids that a store was told to forget, for looks at a build: without what opens a store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from builders.store.steps import NEWEST

_BUSY_SECONDS = 60


def forgotten_ids(url: str) -> frozenset[str]:
    """Return the ids that a store was told to forget; none if there is no store.

    A file of SQLite in the newest version is read as it is. Whatever else there is, also what is
    wrong, is left to `database.forgotten_by`.

    Raises:
        StoreError: the store cannot be opened, or has another version.
    """
    found = _of_file(url)
    if found is not None:
        return found
    from builders.store.database import forgotten_by

    return forgotten_by(url)


def _of_file(url: str) -> frozenset[str] | None:
    """Return the ids in a file; None where it is none of SQLite in the newest version."""
    path = Path(url.removeprefix("sqlite:///"))
    if "://" in str(path) or not path.is_file():
        return None
    address = f"file:{quote(str(path.resolve()))}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS)) as connection:
            version = "SELECT value FROM hearten_meta WHERE name = 'store_version'"
            if connection.execute(version).fetchone() != (str(NEWEST),):
                return None
            return frozenset(name for (name,) in connection.execute("SELECT id FROM forgotten"))
    except sqlite3.Error:
        return None
