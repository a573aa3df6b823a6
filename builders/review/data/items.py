"""The items of a build: registered in the store once, read from the build's files one by one.

An item is a sample. The content shown to reviewers has a hash; a decision counts only for that
content, in any build, so that a redrafted build keeps the decisions about
every unchanged sample.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import TypedDict

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from builders.record.dataset import Build, Place
from builders.record.reply_views import ReplyPart
from builders.record.views import SampleRecord
from builders.release.eligibility import Purpose, Restrictions, left_out
from builders.review.data.events import recount
from builders.review.data.tables import events, items, registered, writing
from builders.review.outcome.doubt import doubt_of
from builders.store.database import Store

# The columns to register; clips are not read.
_COLUMNS = [
    "id", "language", "audio_info", "background", "text_context", "target_utterance",
    "annotation", "desired_response", "source", "drafting", "checks", "safety", "judgements",
    "audio_contribution",
]  # fmt: skip
# Batch sizes: a small first one, so that reviewing can begin, then larger ones.
_FIRST, _LATER = 100, 2000
_TARGET = ("speaker", "text", "emotions")
_TURN = ("speaker", "role", "text", "emotion", "audio_sha256")


class ItemRow(TypedDict):
    """An item as a row of the store's table."""

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


def content_hash(record: SampleRecord) -> str:
    """Return the SHA-256 of a sample's content as reviewed, 64 hexadecimal digits.

    It does not include scores, checks or how the draft was made.
    """
    seen = {
        "id": record["id"],
        "language": record["language"],
        "audio": record["audio_info"]["sha256_pcm"],
        "background": record["background"] and record["background"]["text"],
        "context": [
            {name: value for name, value in turn.items() if name in _TURN}
            for turn in record["text_context"]
        ],
        "target": {n: v for n, v in record["target_utterance"].items() if n in _TARGET},
        "reply": reply_of(record),
    }
    return sha256(orjson.dumps(seen, option=orjson.OPT_SORT_KEYS)).hexdigest()


def reply_of(record: SampleRecord) -> ReplyPart:
    """Return the drafted reply in the shape of `schemas/reply.schema.json`."""
    said = record["desired_response"]
    return {
        "text": said["text"],
        "emotion": said["emotion"],
        "strategies": said["strategies"],
        "awareness": said["awareness"],
    }


def is_crisis(record: SampleRecord) -> bool:
    """Return whether a sample is only shown to annotators who accept crisis items."""
    return record["safety"] is not None and record["safety"]["route"] == "crisis"


class Items:
    """Registers the items of builds in the store, except excluded ones.

    Args:
        store: an open store.
        known: the ids that may not be used.
    """

    def __init__(self, store: Store, known: Restrictions | None = None) -> None:
        self._store = store
        self._known = known or Restrictions()

    def register(self, build: Build) -> Iterator[int]:
        """Register the items of a build, and yield how many are registered so far.

        Commits a hundred samples first, so that reviewing can begin, then many at a time;
        does nothing if the same files are already registered. For a large build,
        call this in a separate thread.
        """
        name = build.manifest["result"]["name"]
        out = left_out(build.shards(), Purpose.REVIEW, self._known)
        state = _state_of(build, out)
        if self._registered(name) == state:
            return
        self._note(name, None)
        rows = (row for row in _rows(build, name) if row["item"] not in out)
        known: set[str] = set()
        size = _FIRST
        while block := list(islice(rows, size)):
            self._keep(block)
            known |= {row["item"] for row in block}
            size = _LATER
            yield len(known)
        self._forget_others(name, known)
        self._note(name, state)

    def _keep(self, rows: list[ItemRow]) -> None:
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
        """Remove items that are no longer in the build; their events are kept."""
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
        """Record which files of a build are registered; None while registering."""
        with writing(self._store) as connection:
            connection.execute(sa.delete(registered).where(registered.c.build == build))
            if state:
                row = {"build": build, "files_sha256": state}
                connection.execute(sa.insert(registered).values(row))


def _rows(build: Build, name: str) -> Iterator[ItemRow]:
    """Yield a build's samples as rows of the store, in order."""
    for position, place in enumerate(build.places(_COLUMNS)):
        yield _row(place, name, position)


def _row(place: Place, build: str, position: int) -> ItemRow:
    record = place.record
    return {
        "build": build,
        "item": record["id"],
        "seen": content_hash(record),
        "position": position,
        "doubt": doubt_of(record),
        "crisis": is_crisis(record),
        "gold": False,
        "submitted": 0,
        "corpus": record["source"]["corpus"],
        "label": record["target_utterance"]["emotions"]["root"],
        "emotion": record["target_utterance"]["emotions"]["primary"],
        "strategies": record["desired_response"]["response_strategy"],
        "shard": place.shard,
        "row": place.row,
    }


def _recount_decided(connection: Connection, names: Sequence[str]) -> None:
    """Recount decisions that were made before their items were registered."""
    decided = sa.select(events.c.item).distinct().where(events.c.item.in_(names))
    for item in connection.scalars(decided).all():
        recount(connection, item)


def _state_of(build: Build, out: Collection[str]) -> str:
    """Return a digest of the build's files, from its manifest, and of the exclusions."""
    files = build.manifest["result"]["files"]
    document = [files, sorted(out)] if out else files
    return sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
