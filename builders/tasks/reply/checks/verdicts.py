"""Verdicts that are kept: what the checks found in an answer, under a digest of all it depends on.

The digest covers the answer, the schema of the request, everything that the checks are given, all
tables, and the code of the whole package: whatever changes, the checks run again. A verdict
is only ever what they found; where they fail, nothing is kept.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import blake2b, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import orjson

from builders import resources
from builders.record.planned_reply import CheckNote
from builders.record.types import Emotions
from builders.store.database import DIGEST_BYTES, Answer, KeptVerdict
from builders.tasks.reply.checks.candidate import Scene
from builders.tasks.reply.checks.reading import Reply
from builders.tasks.reply.checks.registry import ReplyFault

Found = Reply | list[ReplyFault]


class Keeps(Protocol):
    """Keeps a verdict about the answer to the request of a key."""

    def __call__(self, key: str, verdict: KeptVerdict) -> None:
        """Keep it, sooner or later."""
        ...


class VerdictOutlet:
    """Hands verdicts on to `to`, once a store is open; until then nobody keeps them."""

    to: Keeps | None = None

    def __call__(self, key: str, verdict: KeptVerdict) -> None:
        """Hand one on."""
        if self.to:
            self.to(key, verdict)


def digest_of(  # noqa: PLR0913 - one argument for each thing it depends on
    text: str,
    said: str,
    checked: str,
    emotions: Emotions,
    neutral_twin: bool,
    caption: str | None,
    scene: Scene,
) -> bytes:
    """Return the digest of all that a verdict depends on.

    `said` are the words of the reply with the corpus's own names, `checked` is the digest of the
    schema; the others are the arguments of `read_answer`.

    Raises:
        TypeError: something the checks are given has no digest.
    """
    given = [text, said, checked, emotions, neutral_twin, caption, scene, rules_digest()]
    return blake2b(orjson.dumps(given, default=_digest), digest_size=DIGEST_BYTES).digest()


def words_in(text: str) -> str | None:
    """Return the words of the reply that an answer holds; None where it is more than the object."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    said = document.get("text") if isinstance(document, dict) else None
    return said if isinstance(said, str) else None


def held(answer: Answer, digest: bytes) -> Found | None:
    """Return the verdict that is kept with an answer, if it is the one of this digest."""
    kept = answer.verdict
    if kept is None or kept.digest != digest:
        return None
    document, coercions, notes, faults = orjson.loads(kept.found)
    if faults:
        return [ReplyFault(*fault) for fault in faults]
    reply = orjson.loads(answer.text) if document is None else document
    return Reply(reply, coercions, tuple(CheckNote(*note) for note in notes))


def verdict_of(answer: Answer, digest: bytes, found: Found) -> KeptVerdict:
    """Return what the checks found in an answer as it is kept."""
    if not isinstance(found, Reply):
        kept: list[object] = [None, [], [], [list(fault) for fault in found]]
    else:
        document = None if _is_said(found.document, answer.text) else found.document
        notes = [[n.code, n.severity, n.value, n.detail] for n in found.notes]
        kept = [document, found.coercions, notes, []]
    return KeptVerdict(digest, orjson.dumps(kept))


def _is_said(document: dict[str, object], text: str) -> bool:
    """Return whether an answer is nothing but this document, its names in this order."""
    try:
        return orjson.dumps(orjson.loads(text)) == orjson.dumps(document)
    except orjson.JSONDecodeError:
        return False


def _digest(given: object) -> object:
    """Return what stands in a digest for an object that is too large for it."""
    digest: Callable[[], str] | None = getattr(given, "digest", None)
    if digest is None:
        raise TypeError(f"{type(given).__name__} has no digest")
    return digest()


@cache
def rules_digest() -> str:
    """Return a digest of whatever decides about an answer: all code, tables and schemas."""
    digest = sha256(f"{sys.version} {version('jsonschema_rs')}".encode())
    for path in _sources():
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    code = Path(__file__).parents[3]
    yield from sorted(code.rglob("*.py"))
    for folder in (resources.label_maps(), resources.schemas()):
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
