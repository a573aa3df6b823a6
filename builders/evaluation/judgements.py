"""What judges said, as events in the store: appended, never changed, tied to what was seen.

An event belongs to content, not to a build: it counts wherever two samples are as they were.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from builders.store.database import Store
from builders.store.tables import metadata

_AT_ONCE = 500

_events = sa.Table(
    "judge_events",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("test", sa.String(16), nullable=False),
    sa.Column("one", sa.String, nullable=False),
    sa.Column("other", sa.String, nullable=False),
    sa.Column("seen", sa.String(64), nullable=False, index=True),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("straight_key", sa.String(64)),
    sa.Column("swapped_key", sa.String(64)),
    sa.Column("at", sa.Float, nullable=False),
    sa.UniqueConstraint("test", "one", "other", "seen", "model", "prompt_version"),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model said of a pair, whose content has the hash `seen`.

    The keys are those of its two answers, None where there is no usable one.
    """

    one: str
    other: str
    seen: str
    model: str
    prompt_version: str
    verdict: str
    straight_key: str | None
    swapped_key: str | None
    test: str = "swap"


class Judgements:
    """The judge's events of a store.

    Args:
        store: an open store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, judgements: Sequence[Judgement]) -> None:
        """Add events; one that is held already is left as it is."""
        rows = [{**asdict(one), "at": time.time()} for one in judgements]
        if rows:
            statement = self._store.insert(_events).on_conflict_do_nothing()
            with self._store.translated(), self._store.engine.begin() as connection:
                connection.execute(statement, rows)

    def any(self) -> bool:
        """Return whether there is an event at all."""
        with self._store.translated(), self._store.engine.connect() as connection:
            return connection.scalar(sa.select(_events.c.number).limit(1)) is not None

    def about(self, seen: Sequence[str]) -> Iterator[Judgement]:
        """Yield the events about contents of these hashes, oldest first."""
        columns = [_events.c[name] for name in Judgement.__slots__]
        found: list[tuple[int, Judgement]] = []
        with self._store.translated(), self._store.engine.connect() as connection:
            for start in range(0, len(seen), _AT_ONCE):
                of = _events.c.seen.in_(seen[start : start + _AT_ONCE])
                for number, *values in connection.execute(
                    sa.select(_events.c.number, *columns).where(of)
                ):
                    found.append((number, Judgement(*values)))
        yield from (one for _, one in sorted(found, key=lambda pair: pair[0]))
