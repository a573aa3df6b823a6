"""The store of a build: the one that was named, or the file beside it."""

from __future__ import annotations

from pathlib import Path

from builders.errors import StoreError


def store_of(folder: Path, given: str | None) -> str:
    """Return the address of the store that a command reads beside a build.

    Args:
        folder: the build's folder.
        given: the address that was named, if any.

    Raises:
        StoreError: there is none at the address that was named: what people decided, and who asked
            to be left out, must not be passed over for a slip of the pen.
    """
    from builders.settings import STORE_FILE
    from builders.store.address import store_exists

    if given and not store_exists(given):
        raise StoreError(
            "there is no store",
            where=given,
            expected="the database of a build",
            do="name it with --store, or leave --store out to use the one beside the build",
        )
    return given or str(folder.parent / STORE_FILE)
