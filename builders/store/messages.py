"""The messages of each HTTP request, so that prompts can be shown later.

Each distinct text is stored once, compressed: the system turn of 10,000 requests is one row. A clip
is only stored as its digest. The template version is that of the request (`requests`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.store.connections import in_parts
from builders.store.tables import message_parts, request_messages, requests

# Texts whose compressed form is cached: system turns, and the first turns of a correction.
_AT_HAND = 256
# The fastest level: the others take two to four times as long for 10 % less.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """The content of a request: role and content of its messages in order, and its clip.

    They are the ones the request's key is computed from. An endpoint in the mode ``prompt`` gets
    the schema in words after the system turn as well.
    """

    messages: Sequence[tuple[str, str]]
    audio_sha256: str | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A stored request: its messages, model and sample."""

    messages: list[dict[str, str]]
    audio_sha256: str | None
    record_id: str
    attempt: int
    model: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class MessageSizes:
    """The number of requests with stored messages, their bytes, and their compressed bytes."""

    requests: int = 0
    bytes: int = 0
    kept: int = 0

    def __add__(self, other: MessageSizes) -> MessageSizes:
        """Return the sum of both."""
        return MessageSizes(
            self.requests + other.requests, self.bytes + other.bytes, self.kept + other.kept
        )

    def __str__(self) -> str:
        """Return the sizes in one line."""
        return f"{self.requests:,} requests, {self.bytes:,} bytes stored in {self.kept:,}"


_WANTED: sa.BindParameter[list[str]] = sa.bindparam("wanted", expanding=True)
_DIGESTS = sa.select(message_parts.c.digest).where(message_parts.c.digest.in_(_WANTED))
_KEYS = sa.select(request_messages.c.key).where(request_messages.c.key.in_(_WANTED))


def keep(
    connection: Connection, insert: Callable[[sa.Table], Any], sent: Mapping[str, Sent]
) -> MessageSizes:
    """Store the messages of requests by key, and return the sizes of new ones."""
    texts: dict[str, bytes] = {}
    asked: list[dict[str, Any]] = []
    for key, said in sent.items():
        packed = [(role, *_packed(content)) for role, content in said.messages]
        texts.update((digest, content) for _, digest, content, _ in packed)
        parts = orjson.dumps([(role, digest) for role, digest, *_ in packed]).decode()
        size = sum(length for *_, length in packed)
        asked.append({"key": key, "parts": parts, "audio_sha256": said.audio_sha256, "size": size})
    if not asked:
        return MessageSizes()
    # Looking what is there first takes a third of the time of being told by the insertion.
    known = {*connection.scalars(_DIGESTS, {"wanted": [*texts]})}
    new = [{"digest": d, "content": c} for d, c in texts.items() if d not in known]
    there = {*connection.scalars(_KEYS, {"wanted": [*sent]})}
    asked = [row for row in asked if row["key"] not in there]
    for table, rows in ((message_parts, new), (request_messages, asked)):
        if rows:
            connection.execute(insert(table).on_conflict_do_nothing(), rows)
    taken = sum(len(content) for digest, content in texts.items() if digest not in known)
    return MessageSizes(len(asked), sum(row["size"] for row in asked), taken)


def read(connection: Connection, key: str) -> Prompt | None:
    """Return the request of a key; None if its messages are not stored."""
    both = request_messages.join(requests, requests.c.key == request_messages.c.key)
    query = sa.select(request_messages, requests).select_from(both)
    row = connection.execute(query.where(request_messages.c.key == key)).one_or_none()
    if row is None:
        return None
    parts: list[tuple[str, str]] = orjson.loads(row.parts)
    wanted = message_parts.c.digest.in_({digest for _, digest in parts})
    texts = {
        r.digest: r.content for r in connection.execute(sa.select(message_parts).where(wanted))
    }
    return Prompt(
        [{"role": role, "content": zlib.decompress(texts[d]).decode()} for role, d in parts],
        row.audio_sha256,
        row.record_id,
        row.attempt,
        row.model,
        row.prompt_version,
    )


def sizes(connection: Connection) -> MessageSizes:
    """Return the size of the messages in a store."""
    count, total = sa.func.count(), sa.func.coalesce(sa.func.sum(request_messages.c.size), 0)
    asked, said = connection.execute(sa.select(count, total).select_from(request_messages)).one()
    length = sa.func.length(message_parts.c.content)
    kept = connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(length), 0)))
    return MessageSizes(asked, said, kept or 0)


def forget(connection: Connection, keys: Collection[str]) -> int:
    """Delete the messages of requests, and texts of no other request; return the number."""
    taken, texts = 0, set[str]()
    for some in in_parts(keys):
        there = request_messages.c.key.in_(some)
        for parts in connection.scalars(sa.select(request_messages.c.parts).where(there)):
            texts.update(digest for _, digest in orjson.loads(parts))
        taken += connection.execute(sa.delete(request_messages).where(there)).rowcount
    if texts:
        for parts in connection.scalars(sa.select(request_messages.c.parts)):
            texts.difference_update(digest for _, digest in orjson.loads(parts))
    for some in in_parts(texts):
        connection.execute(sa.delete(message_parts).where(message_parts.c.digest.in_(some)))
    return taken


@lru_cache(_AT_HAND)
def _packed(text: str) -> tuple[str, bytes, int]:
    """Return a text's digest, its compressed form and its size in bytes."""
    content = text.encode()
    return sha256(content).hexdigest(), zlib.compress(content, _LEVEL), len(content)
