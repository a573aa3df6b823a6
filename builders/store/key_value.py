"""Cached values by key in the store: measurements and checks of clips, speech, transcripts.

A value may refer to a file of `ClipFiles` by its digest. The records that need a
value are stored with it, so that it can be deleted with the last of them.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.store.connections import in_parts
from builders.store.database import Store
from builders.store.tables import key_value_records, key_values

# measured: values of a clip; checked: the result of a clip check; clip: the file of an encoded
# clip; video: the file of a video as sent; speech: the file of synthetic speech, or why there is
# none; heard: its transcript; moderated: the categories that a moderation endpoint gave a text;
# verdict: what the checks found in an answer, by its request's key; draft: what came of the answers
# about a target, by a digest of all it depends on; routed: which utterances of a corpus are normal;
# fitness: what a judge told apart, by dimension; surrogates: what was personal in an utterance, by
# what stands in its place.
Kind = Literal[
    "measured",
    "checked",
    "clip",
    "video",
    "speech",
    "heard",
    "moderated",
    "verdict",
    "draft",
    "routed",
    "fitness",
    "surrogates",
]
Key = tuple[Kind, str]
# A batch is committed once it has this many bytes, or is this many seconds old.
_BYTES, _SECONDS = 8_000_000, 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A cached value, and the digest of its file, if it has one."""

    value: bytes
    file: str | None = None


def key_of(*parts: object) -> str:
    """Return one key, 64 hexadecimal digits, for everything a value depends on."""
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


class KeyValue:
    """Cached values by kind and key; several threads and builds may use them at once.

    Values are committed in batches of `batch`: a kill loses the last batch.

    Args:
        store: the store with the values.
        batch: how many are committed together.
    """

    def __init__(self, store: Store, batch: int = 64) -> None:
        self._store = store
        self._batch = batch
        self._lock = threading.Lock()
        self._waiting: dict[Key, Kept] = {}
        self._needed: set[tuple[str, Key]] = set()
        self._size, self._since = 0, 0.0
        columns = key_values.c
        of_key = (columns.kind == sa.bindparam("kind")) & (columns.key == sa.bindparam("key"))
        self._found = sa.select(columns.value, columns.file).where(of_key)
        put = store.insert(key_values)
        changed = {"value": put.excluded.value, "file": put.excluded.file}
        self._put = put.on_conflict_do_update(index_elements=["kind", "key"], set_=changed)
        self._need = store.insert(key_value_records).on_conflict_do_nothing()
        with store.translated():
            self._reader = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def get(self, kind: Kind, key: str, record_id: str | None = None) -> Kept | None:
        """Return the value of a key, or None; record which sample needs it."""
        with self._lock:
            kept = self._waiting.get((kind, key))
            if kept is None:
                with self._store.translated():
                    row = self._reader.execute(self._found, {"kind": kind, "key": key}).first()
                kept = Kept(bytes(row[0]), row[1]) if row else None
            if kept and record_id is not None:
                self._note(kind, key, record_id)
            return kept

    def put(self, kind: Kind, key: str, kept: Kept, record_id: str | None = None) -> None:
        """Store a value under a key, replacing an earlier one."""
        with self._lock:
            self._begin()
            self._waiting[kind, key] = kept
            self._size += len(kept.value)
            if record_id is not None:
                self._needed.add((record_id, (kind, key)))
            self._commit_if_full()

    def commit(self) -> None:
        """Commit pending values."""
        with self._lock:
            self._commit()

    def close(self) -> None:
        """Commit pending values, and close the connection."""
        with self._lock:
            try:
                self._commit()
            finally:
                self._reader.close()

    def _note(self, kind: Kind, key: str, record_id: str) -> None:
        self._begin()
        self._needed.add((record_id, (kind, key)))
        self._commit_if_full()

    def _begin(self) -> None:
        if not (self._waiting or self._needed):
            self._since = time.monotonic()

    def _commit_if_full(self) -> None:
        late = time.monotonic() - self._since > _SECONDS
        many = len(self._waiting) >= self._batch or len(self._needed) >= 8 * self._batch
        if many or self._size > _BYTES or late:
            self._commit()

    def _commit(self) -> None:
        # Sorted by key, so that two builds cannot deadlock.
        rows = [
            {"kind": kind, "key": key, "value": kept.value, "file": kept.file}
            for (kind, key), kept in sorted(self._waiting.items(), key=lambda pair: pair[0])
        ]
        needed = [
            {"record_id": name, "kind": kind, "key": key}
            for name, (kind, key) in sorted(self._needed)
        ]
        if not (rows or needed):
            return
        with self._store.translated(), self._store.engine.begin() as connection:
            if rows:
                connection.execute(self._put, rows)
            if needed:
                connection.execute(self._need, needed)
        self._waiting, self._needed, self._size = {}, set(), 0


def forget(connection: Connection, record_ids: Collection[str]) -> set[str]:
    """Delete every value that no other record needs.

    Values without a record are deleted too. They are verdicts about answers, drafts, routes, speech
    of the built-in voice and measurements from release 0.1: nobody knows whom they are about, and
    they can be recomputed.

    Args:
        connection: a connection in a transaction of the caller.
        record_ids: the records that are forgotten.

    Returns:
        Digests of files that nothing in the store refers to any more: remove them, then commit.
    """
    owners, values = key_value_records.c, key_values.c
    for some in in_parts(record_ids):
        connection.execute(sa.delete(key_value_records).where(owners.record_id.in_(some)))
    needed = sa.exists().where(owners.kind == values.kind, owners.key == values.key)
    digests = sa.select(values.file).where(~needed, values.file.is_not(None))
    files = {str(digest) for digest in connection.scalars(digests)}
    connection.execute(sa.delete(key_values).where(~needed))
    return files - _in_use(connection, files)


def _in_use(connection: Connection, files: Iterable[str]) -> set[str]:
    """Return the files that values still refer to."""
    used: set[str] = set()
    for some in in_parts(files):
        query = sa.select(key_values.c.file).where(key_values.c.file.in_(some))
        used |= {str(digest) for digest in connection.scalars(query)}
    return used
