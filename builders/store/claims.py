"""Claims: builds that share a store tell each other which requests they are about to send.

A claim is a row with the request's key and its holder, who says every few seconds that it is still
there. Claims of a holder that fell silent are anybody's. They are worth nothing after a crash, so
that writing them waits for no disk.
"""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.store.database import Store
from builders.store.tables import claim_holders, claims

# Seconds between two signs of life, and without one until claims lapse.
HEARTBEAT, EXPIRY = 10.0, 60.0

# The keys of a JSON list as rows.
_LISTED = {
    "sqlite": "SELECT value FROM json_each(:keys)",
    "postgresql": "SELECT value FROM json_array_elements_text(CAST(:keys AS JSON))",
}
_NOW = {"sqlite": "SELECT NULL", "postgresql": "SELECT extract(epoch FROM clock_timestamp())"}
_STARTED = time.time()
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Holder:
    """Who claims: a build (by its folder), a host, a process and when that began (Unix time).

    `number` tells those of one process apart.
    """

    build: str
    host: str = field(default_factory=platform.node)
    process: int = field(default_factory=os.getpid)
    began: float = _STARTED
    number: int = field(default_factory=lambda: next(_NUMBERS))

    @property
    def name(self) -> str:
        """Return what tells it from every other."""
        return f"{self.host} {self.process} {self.began:.3f} {self.number} {self.build}"


class Taken(NamedTuple):
    """Of the keys that were wanted: those that are the holder's now, and those with an answer."""

    ours: frozenset[str]
    answered: frozenset[str]


class ClaimTable:
    """The claims in a store, for one holder; to be used from one thread at a time.

    Args:
        store: an open store.
        holder: who claims.
    """

    def __init__(self, store: Store, holder: Holder) -> None:
        self._store = store
        self._holder = holder
        self._dialect = store.engine.dialect.name
        listed = _LISTED[self._dialect]
        # In the order of the keys, so that two builds never wait for each other crosswise.
        self._take = sa.text(
            f"INSERT INTO claims (key, holder) SELECT value, :holder FROM ({listed}) AS listed "  # noqa: S608
            "WHERE true ORDER BY value ON CONFLICT DO NOTHING RETURNING key"
        )
        self._answered = sa.text(f"SELECT key FROM answers WHERE key IN ({listed})")  # noqa: S608
        self._free = sa.text(
            f"DELETE FROM claims WHERE holder = :holder AND key IN ({listed})"  # noqa: S608
        )
        self._opened: Connection | None = None

    def enter(self, *, alone: bool) -> None:
        """Begin to claim; frees what lapsed, and what the same build left where it is `alone`.

        Args:
            alone: whether no other process of this build can be running, as its lock is held.
        """
        with self._store.translated():
            if alone:
                mine = (claim_holders.c.host == self._holder.host) & (
                    claim_holders.c.build == self._holder.build
                )
                self._drop(mine & (claim_holders.c.holder != self._holder.name))
            self._beat()

    def take(self, keys: Sequence[str]) -> Taken:
        """Claim those of these keys that nobody holds, and tell which of them have an answer.

        A holder frees a key after its answer is committed, so that whoever takes it sees that.
        """
        with self._store.translated():
            listed = {"keys": orjson.dumps(keys).decode()}
            taken = self._connection.scalars(self._take, {**listed, "holder": self._holder.name})
            ours = frozenset(taken)
            if not ours:
                return Taken(ours, ours)
            listed = {"keys": orjson.dumps([*ours]).decode()}
            answered = frozenset(self._connection.scalars(self._answered, listed))
        if answered:
            self.free([*answered])
        return Taken(ours - answered, answered)

    def free(self, keys: Sequence[str]) -> None:
        """Give claims back."""
        with self._store.translated():
            listed = {"keys": orjson.dumps(keys).decode(), "holder": self._holder.name}
            self._connection.execute(self._free, listed)

    def beat(self) -> None:
        """Give a sign of life, and free what lapsed."""
        with self._store.translated():
            self._beat()

    def leave(self) -> None:
        """Give all claims back and close the connection."""
        with self._store.translated():
            self._drop(claim_holders.c.holder == self._holder.name)
            self._connection.close()
            self._opened = None

    @property
    def _connection(self) -> Connection:
        """Return a connection of its own, which does not wait for the disk."""
        if self._opened is None:
            opened = self._store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            opened.detach()  # answers must never be committed by it
            opened.exec_driver_sql(
                "PRAGMA synchronous=NORMAL"
                if self._dialect == "sqlite"
                else "SET synchronous_commit TO off"
            )
            self._opened = opened
        return self._opened

    def _beat(self) -> None:
        now = self._connection.scalar(sa.text(_NOW[self._dialect]))
        now = time.time() if now is None else float(now)
        row = {
            "holder": self._holder.name,
            "build": self._holder.build,
            "host": self._holder.host,
            "process": self._holder.process,
            "began": self._holder.began,
            "seen": now,
        }
        alive = self._store.insert(claim_holders).values(row)
        self._connection.execute(
            alive.on_conflict_do_update(index_elements=["holder"], set_={"seen": now})
        )
        self._drop(claim_holders.c.seen < now - EXPIRY)

    def _drop(self, which: sa.ColumnElement[bool]) -> None:
        """Remove holders with their claims, and claims without a holder."""
        self._connection.execute(sa.delete(claim_holders).where(which))
        there = sa.select(claim_holders.c.holder)
        self._connection.execute(sa.delete(claims).where(claims.c.holder.not_in(there)))
