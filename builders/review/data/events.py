"""Review decisions, as events that are appended and never changed.

An event records who, when, what was shown (the hash of the content, see `items.content_hash`) and
what was decided. The current state is computed from the events (`standing`, `merge.py`): an undo is
an event too, which names the one it undoes, and a decision on content that has changed since is
kept but no longer counts.

How a page uses this module, with `queue.py`:

    item = queue.next(build, annotator)               # leased; None if nothing is left
    shown = reviews.shown(build, item.item, annotator.id)       # with the version of this tab
    reviews.decide(annotator.id, shown, Decision("accept", ...), event_id)

`event_id` is made by the page (a UUID) before it sends: a repeated send after a dropped connection
finds the stored event and returns it, instead of deciding twice.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from builders.errors import HeartenError
from builders.review.data.decided import (
    VERDICTS,
    Better,
    Decision,
    Event,
    Shown,
    Verdict,
    body_of,
    counted,
    made_at,
    standing,
)
from builders.review.data.settings import settings_of
from builders.review.data.tables import events, items, leases, viewings, writing
from builders.store.database import Store

__all__ = [
    "VERDICTS",
    "Better",
    "Conflict",
    "Decision",
    "Event",
    "NotAllowed",
    "Reviews",
    "Shown",
    "Verdict",
    "counted",
    "standing",
]

# Kinds of events that an undo applies to, the latest first.
_DECIDING = ("decision", "adjudication", "comparison", "gold")
_ASKED_AT_ONCE = 500


class Conflict(HeartenError):
    """The item was decided in another tab; show that decision and let the person choose."""


class NotAllowed(HeartenError):
    """Somebody who has seen an item may not adjudicate it."""


class Added(NamedTuple):
    """The number of new imported events, and of undos of events that were already undone."""

    new: int
    undone: int


class Reviews:
    """The events of a store: SQLite, or PostgreSQL for teams."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def shown(self, build: str, item: str, annotator: str) -> Shown:
        """Return an item's current state, with the version to send back with a decision.

        Raises:
            KeyError: the build has no such item.
        """
        with self._store.translated(), self._store.engine.connect() as connection:
            mine = (items.c.build == build) & (items.c.item == item)
            made = (events.c.item == item) & (events.c.annotator == annotator)
            seen = sa.select(items.c.seen).where(mine).scalar_subquery()
            version = sa.select(sa.func.max(events.c.version)).where(made).scalar_subquery()
            found = connection.execute(sa.select(seen, version)).one()
        if found[0] is None:
            raise KeyError(item)
        return Shown(build, item, found[0], found[1] or 0)

    def decide(
        self, annotator: str, shown: Shown, decision: Decision, event_id: str | None = None
    ) -> Event:
        """Append a decision; it replaces the annotator's earlier one about the item.

        If the item already had k decisions and the annotator's lease has expired, it is stored
        and marked `surplus`. A decision on content that has changed since is stored but does not
        count. Validate it with `decisions.faults` first.

        Raises:
            Conflict: the annotator has made another event about the item since `shown`.
        """
        event = _new(annotator, shown, "decision", decision.verdict, event_id)
        return self._append(replace(event, body=body_of(decision)), shown.version)

    def adjudicate(
        self, annotator: str, shown: Shown, decision: Decision, event_id: str | None = None
    ) -> Event:
        """Append the adjudication of a disagreement; `decision.comment` gives the reason.

        Raises:
            NotAllowed: this person has decided or seen the item.
            Conflict: as in `decide`.
        """
        event = _new(annotator, shown, "adjudication", decision.verdict, event_id)
        return self._append(replace(event, body=body_of(decision)), shown.version)

    def audit(
        self, annotator: str, shown: Shown, decision: Decision, audit: str, event_id: str | None
    ) -> Event:
        """Append a decision in an audit, which leaves the queue of the review as it is.

        Raises:
            Conflict: as in `decide`.
        """
        event = _new(annotator, shown, "audit", decision.verdict, event_id)
        body = body_of(decision) | {"audit": audit}
        return self._append(replace(event, body=body), shown.version)

    def set_gold(self, lead: str, shown: Shown, answer: Decision) -> Event:
        """Append the right answer to an item, which from now on tests annotators.

        Fields missing in `answer` (strategies, emotion, ratings) are not compared.
        """
        event = _new(lead, shown, "gold", answer.verdict, None)
        return self._append(replace(event, body=body_of(answer)), shown.version)

    def compare(
        self,
        annotator: str,
        shown: Shown,
        other: str,
        choice: Better,
        event_id: str | None = None,
        *,
        more: Mapping[str, object] | None = None,
    ) -> Event:
        """Append which of two drafts of one target is better: ``a`` is `shown`, ``b`` is `other`.

        `other` is the content hash of the second draft; `more` is kept beside it in the body.
        """
        event = _new(annotator, shown, "comparison", choice, event_id)
        return self._append(replace(event, body={**(more or {}), "other": other}), shown.version)

    def add_one(
        self, by: str, shown: Shown, what: tuple[str, str], body: dict[str, object], key: str
    ) -> Event:
        """Append an event whose kind and verdict are `what`, with its id."""
        return self._append(replace(_new(by, shown, *what, key), body=body), shown.version)

    def undo(self, annotator: str, build: str, kinds: Collection[str] = _DECIDING) -> Event | None:
        """Undo the annotator's latest event in force, and return it; None if there is none.

        The event before it is in force again. `kinds` are the kinds to consider.
        """
        with writing(self._store) as connection:
            taken = sa.select(events.c.undoes).where(events.c.undoes.is_not(None))
            query = (
                sa.select(events)
                .where(events.c.annotator == annotator, events.c.build == build)
                .where(events.c.kind.in_(kinds), events.c.id.not_in(taken))
                .order_by(events.c.at.desc(), events.c.id.desc())
                .limit(1)
            )
            row = connection.execute(query).first()
            if row is None:
                return None
            taken_back = _event(row)
            shown = Shown(build, taken_back.item, taken_back.seen, 0)
            undo = replace(_new(annotator, shown, "undo", "undo", None), undoes=taken_back.id)
            made = _about(connection, taken_back.item)
            self._insert(connection, _later(undo, made), made)
            return taken_back

    def history(self, build: str, annotator: str | None = None) -> list[Event]:
        """Return the events made in a build, oldest first, of one annotator or of all."""
        query = sa.select(events).where(events.c.build == build)
        if annotator is not None:
            query = query.where(events.c.annotator == annotator)
        return self._read(query)

    def any(self) -> bool:
        """Return whether there is any event, in any build."""
        with self._store.translated(), self._store.engine.connect() as connection:
            return connection.scalar(sa.select(events.c.number).limit(1)) is not None

    def of_item(self, item: str) -> list[Event]:
        """Return every event about an item, in whichever build it was made, oldest first."""
        return self._read(sa.select(events).where(events.c.item == item))

    def of_build(self, build: str) -> list[Event]:
        """Return every event about the items of a build, in whichever build it was made.

        For a build whose items are not registered, these are its own events.
        """
        known = sa.select(items.c.item).where(items.c.build == build)
        return self._read(
            sa.select(events).where(sa.or_(events.c.item.in_(known), events.c.build == build))
        )

    def of_ids(self, ids: Collection[str]) -> dict[str, Event]:
        """Return the stored events with these ids, by id."""
        wanted, found = sorted(ids), []
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            part = wanted[start : start + _ASKED_AT_ONCE]
            found += self._read(sa.select(events).where(events.c.id.in_(part)))
        return {event.id: event for event in found}

    def add(self, imported: Iterable[Event]) -> Added:
        """Append imported events that are not stored yet; `checked.Elsewhere` validates them.

        Their numbers and versions are assigned anew; ids, times and marks are kept. A second undo
        of an event, as when it was undone in two stores, is not stored.
        """
        new = undone = 0
        with writing(self._store) as connection:
            for event in sorted(imported, key=made_at):
                same = sa.select(events.c.number).where(events.c.id == event.id)
                if connection.scalar(same) is not None:
                    continue
                made = _about(connection, event.item)
                if event.undoes and event.undoes in {one.undoes for one in made}:
                    undone += 1
                    continue
                self._insert(connection, event, made)
                new += 1
        return Added(new, undone)

    def _read(self, query: sa.Select) -> list[Event]:
        with self._store.translated(), self._store.engine.connect() as connection:
            return [_event(row) for row in connection.execute(query.order_by(events.c.number))]

    def _append(self, event: Event, version: int) -> Event:
        with writing(self._store) as connection:
            made = _about(connection, event.item)
            for held in made:
                if held.id == event.id:
                    return held
            if _version(made, event.annotator) != version:
                raise Conflict(
                    f"{event.item} has since been decided in another tab",
                    do="reload the page to see that decision, and decide again to change it",
                )
            if event.kind == "adjudication":
                _check_unseen(connection, event)
            surplus = event.kind == "decision" and _is_surplus(connection, event, made)
            return self._insert(connection, replace(_later(event, made), surplus=surplus), made)

    def _insert(self, connection: Connection, event: Event, made: Sequence[Event]) -> Event:
        """Insert an event, end its lease and recount the item's decisions.

        `made` are the events about the item so far.
        """
        event = replace(event, version=_version(made, event.annotator) + 1)
        row = asdict(event)
        del row["number"]
        row["body"] = orjson.dumps(event.body).decode()
        try:
            added = sa.insert(events).values(row).returning(events.c.number)
            event = replace(event, number=connection.execute(added).scalar_one())
        except IntegrityError as error:
            raise Conflict(
                f"{event.item} was changed by somebody else at the same time",
                do="reload the page and decide again",
            ) from error
        mine = (leases.c.item == event.item) & (leases.c.annotator == event.annotator)
        connection.execute(
            sa.update(leases).where(mine, leases.c.build == event.build).values(expires=0)
        )
        _count(connection, event.item, [*made, event])
        return event


def versions(connection: Connection, annotator: str, names: Collection[str]) -> dict[str, int]:
    """Return the number of a person's latest event about each item; 0 without one.

    To be read where items are leased, in the same transaction: a decision that comes in between
    would else make the item look as if it had been given anew.
    """
    query = sa.select(events.c.item, sa.func.max(events.c.version)).group_by(events.c.item)
    query = query.where(events.c.annotator == annotator, events.c.item.in_(names))
    return dict.fromkeys(names, 0) | {row[0]: row[1] for row in connection.execute(query)}


def events_about(
    connection: Connection, names: Collection[str], kinds: Collection[str]
) -> list[Event]:
    """Return the events of these kinds about items."""
    query = sa.select(events).where(events.c.item.in_(names), events.c.kind.in_(kinds))
    return [_event(row) for row in connection.execute(query)]


def recount(connection: Connection, item: str) -> None:
    """Recount an item's decisions and gold answers, in every build that has the item."""
    _count(connection, item, _about(connection, item))


def _about(connection: Connection, item: str) -> list[Event]:
    """Return every event about an item so far."""
    query = sa.select(events).where(events.c.item == item)
    return [_event(row) for row in connection.execute(query)]


def _count(connection: Connection, item: str, made: Sequence[Event]) -> None:
    by_seen: dict[str, int] = {}
    for event in counted(made):
        by_seen[event.seen] = by_seen.get(event.seen, 0) + 1
    golden = {event.seen for event in standing(made) if event.kind == "gold"}
    rows = connection.execute(sa.select(items.c.build, items.c.seen).where(items.c.item == item))
    for build, seen in rows.all():
        connection.execute(
            sa.update(items)
            .where(items.c.build == build, items.c.item == item)
            .values(submitted=by_seen.get(seen, 0), gold=seen in golden)
        )


def _is_surplus(connection: Connection, event: Event, made: Sequence[Event]) -> bool:
    """Return whether an item has enough decisions or leases without this one."""
    if event.verdict == "skip":
        return False
    present = [one for one in made if one.seen == event.seen]
    by = {one.annotator for one in counted(present)}
    if event.annotator in by or any(e.kind == "gold" for e in standing(present)):
        return False
    query = sa.select(leases.c.annotator).where(
        leases.c.build == event.build, leases.c.item == event.item, leases.c.expires > time.time()
    )
    holding = set(connection.scalars(query))
    return len(by | (holding - {event.annotator})) >= settings_of(connection, event.build).overlap


def _check_unseen(connection: Connection, event: Event) -> None:
    theirs = (events.c.item == event.item) & (events.c.annotator == event.annotator)
    decided = sa.select(events.c.number).where(theirs, events.c.kind == "decision").limit(1)
    held = (leases.c.item == event.item) & (leases.c.annotator == event.annotator)
    held &= leases.c.build.not_like(viewings("%"))
    leased = sa.select(leases.c.expires).where(held).limit(1)
    if connection.scalar(decided) is not None or connection.scalar(leased) is not None:
        raise NotAllowed(
            f"this annotator has already seen {event.item}",
            expected="an adjudicator who has not seen it",
            do="let somebody else adjudicate it",
        )


def _new(annotator: str, shown: Shown, kind: str, verdict: str, event_id: str | None) -> Event:
    return Event(
        number=0,
        id=event_id or secrets.token_hex(16),
        build=shown.build,
        item=shown.item,
        seen=shown.seen,
        annotator=annotator,
        version=0,
        kind=kind,
        verdict=verdict,
        undoes=None,
        surplus=False,
        body={},
        at=time.time(),
    )


def _later(event: Event, made: Iterable[Event]) -> Event:
    """Return an event with a time after all others about its item, since clocks differ."""
    last = max((one.at for one in made), default=0.0)
    return replace(event, at=max(event.at, math.nextafter(last, math.inf)))


def _version(made: Iterable[Event], annotator: str) -> int:
    return max((event.version for event in made if event.annotator == annotator), default=0)


def _event(row: sa.Row) -> Event:
    return Event(**dict(row._mapping) | {"body": orjson.loads(row.body)})
