"""Answers given before a hidden draft was shown.

The first answer cannot be changed: a person who reloads the item sees
the draft at once, and the decision gets the answer from here, not from the page.
"""

from __future__ import annotations

import time

import orjson
import sqlalchemy as sa

from builders.review.data.decided import Shown
from builders.review.data.tables import writing
from builders.store.database import Store
from builders.store.tables import metadata

_answers = sa.Table(
    "review_first_answers",
    metadata,
    sa.Column("item", sa.String, primary_key=True),
    sa.Column("seen", sa.String(64), primary_key=True),
    sa.Column("annotator", sa.String(16), primary_key=True),
    sa.Column("answer", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


class FirstAnswers:
    """The first answers of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, shown: Shown, annotator: str, answer: dict[str, object]) -> None:
        """Save a first answer; a second one has no effect."""
        row = {
            "item": shown.item,
            "seen": shown.seen,
            "annotator": annotator,
            "answer": orjson.dumps(answer).decode(),
            "at": time.time(),
        }
        with writing(self._store) as connection:
            connection.execute(self._store.insert(_answers).values(row).on_conflict_do_nothing())

    def given(self, shown: Shown, annotator: str) -> dict[str, object] | None:
        """Return somebody's first answer about an item's current content, or None."""
        mine = (_answers.c.item == shown.item) & (_answers.c.seen == shown.seen)
        query = sa.select(_answers.c.answer).where(mine, _answers.c.annotator == annotator)
        with self._store.translated(), self._store.engine.connect() as connection:
            answer = connection.scalar(query)
        return orjson.loads(answer) if answer is not None else None
