"""What builds remember of clips, in a store and a folder of a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.store.key_value import KeyValue


@contextmanager
def kept_in(folder: Path) -> Iterator[tuple[KeyValue, ClipFiles]]:
    """Open the values and clips that lie in a folder; both are made where they are missing."""
    store = Store(str(folder / "hearten.sqlite"))
    values = KeyValue(store)
    try:
        yield values, ClipFiles(folder / "clips")
    finally:
        values.close()
        store.close()
