"""Backups of a store: complete, verified, and on disk before they get their final name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from builders.errors import StoreError
from builders.record.folder import settle, writable
from builders.store.connections import translated

_OF_THE_COPY = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR)


def backup(engine: Engine, name: str, to: Path) -> None:
    """Copy a store in SQLite to a new file; other programs may keep writing to it.

    Args:
        engine: the engine of the store.
        name: the store's name, for messages.
        to: the file; its folder is created.

    Raises:
        StoreError: the store is in PostgreSQL or damaged, or the copy cannot be written.
        OutputError: the copy's folder cannot be written.
    """
    if engine.dialect.name != "sqlite":
        raise StoreError(
            "a store in PostgreSQL is backed up with PostgreSQL's own tools",
            where=name,
            do=f"run {dump(name)}",
        )
    if to.exists():
        raise StoreError(f"the file {to} already exists", do="choose another one with --to")
    partial = to.with_name(f"{to.name}.partial")
    with writable(to.parent, "--to"):
        to.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            _copy(engine, name, partial)
            settle(partial)
            partial.replace(to)
            settle(to.parent)
        finally:
            partial.unlink(missing_ok=True)


def dump(name: str) -> str:
    """Return the command that backs up a store in PostgreSQL."""
    return f"pg_dump --format=custom --file=FILE '{name.replace('+psycopg', '', 1)}'"


def _copy(engine: Engine, name: str, to: Path) -> None:
    """Rewrite every row, so that an unreadable store gives no backup."""
    with translated(name), engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            alone.exec_driver_sql("VACUUM INTO ?", (str(to),))
        except DBAPIError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF not in _OF_THE_COPY:
                raise
            raise StoreError(
                f"the copy cannot be written: {error.orig}",
                where=to,
                do="free some space there, or write it elsewhere with hearten store backup "
                "--to FILE; "
                "the store is unchanged",
            ) from error
