"""The queue of items: exactly k people decide each item, whatever the concurrency.

An item is open while it has fewer than k decisions and live leases in total. A lease is made
in the same transaction as the count, and expires, so an item is never given to more than k people
at once, and an unfinished one is given out again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.review.data.events import versions
from builders.review.data.people import Annotator
from builders.review.data.settings import Settings, settings_of
from builders.review.data.tables import events, items, leases, viewings, writing
from builders.store.database import Store


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a build, as the store knows it; `Build.row` reads its content.

    Attributes:
        position: its index in the build, from 0.
        doubt: its doubt score (`doubt.py`), 0 for none.
        seen: the hash of its current content.
        submitted: how many decisions count for this content.
        label: the coarse label of the target, `emotion` the fine one.
        strategies: those of the draft, joined as in ``response_strategy``.
    """

    build: str
    item: str
    seen: str
    position: int
    doubt: float
    crisis: bool
    gold: bool
    submitted: int
    corpus: str
    label: str
    emotion: str
    strategies: str
    shard: str
    row: int


@dataclass(frozen=True, slots=True)
class ItemsLeft:
    """The number of items left: for one person now, and in the build."""

    mine: int
    decided_by_me: int
    done: int
    items: int


class Queue:
    """Gives out the items of builds."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def next(self, build: str, annotator: Annotator, count: int = 1) -> list[Item]:
        """Lease up to `count` items to an annotator and return them, those already leased first.

        Never an item they have decided or skipped, nor a crisis item unless they accept those.
        Request two or three to prefetch. An empty list means nothing is open for them now.
        """
        return [item for item, _ in self.give(build, annotator, count)]

    def give(self, build: str, annotator: Annotator, count: int) -> list[tuple[Item, int]]:
        """Do the same, and return each item with the version that its decision is to name."""
        now = time.time()
        with writing(self._store, durable=False) as connection:
            settings = settings_of(connection, build)
            found = self._held(connection, build, annotator, now)[:count]
            while len(found) < count:
                got = self._open(connection, build, annotator, settings, found)
                if got is None:
                    break
                found.append(got)
            for item in found:
                self._lease(connection, item, annotator.id, now + settings.lease_seconds)
            known = versions(connection, annotator.id, [item.item for item in found])
        return [(item, known[item.item]) for item in found]

    def renew(self, build: str, item: str, annotator: str) -> bool:
        """Renew the lease of an item; False if it had expired (deciding still works,
        but may be marked surplus).
        """
        now = time.time()
        with writing(self._store, durable=False) as connection:
            until = now + settings_of(connection, build).lease_seconds
            mine = (leases.c.build == self._leases_of(build)) & (leases.c.item == item)
            mine &= (leases.c.annotator == annotator) & (leases.c.expires > now)
            return bool(
                connection.execute(sa.update(leases).where(mine).values(expires=until)).rowcount
            )

    def again(self, build: str, item: str, annotator: str) -> None:
        """Lease an item to a person again, after they undid their decision."""
        found = self.item(build, item)
        with writing(self._store) as connection:
            until = time.time() + settings_of(connection, build).lease_seconds
            self._lease(connection, found, annotator, until)

    def gave(self, build: str, item: str, annotator: str) -> bool:
        """Return whether an item was ever given to this annotator."""
        mine = (leases.c.build == self._leases_of(build)) & (leases.c.item == item)
        query = sa.select(leases.c.expires).where(mine, leases.c.annotator == annotator)
        with self._store.translated(), self._store.engine.connect() as connection:
            return connection.execute(query).first() is not None

    def release(self, build: str, annotator: str) -> None:
        """Release all leases of this annotator, as on signing out."""
        with writing(self._store) as connection:
            mine = leases.c.build == self._leases_of(build)
            mine &= leases.c.annotator == annotator
            connection.execute(sa.update(leases).where(mine).values(expires=0))

    def left(self, build: str, annotator: Annotator) -> ItemsLeft:
        """Return the items left; `mine` counts items open to this annotator, leased or not."""
        with self._store.translated(), self._store.engine.connect() as connection:
            settings = settings_of(connection, build)
            overlap = settings.overlap
            count = sa.select(sa.func.count()).select_from(items)
            plain = count.where(items.c.build == build, items.c.gold.is_(False), *_drawn(settings))
            is_open = items.c.submitted < overlap
            if not annotator.takes_crisis:
                is_open &= items.c.crisis.is_(False)
            decided = _decided_by(build, annotator.id)
            given = sa.select(sa.func.count(sa.distinct(events.c.item))).select_from(decided)
            open_and_given = given.where(items.c.gold.is_(False), is_open, *_drawn(settings))
            opened = connection.scalar(plain.where(is_open)) or 0
            return ItemsLeft(
                mine=max(0, opened - (connection.scalar(open_and_given) or 0)),
                decided_by_me=connection.scalar(given) or 0,
                done=connection.scalar(plain.where(items.c.submitted >= overlap)) or 0,
                items=connection.scalar(plain) or 0,
            )

    def item(self, build: str, item: str) -> Item:
        """Return one item, leased or not; KeyError if it is not in the build."""
        with self._store.translated(), self._store.engine.connect() as connection:
            wanted = (items.c.build == build) & (items.c.item == item)
            row = connection.execute(sa.select(items).where(wanted)).first()
        if row is None:
            raise KeyError(item)
        return _item(row)

    def _held(
        self, connection: Connection, build: str, annotator: Annotator, now: float
    ) -> list[Item]:
        mine = (leases.c.build == build) & (leases.c.annotator == annotator.id)
        held = connection.scalars(sa.select(leases.c.item).where(mine, leases.c.expires > now))
        query = sa.select(items).where(items.c.build == build, items.c.item.in_(held.all()))
        query = query.where(*_for(build, annotator)).order_by(items.c.position)
        return [_item(row) for row in connection.execute(query)]

    def _open(
        self,
        connection: Connection,
        build: str,
        annotator: Annotator,
        settings: Settings,
        found: list[Item],
    ) -> Item | None:
        """Return the next open item. Items started by others come first, so that they are finished.

        Gold items are mixed in by their share, depending on the annotator's number of events.
        """
        base = sa.select(items).where(
            items.c.build == build,
            items.c.item.not_in([item.item for item in found]),
            *_for(build, annotator),
            *_drawn(settings),
        )
        if self._wants_gold(connection, build, annotator.id, settings, len(found)):
            golden = base.where(items.c.gold.is_(True)).order_by(items.c.position).limit(1)
            row = connection.execute(golden).first()
            if row is not None:
                return _item(row)
        place = (
            (items.c.doubt.desc(), items.c.position)
            if settings.order == "doubt"
            else (items.c.position,)
        )
        for submitted in range(settings.overlap - 1, -1, -1):
            query = (
                base.where(items.c.gold.is_(False), items.c.submitted == submitted)
                .where(_live_leases(annotator.id) < settings.overlap - submitted)
                .order_by(*place)
                .limit(1)
            )
            row = connection.execute(query).first()
            if row is not None:
                return _item(row)
        return None

    def _wants_gold(
        self, connection: Connection, build: str, annotator: str, settings: Settings, ahead: int
    ) -> bool:
        mine = (events.c.build == build) & (events.c.annotator == annotator)
        made = connection.scalar(sa.select(sa.func.count()).select_from(events).where(mine)) or 0
        return settings.draw("gold", annotator, str(made + ahead)) < settings.gold_share

    def _leases_of(self, build: str) -> str:
        """Return the name under which the leases of a build's items are."""
        return build

    def _lease(self, connection: Connection, item: Item, annotator: str, until: float) -> None:
        build = self._leases_of(item.build)
        row = {"build": build, "item": item.item, "annotator": annotator, "expires": until}
        statement = self._store.insert(leases).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["build", "item", "annotator"], set_={"expires": until}
            )
        )


def _for(build: str, annotator: Annotator) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for giving an item to this annotator: not decided, no crisis."""
    undecided = ~sa.exists().where(
        events.c.item == items.c.item,
        events.c.annotator == annotator.id,
        events.c.seen == items.c.seen,
        events.c.kind.in_(("decision", "adjudication")),
        _not_undone(),
    )
    unseen = ~sa.exists().where(
        leases.c.build == viewings(build),
        leases.c.item == items.c.item,
        leases.c.annotator == annotator.id,
    )
    undecided &= unseen
    return (undecided,) if annotator.takes_crisis else (undecided, items.c.crisis.is_(False))


def note_viewing(store: Store, build: str, item: str, annotator: str, at: float) -> None:
    """Note that a lead has seen an item with the answers of others; they never decide blind on it.

    It is kept among the leases, under a name that no build can have.
    """
    row = {"build": viewings(build), "item": item, "annotator": annotator, "expires": at}
    with writing(store, durable=False) as connection:
        statement = store.insert(leases).values(row)
        connection.execute(statement.on_conflict_do_nothing())


def _drawn(settings: Settings) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition for the items that a review is limited to; none without a limit."""
    return (items.c.item.in_(settings.only) | items.c.gold,) if settings.only else ()


def _decided_by(build: str, annotator: str) -> sa.FromClause:
    """Return the items of a build with this annotator's decisions."""
    about = (items.c.item == events.c.item) & (items.c.seen == events.c.seen)
    about &= (items.c.build == build) & (events.c.annotator == annotator)
    about &= events.c.kind.in_(("decision", "adjudication")) & _not_undone()
    return events.join(items, about)


def _not_undone() -> sa.ColumnElement[bool]:
    undo = events.alias("undo")
    return ~sa.exists().where(undo.c.undoes == events.c.id)


def _live_leases(annotator: str) -> sa.ScalarSelect[int]:
    """Return how many other people an item is leased to; a decision ends the lease."""
    return (
        sa.select(sa.func.count())
        .select_from(leases)
        .where(leases.c.build == items.c.build, leases.c.item == items.c.item)
        .where(leases.c.annotator != annotator, leases.c.expires > time.time())
        .scalar_subquery()
    )


def _item(row: sa.Row) -> Item:
    return Item(**row._mapping)
