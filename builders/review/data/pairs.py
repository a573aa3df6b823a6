"""Pairs to compare: targets with different replies in two builds, and the queue of pairs.

A pair is a target in both builds that is identical except for the reply. As with items
(`queue.py`), a pair is open while it has fewer than k comparisons and live leases in total.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.record.dataset import Build
from builders.record.views import SampleRecord
from builders.release.eligibility import Purpose, Restrictions, going_out
from builders.review.data.decided import standing
from builders.review.data.events import Reviews, versions
from builders.review.data.items import content_hash, is_crisis
from builders.review.data.people import Annotator
from builders.review.data.settings import settings_of
from builders.review.data.tables import events, leases, writing
from builders.store.database import Store
from builders.store.tables import metadata

_COLUMNS = [
    "id", "language", "audio_info", "background", "text_context", "target_utterance",
    "desired_response", "safety",
]  # fmt: skip
_NO_REPLY = dict.fromkeys(("text", "emotion", "strategies", "awareness"))

_pairs = sa.Table(
    "review_pairs",
    metadata,
    sa.Column("build", sa.String, primary_key=True),
    sa.Column("against", sa.String, primary_key=True),
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("seen", sa.String(64), nullable=False),
    sa.Column("other", sa.String(64), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("crisis", sa.Boolean, nullable=False),
    sa.Column("submitted", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class DraftPair:
    """Two drafts of one target: `seen` and `other` are its content hashes with each of them."""

    build: str
    against: str
    item: str
    seen: str
    other: str
    position: int
    crisis: bool
    submitted: int

    @property
    def hash(self) -> str:
        """Return the hash of both drafts, which does not reveal their builds."""
        return sha256("|".join(sorted((self.seen, self.other))).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Told:
    """The hashes of a target: everything but the reply, the reply's words, and the content."""

    target: str
    reply: str
    seen: str
    crisis: bool


class Pairs:
    """The pairs of two builds; the first is the build under review."""

    def __init__(self, store: Store, build: str, against: str) -> None:
        self._store = store
        self._build, self._against = build, against
        # Leases of pairs are stored with those of items, under a name that no build can have.
        self.name = f"{build} against {against}"

    def register(
        self, build: Build, other: Build, known: Restrictions | None = None
    ) -> Counter[str]:
        """Find the pairs again, and return how many targets are ``pairs``, have the ``same`` words
        in the reply, are ``changed`` beyond the reply, or are in ``one`` build only.
        """
        known = known or Restrictions()
        theirs = dict(_told(other, known))
        counts: Counter[str] = Counter()
        rows = []
        for position, (item, mine) in enumerate(_told(build, known)):
            other_told = theirs.pop(item, None)
            kind = _kind(mine, other_told)
            counts[kind] += 1
            if kind == "pairs" and other_told is not None:
                rows.append(self._row(item, position, mine, other_told))
        counts["one"] += len(theirs)
        with writing(self._store) as connection:
            connection.execute(sa.delete(_pairs).where(self._ours()))
            if rows:
                connection.execute(sa.insert(_pairs), rows)
        self._recount()
        return counts

    def next(self, annotator: Annotator, count: int) -> list[DraftPair]:
        """Lease up to `count` pairs to a person and return them, those already leased first."""
        return [pair for pair, _ in self.give(annotator, count)]

    def give(self, annotator: Annotator, count: int) -> list[tuple[DraftPair, int]]:
        """Do the same, and return each pair with the version that its comparison is to name."""
        now = time.time()
        with writing(self._store) as connection:
            settings = settings_of(connection, self._build)
            base = sa.select(_pairs).where(self._ours(), ~self._compared_by(annotator.id))
            if not annotator.takes_crisis:
                base = base.where(_pairs.c.crisis.is_(False))
            held = self._leases(annotator.id, now)
            others = self._others(annotator.id, now)
            is_open = held | (_pairs.c.submitted + others < settings.overlap)
            # Pairs started by others come before new ones, so that pairs are finished.
            place = (held.desc(), _pairs.c.submitted.desc(), _pairs.c.position)
            rows = connection.execute(base.where(is_open).order_by(*place).limit(count)).all()
            found = [DraftPair(**row._mapping) for row in rows]
            for pair in found:
                self._lease(connection, pair.item, annotator.id, now + settings.lease_seconds)
            known = versions(connection, annotator.id, [pair.item for pair in found])
        return [(pair, known[pair.item]) for pair in found]

    def again(self, item: str, annotator: str) -> None:
        """Lease a pair to a person again, after they undid their comparison."""
        with writing(self._store) as connection:
            until = time.time() + settings_of(connection, self._build).lease_seconds
            self._lease(connection, item, annotator, until)

    def left(self, annotator: Annotator) -> int:
        """Return how many pairs are open to a person, not counting leases."""
        with self._store.translated(), self._store.engine.connect() as connection:
            overlap = settings_of(connection, self._build).overlap
            mine = self._ours() & ~self._compared_by(annotator.id)
            mine &= _pairs.c.submitted < overlap
            if not annotator.takes_crisis:
                mine &= _pairs.c.crisis.is_(False)
            return connection.scalar(sa.select(sa.func.count()).where(mine)) or 0

    def pair(self, item: str) -> DraftPair:
        """Return the pair of a target; KeyError if there is none."""
        query = sa.select(_pairs).where(self._ours(), _pairs.c.item == item)
        with self._store.translated(), self._store.engine.connect() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise KeyError(item)
        return DraftPair(**row._mapping)

    def count(self, item: str, annotator: str) -> None:
        """Recount a pair's comparisons, and end the leases of people who made one."""
        made = [e for e in standing(Reviews(self._store).of_item(item)) if e.kind == "comparison"]
        mine = self._ours() & (_pairs.c.item == item)
        with writing(self._store) as connection:
            pair = connection.execute(sa.select(_pairs).where(mine)).one()
            drafts = {pair.seen, pair.other}
            people = {e.annotator for e in made if {e.seen, e.body["other"]} == drafts}
            connection.execute(sa.update(_pairs).where(mine).values(submitted=len(people)))
            if annotator in people:
                theirs = (leases.c.build == self.name) & (leases.c.item == item)
                theirs &= leases.c.annotator == annotator
                connection.execute(sa.update(leases).where(theirs).values(expires=0))

    def _recount(self) -> None:
        compared = sa.select(events.c.item).distinct().where(events.c.kind == "comparison")
        query = sa.select(_pairs.c.item).where(self._ours(), _pairs.c.item.in_(compared))
        with self._store.translated(), self._store.engine.connect() as connection:
            names = connection.scalars(query).all()
        for name in names:
            self.count(name, "")

    def _row(self, item: str, position: int, mine: _Told, other: _Told) -> dict[str, object]:
        return {
            "build": self._build,
            "against": self._against,
            "item": item,
            "seen": mine.seen,
            "other": other.seen,
            "position": position,
            "crisis": mine.crisis or other.crisis,
            "submitted": 0,
        }

    def _ours(self) -> sa.ColumnElement[bool]:
        return (_pairs.c.build == self._build) & (_pairs.c.against == self._against)

    def _leases(self, annotator: str, now: float) -> sa.ColumnElement[bool]:
        """Return whether a pair is leased to a person."""
        mine = (leases.c.build == self.name) & (leases.c.item == _pairs.c.item)
        return sa.exists().where(mine, leases.c.annotator == annotator, leases.c.expires > now)

    def _others(self, annotator: str, now: float) -> sa.ScalarSelect[int]:
        """Return how many other people a pair is leased to."""
        held = (leases.c.build == self.name) & (leases.c.item == _pairs.c.item)
        held &= (leases.c.annotator != annotator) & (leases.c.expires > now)
        return sa.select(sa.func.count()).select_from(leases).where(held).scalar_subquery()

    def _compared_by(self, annotator: str) -> sa.ColumnElement[bool]:
        """Return whether a person has compared these two drafts, in either order."""
        undo = events.alias("undo")
        one, two = _pairs.c.seen, _pairs.c.other
        either = (events.c.seen == one) & events.c.body.contains(two)
        either |= (events.c.seen == two) & events.c.body.contains(one)
        return sa.exists().where(
            events.c.item == _pairs.c.item,
            events.c.annotator == annotator,
            events.c.kind == "comparison",
            either,
            ~sa.exists().where(undo.c.undoes == events.c.id),
        )

    def _lease(self, connection: Connection, item: str, annotator: str, until: float) -> None:
        row = {"build": self.name, "item": item, "annotator": annotator, "expires": until}
        statement = self._store.insert(leases).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["build", "item", "annotator"], set_={"expires": until}
            )
        )


def _kind(mine: _Told, other: _Told | None) -> str:
    if other is None:
        return "one"
    if mine.target != other.target:
        return "changed"
    return "same" if mine.reply == other.reply else "pairs"


def _told(build: Build, known: Restrictions) -> Iterator[tuple[str, _Told]]:
    """Yield the hashes of each target of a build that may be shown; clips are not read."""
    for record in going_out(build.rows(_COLUMNS), Purpose.REVIEW, known):
        unanswered = cast(SampleRecord, {**record, "desired_response": _NO_REPLY})
        told = _Told(
            target=content_hash(unanswered),
            reply=" ".join(record["desired_response"]["text"].split()),
            seen=content_hash(record),
            crisis=is_crisis(record),
        )
        yield record["id"], told
