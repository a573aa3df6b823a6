"""Audits: which rows a random sample of a build has, in which order, and who gets the next one.

The order is drawn once. In it every stratum (corpus and root emotion) has at any point as large a
part as of the whole build, and within a stratum it is random. The sample is the first rows in it
that nobody has decided about otherwise. Neither the doubt score nor anything else that is known
about a row decides where it comes, and the queue of the review does not see what an audit decides:
so what reviewers leave over stays a random sample of all that they leave over.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.review.data.decided import Event, standing
from builders.review.data.events import events_about, versions
from builders.review.data.people import Annotator
from builders.review.data.queue import Item, ItemsLeft, Queue
from builders.review.data.settings import settings_of
from builders.review.data.tables import events, items, leases, settings, writing
from builders.store.database import Store

Stratum = tuple[str, str]
_BLOCK = 250


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """What one audit of a build asks, fixed before the first row is looked at.

    Attributes:
        number: 1 for the first audit of the build.
        max_bad: the share of bad rows that must not be exceeded.
        confidence: of the claim and of the interval.
        allowed: how many rows may be bad.
        rows: how many rows are in the sample.
        to_the_end: whether all of them are judged, also when too many are bad already.
        salt: what draws the order; it names the audit in its events.
        began: a Unix time.
        result: the outcome as JSON values, once it is known.
    """

    number: int
    max_bad: float
    confidence: float
    allowed: int
    rows: int
    to_the_end: bool
    salt: str = field(default_factory=lambda: secrets.token_hex(8))
    began: float = field(default_factory=time.time)
    result: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of the sample; `verdict` is None as long as nobody has judged it."""

    item: Item
    verdict: str | None


@dataclass(frozen=True, slots=True)
class AuditSample:
    """The sample so far: the rows to be judged, and how many were skipped, each for another one."""

    rows: tuple[Drawn, ...]
    skipped: int

    @property
    def is_judged(self) -> bool:
        """Return whether every row is judged."""
        return all(row.verdict for row in self.rows)


class Audits:
    """The audits of a build, kept beside the settings of its review."""

    def __init__(self, store: Store, build: str) -> None:
        self._store = store
        self._build = build
        self.name = f"audit of {build}"  # a name that no build can have

    def all(self) -> list[AuditPlan]:
        """Return the audits of the build, oldest first."""
        query = sa.select(settings.c.value).where(settings.c.build == self.name)
        with self._store.translated(), self._store.engine.connect() as connection:
            value = connection.scalar(query)
        return [AuditPlan(**one) for one in orjson.loads(value)] if value else []

    def latest(self) -> AuditPlan | None:
        """Return the latest audit."""
        return next(reversed(self.all()), None)

    def save(self, plan: AuditPlan) -> None:
        """Save an audit, in place of its earlier state."""
        kept = [one for one in self.all() if one.number != plan.number]
        value = orjson.dumps([asdict(one) for one in (*kept, plan)]).decode()
        statement = self._store.insert(settings).values(build=self.name, value=value)
        with writing(self._store) as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["build"], set_={"value": value})
            )

    def unseen(self, salt: str) -> dict[Stratum, int]:
        """Return how many rows nobody has decided about, by stratum.

        Rows of the audit `salt` count as such, those of earlier audits do not.
        """
        query = (
            sa.select(items.c.corpus, items.c.label, sa.func.count())
            .where(items.c.build == self._build, *_nobody_saw(salt))
            .group_by(items.c.corpus, items.c.label)
            .order_by(items.c.corpus, items.c.label)
        )
        with self._store.translated(), self._store.engine.connect() as connection:
            return {(row[0], row[1]): row[2] for row in connection.execute(query)}


class AuditQueue(Queue):
    """Gives out the rows of an audit, each to one person."""

    def __init__(self, store: Store, build: str, plan: AuditPlan) -> None:
        super().__init__(store)
        self._plan = plan
        self._name = Audits(store, build).name
        self._build = build
        self._order: list[str] = []

    def sample(self) -> AuditSample:
        """Return the rows of the sample, as far as they have to be judged."""
        with self._store.translated(), self._store.engine.connect() as connection:
            return self._sample(connection)

    def give(self, build: str, annotator: Annotator, count: int) -> list[tuple[Item, int]]:
        """Lease the next rows of the sample to a person, with the version to send back."""
        now = time.time()
        with writing(self._store, durable=False) as connection:
            until = now + settings_of(connection, build).lease_seconds
            open_rows = [one.item for one in self._sample(connection).rows if not one.verdict]
            theirs = self._leased(connection, annotator.id, now)
            found = [item for item in open_rows if item.item not in theirs][:count]
            for item in found:
                self._lease(connection, item, annotator.id, until)
            known = versions(connection, annotator.id, [item.item for item in found])
        return [(item, known[item.item]) for item in found]

    def left(self, build: str, annotator: Annotator) -> ItemsLeft:
        """Return how many rows are left; all are open to everybody."""
        rows = self.sample().rows
        done = sum(row.verdict is not None for row in rows)
        mine = events.c.annotator == annotator.id, events.c.kind == "audit"
        query = sa.select(sa.func.count()).where(*mine, _of_audit(self._plan.salt), ~_undone())
        with self._store.translated(), self._store.engine.connect() as connection:
            by_me = connection.scalar(query) or 0
        return ItemsLeft(mine=len(rows) - done, decided_by_me=by_me, done=done, items=len(rows))

    def _sample(self, connection: Connection) -> AuditSample:
        return gathered(self._plan, self._walk(connection))

    def _walk(self, connection: Connection) -> Iterator[Drawn]:
        """Yield the rows that nobody has decided about otherwise, in the order of the audit."""
        self._order = self._order or _order(connection, self._build, self._plan.salt)
        for start in range(0, len(self._order), _BLOCK):
            names = self._order[start : start + _BLOCK]
            query = sa.select(items).where(items.c.build == self._build, items.c.item.in_(names))
            query = query.where(*_nobody_saw(self._plan.salt))
            found = {row.item: Item(**row._mapping) for row in connection.execute(query)}
            verdicts = self._verdicts(connection, names)
            for name in names:
                if item := found.get(name):
                    yield Drawn(item, verdicts.get((name, item.seen)))

    def _verdicts(self, connection: Connection, names: Sequence[str]) -> dict[tuple[str, str], str]:
        made = events_about(connection, names, ("audit", "undo"))
        ours = [event for event in standing(made) if _is_of(event, self._plan.salt)]
        # A verdict counts, whoever else skipped the row.
        ours.sort(key=lambda event: event.verdict != "skip")
        return {(event.item, event.seen): event.verdict for event in ours}

    def _leased(self, connection: Connection, annotator: str, now: float) -> set[str]:
        """Return the rows that are reserved for other people."""
        live = (leases.c.build == self._name) & (leases.c.expires > now)
        query = sa.select(leases.c.item).where(live, leases.c.annotator != annotator)
        return set(connection.scalars(query))

    def _leases_of(self, build: str) -> str:
        return self._name


def gathered(plan: AuditPlan, drawn: Iterable[Drawn]) -> AuditSample:
    """Return the rows to be judged, from all that nobody else has decided about, in order."""
    rows: list[Drawn] = []
    skipped = bad = 0
    for one in drawn:
        if one.verdict == "skip":
            skipped += 1
            continue
        rows.append(one)
        bad += one.verdict == "reject"
        if len(rows) == plan.rows or (bad > plan.allowed and not plan.to_the_end):
            break
    return AuditSample(tuple(rows), skipped)


def in_order(rows: Sequence[tuple[str, Stratum]], salt: str) -> list[str]:
    """Return the order in which an audit takes items: random, every stratum by its share.

    Up to each point in it, a stratum of N_h of N items has n N_h / N of the first n, give or take
    one, and each of its items is among them with the same probability.

    Args:
        rows: the items of a build with their strata.
        salt: what draws the order.
    """
    strata: dict[Stratum, list[str]] = {}
    for item, stratum in rows:
        strata.setdefault(stratum, []).append(item)
    placed = []
    for stratum, names in strata.items():
        begin = _draw(salt, "stratum", *stratum)
        names.sort(key=lambda name: _draw(salt, "item", name))
        placed += [((rank + begin) / len(names), name) for rank, name in enumerate(names)]
    return [name for _, name in sorted(placed)]


def _draw(salt: str, *names: str) -> float:
    digest = sha256("|".join((salt, *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _order(connection: Connection, build: str, salt: str) -> list[str]:
    query = sa.select(items.c.item, items.c.corpus, items.c.label)
    query = query.where(items.c.build == build, items.c.crisis.is_(False))
    query = query.order_by(items.c.position)
    return in_order([(row[0], (row[1], row[2])) for row in connection.execute(query)], salt)


def _nobody_saw(salt: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for a row of which nothing is known but by the audit `salt`."""
    about = (events.c.item == items.c.item) & (events.c.seen == items.c.seen) & ~_undone()
    elsewhere = (events.c.kind == "audit") & ~_of_audit(salt) & (events.c.verdict != "skip")
    settled = events.c.kind == "adjudication"
    return (
        items.c.crisis.is_(False),
        items.c.gold.is_(False),
        items.c.submitted == 0,
        ~sa.exists().where(about, settled | elsewhere),
    )


def _of_audit(salt: str) -> sa.ColumnElement[bool]:
    return events.c.body.like(f'%"audit":"{salt}"%')


def _is_of(event: Event, salt: str) -> bool:
    return event.kind == "audit" and event.body.get("audit") == salt


def _undone() -> sa.ColumnElement[bool]:
    undo = events.alias("undo")
    return sa.exists().where(undo.c.undoes == events.c.id)
