"""Connections to the database of a store, with its errors as one-line messages."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from builders.errors import StoreError
from builders.record.folder import writable

_BUSY_SECONDS = 60
_AT_ONCE = 500  # names per statement
# Messages for SQLite errors, by code.
_DAMAGED = (
    "the file is damaged or is not a store",
    "keep the file, continue from a copy made by `hearten store backup` or `upgrade`, or choose "
    "another store with --store",
)
_UNWRITABLE = (
    "the store cannot be opened or written",
    "allow access to it and its folder, or choose another store with --store; what is committed "
    "is kept",
)
_FULL = (
    "the store's disk is full",
    "free some space, or choose another store with --store; what is committed is kept",
)
_KINDS = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_BUSY: (
        "another program has locked the store",
        "wait for that program or stop it; what is committed is kept",
    ),
}
_OTHER = (
    "the store cannot be used",
    "free some space or allow access to it, or choose another store with --store; "
    "what is committed is kept",
)


def engine_at(address: str, *, writes: bool) -> tuple[Engine, str]:
    """Return the engine of a store, and its address without passwords, for messages.

    Args:
        address: a SQLAlchemy address, or a path to a SQLite file, whose folder is created.
        writes: whether it will be written; if not, a read-only file is fine.

    Raises:
        StoreError: the address is not valid, or the store will be written but is read-only.
        OutputError: the folder cannot be created.
    """
    if "://" not in address:
        with writable(Path(address).parent, "--store"):
            Path(address).resolve().parent.mkdir(parents=True, exist_ok=True)
        address = f"sqlite:///{Path(address).resolve()}"
    try:
        url = make_url(address)
        engine = sa.create_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        raise StoreError(
            f"the store's address cannot be used: {error}",
            expected="a file name or postgresql+psycopg://USER@HOST/DATABASE",
            do="check --store; PostgreSQL needs: pip install 'hearten[postgres]'",
        ) from error
    name = _without_secrets(url)
    if engine.dialect.name != "sqlite":
        return engine, name
    fixed = _cannot_be_written(engine)
    if fixed and writes:
        raise StoreError(_UNWRITABLE[0], where=name, do=_UNWRITABLE[1])
    engine = _read_only(url) if fixed else engine
    sa.event.listen(engine, "connect", partial(_prepare_sqlite, wal=not fixed))
    return engine, name


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn database errors into one-line messages that name the store."""
    try:
        yield
    except DBAPIError as error:
        # The rest of the code identifies the page or call.
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        what, do = _KINDS.get(code, _OTHER)
        raise StoreError(f"{what} ({error.orig})", where=name, do=do) from error


def file_of(engine: Engine) -> Path | None:
    """Return the file of a store in SQLite, None for other databases."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or database in (None, "", ":memory:"):
        return None
    return Path(str(database))


def _without_secrets(url: sa.URL) -> str:
    """Return an address without secrets; drivers accept a password as a parameter too."""
    shown = url.difference_update_query(("password", "sslpassword"))
    return shown.render_as_string(hide_password=True)


def _cannot_be_written(engine: Engine) -> bool:
    """Return whether an existing file is read-only; SQLite also writes beside it."""
    path = file_of(engine)
    if path is None or not path.is_file():
        return False
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _read_only(url: sa.URL) -> Engine:
    """Return an engine that reads a file without writing anything.

    Without a log file beside it nobody has it open, and SQLite need not create the log's index,
    which it could not do.
    """
    query = {"mode": "ro", "uri": "true"}
    if not Path(f"{url.database}-wal").exists():
        query["immutable"] = "1"
    return sa.create_engine(url.set(database=f"file:{quote(str(url.database))}", query=query))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object, *, wal: bool) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    if wal:
        _switch_to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Switch a file to WAL; SQLite does not wait for another process that is doing the same."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def in_parts(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names in lists that fit into one statement."""
    left = iter(sorted({*names}))
    while some := list(islice(left, _AT_ONCE)):
        yield some
