"""The store: every request, attempt and cached response; only `forget.py` deletes any.

A response is used only once it is committed (`llm/cache.py`). SQLite runs in WAL mode with full
synchronous; PostgreSQL serves many machines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.errors import StoreError
from builders.masking import learn_address, mask_answer
from builders.store import migrations
from builders.store.address import store_exists
from builders.store.connections import engine_at, translated
from builders.store.messages import MessageSizes, Prompt, Sent, keep, read
from builders.store.steps import NEWEST
from builders.store.tables import answers, attempts, endpoints, forgotten, key_values, requests

# Of so many last answers, and of no fewer than the second number; seconds without one end a run.
_PACE_OF, _PACE_LEAST, _RUN_ENDS = 1000, 20, 60.0
# The kind of values that are verdicts; each begins with a digest of so many bytes.
_VERDICT, DIGEST_BYTES = "verdict", 16
_IS_VERDICT = key_values.c.kind == _VERDICT
_DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """What was found in an answer, as JSON, and the digest of all that this depends on."""

    digest: bytes
    found: bytes


@dataclass(slots=True)
class Answer:
    """A cached response: `outcome` is ok, refusal, truncated, empty or a kind of error.

    Its tokens are None if nobody counted them; `verdict` is the one that was kept with it, if any.
    """

    outcome: str
    text: str
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    verdict: KeptVerdict | None = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class Attempt:
    """One attempt at a request, successful or not. Times are seconds; `at` is a Unix time."""

    key: str
    model: str
    endpoint: str
    outcome: str
    status: int | None = None
    detail: str | None = None
    seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(slots=True)
class RequestRow:
    """A stored request, besides its key; `sent` is None if its messages are not stored."""

    key: str
    record_id: str
    attempt: int
    model: str
    prompt_version: str
    sent: Sent | None = None


@dataclass(slots=True)
class Spent:
    """Tokens used by one model, and its number of attempts."""

    model: str
    attempts: int
    prompt_tokens: int
    completion_tokens: int


class Store:
    """The store at a database address.

    Args:
        url: a SQLAlchemy address, or a path to a SQLite file.
        writes: whether it will be written; if not, a read-only file is fine.

    Attributes:
        kept: the messages added since it was opened.

    Raises:
        StoreError: it cannot be opened, or has another version.
    """

    def __init__(self, url: str, *, writes: bool = True) -> None:
        learn_address(url)
        self._writes = writes
        self.engine, self.name = engine_at(url, writes=writes)
        self.insert = _insert_of(self.engine.dialect.name)
        self._held = sa.select(
            answers.c.key,
            answers.c.outcome,
            answers.c.text,
            answers.c.finish_reason,
            answers.c.model,
            answers.c.prompt_tokens,
            answers.c.completion_tokens,
            key_values.c.value,
        )
        self._held = self._held.outerjoin_from(
            answers, key_values, (key_values.c.key == answers.c.key) & _IS_VERDICT
        ).where(answers.c.key.in_(sa.bindparam("keys", expanding=True)))
        put = self.insert(key_values)
        self._drafts = sa.select(key_values.c.key, key_values.c.value).where(
            key_values.c.kind == _DRAFT, key_values.c.key.in_(sa.bindparam("keys", expanding=True))
        )
        self._judged = put.on_conflict_do_update(
            index_elements=["kind", "key"], set_={"value": put.excluded.value}
        )
        self._reader: Connection | None = None
        self.kept = MessageSizes()
        self._check()

    def held(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the cached responses for these keys, by key."""
        rows: Sequence[Any] = self._read(self._held, keys) if keys else []
        found = {}
        for key, *told, kept in rows:
            found[key] = Answer(*told)
            found[key].verdict = _verdict(kept)
        return found

    def drafts(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return the drafts that are kept under these digests, by digest."""
        rows: Sequence[Any] = self._read(self._drafts, digests) if digests else []
        return {digest: bytes(draft) for digest, draft in rows}

    def has_drafts(self) -> bool:
        """Return whether any draft is kept."""
        there = sa.select(key_values.c.key).where(key_values.c.kind == _DRAFT).limit(1)
        return bool(self._read(there))

    def _read(self, query: sa.Select[Any], keys: Sequence[str] = ()) -> Sequence[sa.Row[Any]]:
        with self.translated():
            if self._reader is None:
                self._reader = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            return self._reader.execute(query, {"keys": list(keys)} if keys else {}).all()

    def save(
        self,
        asked: Sequence[RequestRow],
        answered: Mapping[str, Answer],
        tried: Iterable[tuple[str, Attempt]],
        judged: Mapping[str, KeptVerdict] | None = None,
        drafted: Mapping[str, bytes] | None = None,
    ) -> None:
        """Commit requests, their responses by key, and attempts with the name of their build.

        `judged` are verdicts about responses by key, `drafted` what came of them by digest; both
        replace earlier ones. Nobody misses one that is lost: `forget` deletes them all, whomever it
        is about.
        """
        now = time.time()
        sent = {row.key: row.sent for row in asked if row.sent}
        with self.translated(), self.engine.begin() as connection:
            self._add(connection, requests, [_fields(row, "sent") for row in asked])
            kept = keep(connection, self.insert, sent)
            self._add(
                connection,
                answers,
                [
                    {"key": k, "at": now, **_masked(_fields(a, "verdict"))}
                    for k, a in answered.items()
                ],
            )
            self._add(
                connection,
                attempts,
                [{"build": b, "at": now, **_masked(_fields(a))} for b, a in tried],
            )
            verdicts = {key: one.digest + one.found for key, one in (judged or {}).items()}
            for kind, values in ((_DRAFT, drafted or {}), (_VERDICT, verdicts)):
                rows = [{"kind": kind, "key": k, "value": v} for k, v in sorted(values.items())]
                if rows:
                    connection.execute(self._judged, rows)
        self.kept += kept

    def messages(self, key: str) -> Prompt | None:
        """Return the messages of a request by key; None if they are not stored."""
        with self.translated(), self.engine.connect() as connection:
            return read(connection, key)

    def spent(self, build: str) -> list[Spent]:
        """Return the attempts and tokens of a build so far, over all its runs, by model."""
        columns = attempts.c
        reached = columns.outcome != "connection"
        query = (
            sa.select(
                columns.model,
                sa.func.count(),
                sa.func.coalesce(sa.func.sum(columns.prompt_tokens), 0),
                sa.func.coalesce(sa.func.sum(columns.completion_tokens), 0),
            )
            .where(columns.build == build, reached)
            .group_by(columns.model)
            .order_by(columns.model)
        )
        with self.translated(), self.engine.connect() as connection:
            return [Spent(*row) for row in connection.execute(query)]

    def pace(self, model: str) -> float | None:
        """Return how many answers a second a model last gave; None of too few to tell.

        A pause of more than a minute is taken for the end of a run.
        """
        query = (
            sa.select(attempts.c.at)
            .where(attempts.c.model == model, attempts.c.outcome == "ok")
            .order_by(attempts.c.number.desc())
            .limit(_PACE_OF)
        )
        with self.translated(), self.engine.connect() as connection:
            moments = [*connection.scalars(query)]
        gaps = [later - earlier for later, earlier in pairwise(moments)]
        run = [*takewhile(lambda gap: gap < _RUN_ENDS, gaps)]
        return len(run) / sum(run) if len(run) >= _PACE_LEAST and sum(run) > 0 else None

    def remembered_dialect(self, base_url: str, model: str) -> str | None:
        """Return the capabilities of an endpoint, as given to `remember_dialect`."""
        where = (endpoints.c.base_url == base_url) & (endpoints.c.model == model)
        with self.translated(), self.engine.connect() as connection:
            return connection.scalar(sa.select(endpoints.c.understands).where(where))

    def has_answered(self, base_url: str, model: str) -> bool:
        """Return whether an attempt at an endpoint has brought an answer."""
        columns = attempts.c
        there = (columns.endpoint == base_url) & (columns.model == model)
        query = sa.select(columns.number).where(there & (columns.outcome == "ok")).limit(1)
        with self.translated(), self.engine.connect() as connection:
            return connection.scalar(query) is not None

    def remember_dialect(self, base_url: str, model: str, understands: str) -> None:
        """Save the capabilities of an endpoint."""
        row = {"base_url": base_url, "model": model, "understands": understands, "at": time.time()}
        statement = self.insert(endpoints).values(row)
        changed = {"understands": understands, "at": row["at"]}
        statement = statement.on_conflict_do_update(
            index_elements=["base_url", "model"], set_=changed
        )
        with self.translated(), self.engine.begin() as connection:
            connection.execute(statement)

    def forgotten(self) -> frozenset[str]:
        """Return the ids of samples and dialogues that must not be used any more."""
        with self.translated(), self.engine.connect() as connection:
            return frozenset(connection.scalars(sa.select(forgotten.c.id)))

    def close(self) -> None:
        """Close every connection."""
        if self._reader is not None:
            self._reader.close()
        self.engine.dispose()

    def _add(
        self, connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
    ) -> None:
        if rows:
            connection.execute(self.insert(table).on_conflict_do_nothing(), rows)

    def _check(self) -> None:
        """Create the tables of a new store; do not touch one of another version.

        Raises:
            StoreError: it has another version.
        """
        version = self._version()
        if version == 0:
            self._check_new()
            with self.translated():
                migrations.make(self.engine)
        elif version != NEWEST:
            raise StoreError(
                f"the store has version {version}",
                where=self.name,
                expected=f"version {NEWEST}",
                do=f"hearten store upgrade {self.name} (it makes a backup first)"
                if version < NEWEST
                else "use the newer Hearten that wrote it, or choose another store with --store",
            )

    def _check_new(self) -> None:
        """Raise StoreError if no store may be created: read-only, or another program's file."""
        with self.translated():
            there = sa.inspect(self.engine).get_table_names()
        # A database on a server may be shared; a file belongs to the program that created it.
        if there and self.engine.dialect.name == "sqlite":
            raise StoreError(
                f"the database belongs to another program: it has a table {there[0]}",
                where=self.name,
                expected="a store, or a file that does not exist yet",
                do="choose another file or database with --store",
            )
        if not self._writes:
            raise StoreError(
                f"{self.name} is not a store", do="pass the file of a store with --store"
            )

    def _version(self) -> int:
        with self.translated(), self.engine.connect() as connection:
            return migrations.version_of(connection)

    def translated(self) -> AbstractContextManager[None]:
        """Turn database errors into one-line messages that name the store."""
        return translated(self.name)


def forgotten_by(url: str) -> frozenset[str]:
    """Return the ids that a store was told to forget; none if there is no store."""
    if not store_exists(url) or _is_empty(url):
        return frozenset()
    with closing(Store(url, writes=False)) as store:
        return store.forgotten()


def _is_empty(url: str) -> bool:
    """Return whether a database is still empty, since another build may be creating it."""
    engine, name = engine_at(url, writes=False)
    try:
        with translated(name), engine.connect() as connection:
            return not sa.inspect(connection).get_table_names()
    finally:
        engine.dispose()


def _insert_of(dialect: str) -> Callable[[sa.Table], Any]:
    """Return what makes an INSERT that may do nothing; the other dialect is not imported."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def _verdict(value: bytes | None) -> KeptVerdict | None:
    if value is None:
        return None
    value = bytes(value)
    return KeptVerdict(value[:DIGEST_BYTES], value[DIGEST_BYTES:])


def _masked(fields: dict[str, object]) -> dict[str, object]:
    """Return what came from a server without keys in it; what a request is called stays."""
    said = {name: fields[name] for name in ("text", "finish_reason", "detail") if name in fields}
    return fields | {n: mask_answer(v) for n, v in said.items() if isinstance(v, str)}


def _fields(row: Answer | Attempt | RequestRow, but: str = "") -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__slots__ if name != but}
