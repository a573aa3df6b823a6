"""Judgements of any test and scale, replacing the table of the swap test.

Every row of the old table is migrated, with its two samples and two keys.
"""

import sqlalchemy as sa
from sqlalchemy import Connection

from builders.errors import StoreError

_TABLES = """
CREATE TABLE judgements (
    number {serial} NOT NULL,
    subject_hash VARCHAR(64) NOT NULL,
    subject VARCHAR NOT NULL,
    other VARCHAR NOT NULL,
    test VARCHAR(32) NOT NULL,
    dimension VARCHAR(64) NOT NULL,
    value FLOAT,
    verdict VARCHAR(16),
    model VARCHAR NOT NULL,
    prompt_version VARCHAR NOT NULL,
    keys JSON NOT NULL,
    detail JSON NOT NULL,
    at FLOAT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (subject_hash, subject, other, test, dimension, model, prompt_version)
);
CREATE INDEX ix_judgements_other ON judgements (other);
CREATE INDEX ix_judgements_subject ON judgements (subject);
CREATE INDEX ix_judgements_subject_hash ON judgements (subject_hash)
"""
_OLD = sa.table(
    "judge_events",
    *map(
        sa.column,
        ("number", "test", "one", "other", "seen", "model", "prompt_version", "verdict",
         "straight_key", "swapped_key", "at"),
    ),
)  # fmt: skip
_NEW = sa.table(
    "judgements",
    *map(
        sa.column,
        ("subject_hash", "subject", "other", "test", "dimension", "value", "verdict", "model",
         "prompt_version", "at"),
    ),
    sa.column("keys", sa.JSON),
    sa.column("detail", sa.JSON),
)  # fmt: skip
# A pair is matched in both orders or it is not; without two usable answers nothing is known.
_VALUES = {"right": 1.0, "refused": None}
_AT_ONCE = 1000


def upgrade(connection: Connection) -> None:
    """Create the table, migrate the old one, and drop it.

    Raises:
        StoreError: a row was not migrated; the old table is kept.
    """
    serial = "SERIAL" if connection.dialect.name == "postgresql" else "INTEGER"
    for statement in _TABLES.format(serial=serial).split(";\n"):
        connection.exec_driver_sql(statement)
    last = 0
    while rows := _after(connection, last):
        connection.execute(sa.insert(_NEW), [_carried(row) for row in rows])
        last = rows[-1].number
    before, after = (
        connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (_OLD, _NEW)
    )
    if before != after:
        raise StoreError(f"only {after} of {before} judgements were migrated; nothing was changed")
    connection.exec_driver_sql("DROP TABLE judge_events")


def _after(connection: Connection, number: int) -> list[sa.Row[tuple[object, ...]]]:
    query = sa.select(_OLD).where(_OLD.c.number > number).order_by(_OLD.c.number).limit(_AT_ONCE)
    return list(connection.execute(query))


def _carried(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    return {
        "subject_hash": row.seen,
        "subject": row.one,
        "other": row.other,
        "test": row.test,
        "dimension": row.test,
        "value": _VALUES.get(row.verdict, 0.0),
        "verdict": row.verdict,
        "model": row.model,
        "prompt_version": row.prompt_version,
        "keys": {"straight": row.straight_key, "swapped": row.swapped_key},
        "detail": {},
        "at": row.at,
    }
