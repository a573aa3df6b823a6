"""Numbered migrations of the store's tables: a new store takes all, an older one the missing ones.

A step is a module `m<number>_<name>.py` here with `upgrade(connection)`; the first line of its
docstring says what it adds. It is never changed after its release: it spells its tables out,
since the tables in the code will change. It runs in one transaction with the row that counts it, in
SQLite and in PostgreSQL, so that it is all or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from builders.errors import StoreError
from builders.store.steps import NEWEST, STEPS

_ONE_AT_A_TIME = 0x68656172  # our PostgreSQL lock number
# Release 0.1 had no migration numbers but a version for each group of tables. It checks the row
# `version` first, so text in it keeps release 0.1 away from an upgraded store.
_GROUPS = ("version", "review_version", "judge_version", "review_sessions_version",
           "review_first_answers_version", "review_pairs_version")  # fmt: skip
_KEEP_AWAY = "2 or newer"

meta = sa.Table(
    "hearten_meta",
    sa.MetaData(),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)


def version_of(connection: Connection) -> int:
    """Return the version of the store: 0 if it is empty.

    Raises:
        StoreError: it is not a number.
    """
    if not sa.inspect(connection).has_table(meta.name):
        return 0
    found: dict[str, str] = {name: value for name, value in connection.execute(sa.select(meta))}
    told = ["store_version"] if "store_version" in found else [n for n in _GROUPS if n in found]
    try:
        return max((int(found[name]) for name in told), default=0)
    except ValueError as error:
        raise StoreError(
            f"the store's version is not a number: {error}",
            expected=f"a number up to {NEWEST}",
            do="restore a backup, or choose another store with --store",
        ) from error


def make(engine: Engine) -> None:
    """Create all tables of a store at once, unless another process has just done so."""
    with alone(engine) as connection:
        if version_of(connection) == 0:
            for number in sorted(STEPS):
                _take(connection, number)


def upgrade(engine: Engine) -> Iterator[str]:
    """Run the missing migrations, each in a transaction; yield a description of each."""
    for number in sorted(STEPS):
        with alone(engine) as connection:
            # Release 0.1 may lack tables of the first migration, and has its own rows.
            lacks = version_of(connection) < number or (number == 1 and not _numbered(connection))
            said = _take(connection, number) if lacks else None
        if said:
            yield f"{number}: {said}"


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """Hold an exclusive transaction for creating or upgrading the store's tables."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def _take(connection: Connection, number: int) -> str:
    """Run one migration and count it; return its description."""
    step = import_module(f"{__name__}.{STEPS[number]}")
    step.upgrade(connection)
    if number == 1:
        meta.create(connection, checkfirst=True)
        connection.execute(sa.delete(meta).where(meta.c.name.in_(_GROUPS)))
        connection.execute(sa.insert(meta).values(name="version", value=_KEEP_AWAY))
    connection.execute(sa.delete(meta).where(meta.c.name == "store_version"))
    connection.execute(sa.insert(meta).values(name="store_version", value=str(number)))
    return str(step.__doc__).partition("\n")[0].rstrip(".")


def _numbered(connection: Connection) -> bool:
    query = sa.select(meta.c.value).where(meta.c.name == "store_version")
    return connection.scalar(query) is not None
