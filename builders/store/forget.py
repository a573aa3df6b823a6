"""Delete everything in a store about people who asked to be removed.

Their text, clips and speech, the responses about them, and people's and judges' assessments of them
are deleted; the ids stay, so that later builds and all exports of finished builds leave them out.
The rows of attempts stay without their key, so that the cost is still known.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.errors import StoreError
from builders.store import key_value, messages, migrations
from builders.store.clips import ClipFiles
from builders.store.connections import file_of, in_parts
from builders.store.database import Store
from builders.store.tables import answers, attempts, forgotten, requests

# Tables with rows about samples, and the columns with their ids.
ABOUT_SAMPLES = {
    "requests": ("record_id",),
    "review_events": ("item",),
    "review_items": ("item",),
    "review_leases": ("item",),
    "review_pairs": ("item",),
    "review_first_answers": ("item",),
    "judgements": ("subject", "other"),
    "key_value_records": ("record_id",),
}
_JUDGEMENTS = sa.table(
    "judgements", sa.column("subject"), sa.column("other"), sa.column("keys", sa.JSON)
)
_PARTS = 4  # of the id of a sample: corpus, split, dialogue, utterance
_WAIT_MILLISECONDS = 5000
_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What was deleted: rows by table, and clip files; `missing` ones did not exist.

    `beside` counts the responses about other utterances of the same dialogues, which stay.
    """

    rows: dict[str, int]
    clips: int
    missing: int
    beside: int


def known(store: Store, ids: Collection[str]) -> set[str]:
    """Return the ids that the store has rows about, may quote, or was told to forget before."""
    before = store.forgotten()
    with store.translated(), store.engine.connect() as connection:
        dialogues = {name.rpartition("-")[0] for name in _asked(connection)}
        return {
            name
            for name in ids
            if name in before
            or name.rpartition("-")[0] in dialogues
            or _samples(connection, [name])
        }


def forget(store: Store, ids: Sequence[str], clips: ClipFiles, *, dry_run: bool) -> TakenOut:
    """Delete everything about samples, and record their ids as forgotten.

    It is all or nothing; a second call retries the wiping that another program
    prevented.

    Args:
        store: an open store.
        ids: of samples, or of dialogues for all of their samples.
        clips: the folder of encoded clips and speech.
        dry_run: only count.

    Raises:
        StoreError: another program has the store open, so text may still be in its file.
        OutputError: the clips cannot be removed.
    """
    with store.translated(), migrations.alone(store.engine) as connection:
        if store.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        samples = _samples(connection, ids)
        beside = _beside(connection, samples)
        rows, files = _take_out(connection, samples, ids)
        _keep_ids(store, connection, ids)
        if dry_run:
            connection.rollback()
            there = sum(clips.path(digest).is_file() for digest in files)
        else:
            there = clips.remove(files)
    if not dry_run:
        _wipe(store, [*rows, "message_parts", "attempts", "key_values"])
    return TakenOut(rows, there, len(files) - there, beside)


def copies_beside(store: Store, ids: Collection[str]) -> list[Path]:
    """Return the files beside a store's file that still have what is forgotten.

    Those that upgrades left there, and backups, under whatever name, with requests about these ids.
    """
    path = file_of(store.engine)
    if path is None:
        return []
    left = {*path.parent.glob(f"{path.name}.v*.backup"), *path.parent.glob("*.taken-in*")}
    others = (one for one in path.parent.iterdir() if one not in left and one != path)
    return sorted(left | {one for one in others if one.is_file() and _asks_about(one, ids)})


def _asks_about(path: Path, ids: Collection[str]) -> bool:
    """Return whether a file is a store with requests about ids, or samples of these dialogues."""
    with path.open("rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            return False
    address = f"file:{quote(str(path.resolve()))}?immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            names = connection.execute("SELECT record_id FROM requests")
            return any(name in ids or name.rpartition("-")[0] in ids for (name,) in names)
    except sqlite3.Error:
        return False


def _samples(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return the ids of all samples with rows, among these samples and dialogues."""
    found: set[str] = set()
    dialogues = [name for name in ids if name.count("-") < _PARTS - 1]
    for table, columns in ABOUT_SAMPLES.items():
        for name in columns:
            column = sa.column(name, sa.String)
            query = sa.select(column).select_from(sa.table(table)).distinct()
            for some in in_parts(ids):
                found |= {*connection.scalars(query.where(column.in_(some)))}
            for dialogue in dialogues:
                below = column.startswith(f"{dialogue}-", autoescape=True)
                found |= {*connection.scalars(query.where(below))}
    return found


def _beside(connection: Connection, samples: Collection[str]) -> int:
    """Return the number of cached responses about other samples of the same dialogues."""
    count = 0
    for dialogue in {name.rpartition("-")[0] for name in samples}:
        there = requests.c.record_id.startswith(f"{dialogue}-", autoescape=True)
        query = sa.select(requests.c.record_id).join(answers, answers.c.key == requests.c.key)
        count += sum(name not in samples for name in connection.scalars(query.where(there)))
    return count


def _take_out(
    connection: Connection, samples: Collection[str], ids: Collection[str]
) -> tuple[dict[str, int], set[str]]:
    """Delete the rows about samples; return the counts by table, and the files no longer needed."""
    keys = _keys(connection, samples)
    files = key_value.forget(connection, samples)
    rows = {"request_messages": messages.forget(connection, keys | _quoting(connection, ids))}
    for some in in_parts(keys):
        blank = sa.update(attempts).where(attempts.c.key.in_(some)).values(key="", detail=None)
        connection.execute(blank)
    _delete(connection, "claims", "key", keys)
    for table in ("requests", "answers"):
        rows[table] = _delete(connection, table, "key", keys)
    for table, columns in ABOUT_SAMPLES.items():
        taken = sum(_delete(connection, table, name, samples) for name in columns)
        rows[table] = rows.get(table, 0) + taken
    return rows, files


def _keys(connection: Connection, samples: Collection[str]) -> set[str]:
    """Return the keys of all requests about samples, including those of judges."""
    asked = sa.select(requests.c.key)
    judged = sa.select(_JUDGEMENTS.c["keys"])
    found: set[str] = set()
    for some in in_parts(samples):
        found |= {*connection.scalars(asked.where(requests.c.record_id.in_(some)))}
        for column in (_JUDGEMENTS.c.subject, _JUDGEMENTS.c.other):
            for keys in connection.scalars(judged.where(column.in_(some))):
                found |= {key for key in keys.values() if key}
    return found


def _quoting(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return the keys of all requests about these ids' dialogues, since any may quote them."""
    dialogues = {*ids} | {name.rpartition("-")[0] for name in ids}
    return _keys(connection, {n for n in _asked(connection) if n.rpartition("-")[0] in dialogues})


def _asked(connection: Connection) -> set[str]:
    """Return all samples that a request, or a judge's request, is about."""
    columns = (requests.c.record_id, _JUDGEMENTS.c.subject, _JUDGEMENTS.c.other)
    every = sa.union(*(sa.select(column) for column in columns))
    return {*connection.scalars(every)}


def _delete(connection: Connection, table: str, column: str, names: Collection[str]) -> int:
    name = sa.column(column, sa.String)
    return sum(
        connection.execute(sa.delete(sa.table(table)).where(name.in_(some))).rowcount
        for some in in_parts(names)
    )


def _keep_ids(store: Store, connection: Connection, ids: Collection[str]) -> None:
    now = time.time()
    rows = [{"id": name, "at": now} for name in ids]
    connection.execute(store.insert(forgotten).on_conflict_do_nothing(), rows)


def _wipe(store: Store, tables: Sequence[str]) -> None:
    """Rewrite the database, so that nothing of deleted rows is left in its files."""
    with store.translated(), store.engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        if store.engine.dialect.name == "postgresql":
            for table in tables:
                alone.exec_driver_sql(f"VACUUM FULL {table}")
            return
        wiped = _written_anew(alone)
    if not wiped:
        raise StoreError(
            "the records are deleted, but another program has the store open, so their text "
            "may still "
            "be in its file",
            where=store.name,
            do="stop that program and run the same command again",
        )


def _written_anew(connection: Connection) -> bool:
    """Rewrite a SQLite file and empty its log; return False if other programs have it open."""
    connection.exec_driver_sql(f"PRAGMA busy_timeout={_WAIT_MILLISECONDS}")
    try:
        connection.exec_driver_sql("VACUUM")
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").scalar() == 0
