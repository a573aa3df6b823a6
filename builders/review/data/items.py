"""The items of a build: registered in the store once, read from the build's files one by one.

An item is a sample. What a reviewer sees of it has a hash; a decision counts for content of that
hash alone, in whichever build it lies, so that a build drafted again keeps the decisions about
every sample that stayed the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.errors import OutputError
from builders.record.dataset import Build
from builders.record.schema import load_schema
from builders.review.data.events import recount
from builders.review.data.tables import events, items, registered, writing
from builders.review.outcome.doubt import doubt_of
from builders.store.database import Store

# What is registered is read from these; the clips stay unread.
_COLUMNS = [
    "id", "language", "audio_info", "background", "text_context", "target_utterance", "labels",
    "desired_response", "source", "drafting", "checks", "safety", "judge", "audio_contribution",
]  # fmt: skip
_RECORD = tuple(name for name in load_schema("sample")["properties"] if name != "audio")
_GROUPS = 16
# How many samples are made known at first, so that reviewing can begin, and then at a time.
_FIRST, _LATER = 100, 2000
_TURN = ("speaker", "role", "text", "emotion", "audio_sha256")
_REPLY = ("text", "emotion", "strategies", "awareness")


def content_hash(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a reviewer sees and hears of a sample, 64 hexadecimal digits.

    Scores, checks and how the draft came about are not in it: none of them makes another item.
    """
    seen = {
        "id": record["id"],
        "language": record["language"],
        "audio": record["audio_info"]["sha256_pcm"],
        "background": record["background"] and record["background"]["text"],
        "context": [{name: turn[name] for name in _TURN} for turn in record["text_context"]],
        "target": record["target_utterance"],
        "reply": reply_of(record),
    }
    return sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()


def reply_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the drafted reply in the shape of `schemas/reply.schema.json`."""
    return {name: record["desired_response"][name] for name in _REPLY}


class Items:
    """Registers the items of builds in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, build: Build) -> Iterator[int]:
        """Make the items of a build known, and yield how many are known so far.

        Commits a row group (100 samples) first, so that reviewing can begin, then many at a time;
        does nothing where the same files are registered already. A large build is gone through
        by calling this in a thread of its own.
        """
        name = build.manifest["result"]["name"]
        state = _state_of(build)
        if self._registered(name) == state:
            return
        self._note(name, None)
        rows, known = _rows(build, name), set()
        size = _FIRST
        while block := list(islice(rows, size)):
            self._keep(block)
            known |= {row["item"] for row in block}
            size = _LATER
            yield len(known)
        self._forget_others(name, known)
        self._note(name, state)

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        statement = self._store.insert(items)
        kept = {"submitted", "gold"}
        changed = {c.name: statement.excluded[c.name] for c in items.c if c.name not in kept}
        with writing(self._store) as connection:
            connection.execute(
                statement.on_conflict_do_update(index_elements=["build", "item"], set_=changed),
                rows,
            )
            _recount_decided(connection, [row["item"] for row in rows])

    def _forget_others(self, build: str, known: set[str]) -> None:
        """Take out items that the build has no more; their events stay."""
        with writing(self._store) as connection:
            there = connection.scalars(sa.select(items.c.item).where(items.c.build == build))
            for item in set(there) - known:
                gone = (items.c.build == build) & (items.c.item == item)
                connection.execute(sa.delete(items).where(gone))

    def _registered(self, build: str) -> str | None:
        with self._store.translated(), self._store.engine.connect() as connection:
            mine = registered.c.build == build
            state: str | None = connection.scalar(sa.select(registered.c.files_sha256).where(mine))
            return state

    def _note(self, build: str, state: str | None) -> None:
        """Keep which files of a build are registered; None while they are being gone through."""
        with writing(self._store) as connection:
            connection.execute(sa.delete(registered).where(registered.c.build == build))
            if state:
                row = {"build": build, "files_sha256": state}
                connection.execute(sa.insert(registered).values(row))


class Records:
    """Reads single samples of a build from its files.

    Args:
        build: the build. Only files that its manifest names are opened.
    """

    def __init__(self, build: Build) -> None:
        self._shards = {path.name: path for path in build.shards()}
        # Describing thousands of rows takes a file longer to say than reading one of them.
        self._described: dict[str, pq.FileMetaData] = {}
        # A row group is read as a whole, and the next items lie in it as well.
        self._group = lru_cache(_GROUPS)(self._read)

    def record(self, shard: str, row: int) -> dict[str, Any]:
        """Return a sample without the bytes of its clip (`audio` is None), by `Item.shard`, `row`.

        Raises:
            OutputError: the build has no such row.
        """
        group, place = self._at(shard, row)
        record: dict[str, Any] = self._group(shard, group).slice(place, 1).to_pylist()[0]
        return {**record, "audio": None}

    def clip(self, shard: str, row: int) -> bytes | None:
        """Return the FLAC bytes of a sample's clip, 16 kHz mono, or None where it has none."""
        group, place = self._at(shard, row)
        audio = self._read(shard, group, ("audio",))["audio"][place].as_py()
        clip: bytes | None = audio and audio["bytes"]
        return clip

    def _read(self, shard: str, group: int, columns: tuple[str, ...] = _RECORD) -> pa.Table:
        with pq.ParquetFile(self._path(shard), metadata=self._metadata(shard)) as file:
            return file.read_row_group(group, columns=list(columns))

    def _at(self, shard: str, row: int) -> tuple[int, int]:
        """Return in which row group a sample is, and in which row of that."""
        metadata = self._metadata(shard)
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if row < rows:
                return group, row
            row -= rows
        raise self._gone(shard)

    def _metadata(self, shard: str) -> pq.FileMetaData:
        if shard not in self._described:
            self._described[shard] = pq.read_metadata(self._path(shard))
        return self._described[shard]

    def _path(self, shard: str) -> Path:
        if shard not in self._shards:
            raise self._gone(shard)
        return self._shards[shard]

    def _gone(self, shard: str) -> OutputError:
        return OutputError(
            f"the build has no such sample any more ({shard})", do="open the review again"
        )


def _rows(build: Build, name: str) -> Iterator[dict[str, Any]]:
    """Yield a build's samples as rows of the store, in order."""
    position = 0
    for shard in build.shards():
        with pq.ParquetFile(shard) as file:
            batches = file.iter_batches(100, columns=_COLUMNS)
            records = (record for batch in batches for record in batch.to_pylist())
            for number, record in enumerate(records):
                yield _row(record, name, shard.name, number, position)
                position += 1


def _row(
    record: Mapping[str, Any], build: str, shard: str, row: int, position: int
) -> dict[str, Any]:
    return {
        "build": build,
        "item": record["id"],
        "seen": content_hash(record),
        "position": position,
        "doubt": doubt_of(record),
        "crisis": (record["safety"] or {}).get("route") == "crisis",
        "gold": False,
        "submitted": 0,
        "corpus": record["source"]["corpus"],
        "label": record["target_utterance"]["emotions"]["root"],
        "emotion": record["target_utterance"]["emotions"]["primary"],
        "strategies": record["desired_response"]["response_strategy"],
        "shard": shard,
        "row": row,
    }


def _recount_decided(connection: Connection, names: Sequence[str]) -> None:
    """Count the decisions about items that somebody decided about before they were registered."""
    decided = sa.select(events.c.item).distinct().where(events.c.item.in_(names))
    for item in connection.scalars(decided).all():
        recount(connection, item)


def _state_of(build: Build) -> str:
    """Return a digest of the build's files, as its manifest describes them."""
    files = build.manifest["result"]["files"]
    return sha256(orjson.dumps(files, option=orjson.OPT_SORT_KEYS)).hexdigest()
