"""Upgrade a store of an older release; describe the content of a store of any release."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders.errors import StoreError
from builders.store import messages, migrations
from builders.store.address import store_exists
from builders.store.backup import backup, dump
from builders.store.connections import engine_at, file_of, translated
from builders.store.steps import NEWEST
from builders.store.tables import request_messages

# The counted tables; release 0.1 had a different one for judgements.
_COUNTED = {
    "requests": "requests",
    "answers": "answers",
    "attempts": "attempts",
    "review_events": "review_events",
    "judge_events": "judgements",
    "judgements": "judgements",
    "key_values": "key_values",
}


@dataclass(frozen=True, slots=True)
class Contents:
    """The content of a store: rows by kind, messages, and bytes on disk."""

    name: str
    version: int
    counts: dict[str, int]
    size: int
    messages: messages.MessageSizes


def upgraded(address: str, *, backed_up: bool) -> Iterator[str]:
    """Upgrade a store to the newest version, after a backup; yield a line for each step.

    After a kill in the middle, the same call continues.

    Args:
        address: the store's address.
        backed_up: a backup was made by other means, so none is made here.

    Raises:
        StoreError: there is no store, it is newer, or it is in PostgreSQL and not `backed_up`.
    """
    with opened(address, writes=True) as (engine, name):
        version = _version(engine, name)
        if version == NEWEST:
            yield f"{name}: already at the newest version, {version}"
            return
        if not backed_up:
            yield f"backup: {_backed_up(engine, name, version)}"
        with translated(name):
            yield from migrations.upgrade(engine)
        yield f"{name}: upgraded from version {version} to {NEWEST}"


def contents(address: str) -> Contents:
    """Return the content of a store of any version.

    Raises:
        StoreError: there is no store.
    """
    with opened(address, writes=False) as (engine, name):
        version = _version(engine, name, newer=True)
        with translated(name), engine.connect() as connection:
            counts, size = _counts(connection), _size(engine, connection)
            return Contents(name, version, counts, size, _messages(connection))


@contextmanager
def opened(address: str, *, writes: bool) -> Iterator[tuple[Engine, str]]:
    """Hold the engine of a store of any version, and its name.

    Raises:
        StoreError: there is no store.
    """
    if not store_exists(address):
        raise StoreError("there is no store", where=address, do="pass the store's file or address")
    engine, name = engine_at(address, writes=writes)
    try:
        yield engine, name
    finally:
        engine.dispose()


def _version(engine: Engine, name: str, *, newer: bool = False) -> int:
    with translated(name), engine.connect() as connection:
        version = migrations.version_of(connection)
    if version == 0:
        raise StoreError("there is no store", where=name, do="pass the store's file or address")
    if version > NEWEST and not newer:
        raise StoreError(
            f"the store has version {version}",
            where=name,
            expected=f"version {NEWEST} or older",
            do="use the newer Hearten that wrote it",
        )
    return version


def _backed_up(engine: Engine, name: str, version: int) -> Path:
    """Back up a store in SQLite to a file beside it."""
    path = file_of(engine)
    if path is None:
        raise StoreError(
            "a store in PostgreSQL is not backed up automatically before an upgrade",
            where=name,
            do=f"back it up with {dump(name)} and pass --backed-up",
        )
    to = path.with_name(f"{path.name}.v{version}-{time.strftime('%Y%m%d-%H%M%S')}.backup")
    backup(engine, name, to)
    return to


def _counts(connection: Connection) -> dict[str, int]:
    there = {*sa.inspect(connection).get_table_names()}
    counts = {
        name: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table))) or 0
        for table, name in _COUNTED.items()
        if table in there
    }
    if "key_values" in there:
        files = sa.select(sa.text("count(DISTINCT file) FROM key_values"))
        counts["clips"] = connection.scalar(files) or 0
    return counts


def _messages(connection: Connection) -> messages.MessageSizes:
    there = sa.inspect(connection).has_table(request_messages.name)
    return messages.sizes(connection) if there else messages.MessageSizes()


def _size(engine: Engine, connection: Connection) -> int:
    if engine.dialect.name == "postgresql":
        tables = sa.inspect(connection).get_table_names()
        query = sa.text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
        return sum(connection.scalar(query, {"name": name}) or 0 for name in tables)
    path = file_of(engine)
    files = [path, path.with_name(f"{path.name}-wal")] if path else []
    return sum(file.stat().st_size for file in files if file.is_file())
