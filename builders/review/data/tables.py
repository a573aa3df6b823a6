"""The tables of review, in the same store as the responses.

Events are appended and never changed. Everything else can be recreated: items from the
build's files, leases by new requests. Only the hash of an invitation's token is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.store.database import Store
from builders.store.tables import metadata

_ONE_WRITER = 0x72657669  # our PostgreSQL lock number

events = sa.Table(
    "review_events",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("build", sa.String, nullable=False, index=True),
    sa.Column("item", sa.String, nullable=False),
    sa.Column("seen", sa.String(64), nullable=False),
    sa.Column("annotator", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("undoes", sa.String(64), unique=True),
    sa.Column("surplus", sa.Boolean, nullable=False),
    sa.Column("body", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("format", sa.Integer, nullable=False, server_default="1"),
    sa.UniqueConstraint("item", "annotator", "version"),
    sa.Index("review_events_by_annotator", "annotator", "build", "number"),
)
items = sa.Table(
    "review_items",
    metadata,
    sa.Column("build", sa.String, primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("seen", sa.String(64), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("doubt", sa.Float, nullable=False),
    sa.Column("crisis", sa.Boolean, nullable=False),
    sa.Column("gold", sa.Boolean, nullable=False),
    sa.Column("submitted", sa.Integer, nullable=False),
    sa.Column("corpus", sa.String, nullable=False),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("emotion", sa.String, nullable=False),
    sa.Column("strategies", sa.String, nullable=False),
    sa.Column("shard", sa.String, nullable=False),
    sa.Column("row", sa.Integer, nullable=False),
    sa.Index("review_items_in_order", "build", "gold", "submitted", "position"),
    sa.Index("review_items_by_doubt", "build", "gold", "submitted", sa.text("doubt DESC")),
    sa.Index("review_items_counted", "build", "gold", "crisis", "submitted"),
    sa.Index("review_items_by_item", "item"),
)
leases = sa.Table(
    "review_leases",
    metadata,
    sa.Column("build", sa.String, primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("annotator", sa.String(16), primary_key=True),
    sa.Column("expires", sa.Float, nullable=False),
    sa.Index("review_leases_by_annotator", "annotator", "build", "expires"),
)
annotators = sa.Table(
    "review_annotators",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("token_sha256", sa.String(64), unique=True),
    sa.Column("takes_crisis", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
registered = sa.Table(
    "review_builds",
    metadata,
    sa.Column("build", sa.String, primary_key=True),
    sa.Column("files_sha256", sa.String(64), nullable=False),
)
settings = sa.Table(
    "review_settings",
    metadata,
    sa.Column("build", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)


def viewings(build: str) -> str:
    """Return the name, which no build can have, under which `leases` has who saw the answers.

    With % for the build it is the pattern of all such names.
    """
    return f"seen with answers in {build}"


@contextmanager
def writing(store: Store, *, durable: bool = True) -> Iterator[Connection]:
    """Hold an exclusive write transaction for review, so that counts stay exact.

    Args:
        store: the store.
        durable: whether the commit waits for the disk. Leases need not: those lost in a power
            failure are given out again, and a kill loses nothing.
    """
    begin = _postgresql if store.engine.dialect.name == "postgresql" else _sqlite
    with store.translated(), store.engine.connect() as connection, begin(connection, durable):
        yield connection


@contextmanager
def _postgresql(connection: Connection, durable: bool) -> Iterator[None]:
    with connection.begin():
        if not durable:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_WRITER)))
        yield


@contextmanager
def _sqlite(connection: Connection, durable: bool) -> Iterator[None]:
    try:
        with connection.begin():
            if not durable:
                connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield
    finally:
        if not durable:  # the connection's next user may write a response that was paid for
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
