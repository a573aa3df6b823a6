"""Judgements in the store: appended, never changed, tied to the content judged.

A judgement belongs to content, not to a build: it counts wherever that content is unchanged. It is
about one sample or two, in one dimension of a test; `_dimensions.tsv` has the scale of its value.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from builders.evaluation.dimensions import dimension
from builders.store.database import Store
from builders.store.tables import metadata

_AT_ONCE = 500

_judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("subject_hash", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String, nullable=False, index=True),
    # The other sample of a pair; empty for a judgement of one, since null differs from itself.
    sa.Column("other", sa.String, nullable=False, index=True),
    sa.Column("test", sa.String(32), nullable=False),
    sa.Column("dimension", sa.String(64), nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("verdict", sa.String(16)),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("keys", sa.JSON, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.UniqueConstraint(
        *("subject_hash", "subject", "other", "test", "dimension", "model", "prompt_version")
    ),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A model's judgement of a sample or a pair, identified by content hashes.

    Attributes:
        subject_hash: SHA-256 of what the judge saw, 64 hexadecimal digits.
        subject: the sample's id.
        other: the id of the other sample of a pair; empty for a single sample.
        test: the test, such as ``swap``.
        dimension: the dimension, a row of `_dimensions.tsv`.
        value: on the scale of the dimension; None if there is no usable response.
        verdict: in a word, if the test has verdicts.
        model: the judging model.
        prompt_version: the version of the prompt template.
        keys: the request keys of the responses by question; None without a usable one.
        detail: further data of the test.
    """

    subject_hash: str
    subject: str
    other: str
    test: str
    dimension: str
    value: float | None
    verdict: str | None
    model: str
    prompt_version: str
    keys: Mapping[str, str | None] = field(default_factory=dict)
    detail: Mapping[str, str | float | None] = field(default_factory=dict)


class Judgements:
    """The judgements of a store.

    Args:
        store: an open store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, judgements: Sequence[Judgement]) -> None:
        """Add judgements; existing ones are not changed.

        Raises:
            LabelError: a dimension is unknown, or a value is not on its scale.
        """
        rows = [{**_row(_checked(one)), "at": time.time()} for one in judgements]
        if rows:
            statement = self._store.insert(_judgements).on_conflict_do_nothing()
            with self._store.translated(), self._store.engine.begin() as connection:
                connection.execute(statement, rows)

    def any(self) -> bool:
        """Return whether there is a judgement at all."""
        with self._store.translated(), self._store.engine.connect() as connection:
            return connection.scalar(sa.select(_judgements.c.number).limit(1)) is not None

    def about(self, hashes: Sequence[str], test: str) -> Iterator[Judgement]:
        """Yield the judgements of a test for these content hashes, oldest first."""
        columns = [_judgements.c[name] for name in Judgement.__slots__]
        found: list[tuple[int, Judgement]] = []
        with self._store.translated(), self._store.engine.connect() as connection:
            for start in range(0, len(hashes), _AT_ONCE):
                seen = _judgements.c.subject_hash.in_(hashes[start : start + _AT_ONCE])
                query = sa.select(_judgements.c.number, *columns)
                for number, *values in connection.execute(
                    query.where(seen & (_judgements.c.test == test))
                ):
                    found.append((number, Judgement(*values)))
        yield from (one for _, one in sorted(found, key=lambda pair: pair[0]))


def _checked(judgement: Judgement) -> Judgement:
    scale = dimension(judgement.dimension)
    if judgement.value is not None:
        scale.checked(judgement.value)
    return judgement


def _row(judgement: Judgement) -> dict[str, object]:
    return {name: getattr(judgement, name) for name in Judgement.__slots__}
