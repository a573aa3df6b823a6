"""The draft that a person's edit replaced, as the store holds it."""

from __future__ import annotations

from typing import Any

import orjson

from builders.store.database import Store, store_exists


class Drafts:
    """Looks drafts up in the store, which is opened when the first one is asked for.

    Args:
        store: the store's address.
    """

    def __init__(self, store: str) -> None:
        self._url = store
        self._store: Store | None = None

    def replaced(self, record: dict[str, Any]) -> str | None:
        """Return the draft that a person edited; None where none was, or it is unknown."""
        key = record["drafting"] and record["drafting"]["request_key"]
        edited = record["review"] and record["review"]["status"] == "edited"
        if not edited or not key or not store_exists(self._url):
            return None
        self._store = self._store or Store(self._url, writes=False)
        held = self._store.held([key])
        if key not in held:
            return None
        # It is an accepted answer, so it is JSON; only blanks may differ from the record's text.
        return " ".join(str(orjson.loads(held[key].text)["text"]).split())

    def close(self) -> None:
        """Let the store go."""
        if self._store:
            self._store.close()
