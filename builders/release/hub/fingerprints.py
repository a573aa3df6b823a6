"""Row counts and row hashes of a config's split, the same however the rows were stored.

A row is hashed as JSON with sorted keys, bytes by their SHA-256; the hashes are added up, so that
shards may come in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TypedDict

import orjson
from typing_extensions import Buffer

_WIDTH = 1 << 256


class RowDigest(TypedDict):
    """How many rows a config's split has, and the sum of their hashes as hexadecimal digits."""

    rows: int
    sha256_sum: str


class Fingerprint:
    """How many rows were seen, and the sum of their hashes."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def add(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Take in rows as Arrow gives them; bytes may be any buffer, or their SHA-256 already."""
        for row in rows:
            line = orjson.dumps(row, default=_digest, option=orjson.OPT_SORT_KEYS)
            self._sum += int.from_bytes(hashlib.sha256(line).digest())
            self.rows += 1

    def as_json(self) -> RowDigest:
        """Return the count and the sum as hexadecimal digits."""
        return {"rows": self.rows, "sha256_sum": f"{self._sum % _WIDTH:064x}"}


def _digest(value: Buffer) -> str:
    return hashlib.sha256(value).hexdigest()
