"""Drafts that are kept: what came of the answers about a target, under a digest.

The digest covers the target, the build, all templates and tables, and the code of the whole
package. Whatever changes, prompts are written and answers are checked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import blake2b, sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import orjson

from builders import resources
from builders.llm.task import Accepted
from builders.record.planned_reply import CheckNote, PlannedReply
from builders.record.types import Target
from builders.tasks.reply.checks.verdicts import rules_digest
from builders.tasks.reply.draft import Draft, drafted

_BYTES = 16
# Libraries that take part in writing a prompt.
_WRITERS = ("jinja2", "orjson")


class KeptDrafts:
    """Says under which digest the draft of a target is kept, and how it is written.

    Args:
        build: all that the drafts of a build have in common, as JSON values.
    """

    def __init__(self, build: Mapping[str, object]) -> None:
        self._build = orjson.dumps(build, option=orjson.OPT_SORT_KEYS)

    def digest(self, subject: Target) -> str | None:
        """Return the digest of all that a draft follows from; None where something has none."""
        try:
            told = orjson.dumps(subject, default=_digestible)
        except (TypeError, ValueError):  # half a surrogate pair, say
            return None
        digest = blake2b(told, digest_size=_BYTES)
        digest.update(self._common())
        return digest.hexdigest()

    def _common(self) -> bytes:
        """Return the digest of what all targets have in common, made when it is first needed."""
        return _common(self._build)

    def written(self, outcome: Accepted[Draft]) -> object:
        """Return a draft as JSON values."""
        draft, found = outcome.value, drafted(outcome)
        plan = draft.plan
        return [
            found.request_key,
            found.attempts,
            found.prompt_version,
            found.heard_audio,
            found.reply,
            found.coercions,
            [[n.code, n.severity, n.value, n.detail] for n in found.notes],
            found.demonstrations,
            plan and [plan.strategies, plan.words, plan.reply_emotions, plan.by, plan.answers],
            found.executed,
        ]

    def read(self, kept: object) -> Accepted[Draft]:
        """Return the draft that was written."""
        key, attempts, prompt, heard, reply, coercions, notes, shown, plan, executed = cast(
            "list[Any]", kept
        )
        draft = Draft(
            reply,
            coercions,
            notes=tuple(CheckNote(*note) for note in notes),
            demonstrations=tuple(shown),
            plan=plan and PlannedReply(*map(_as_tuple, plan)),
            executed=executed,
        )
        return Accepted(draft, key, attempts, prompt, heard)


def _as_tuple(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _digestible(value: object) -> object:
    """Return what stands in the digest of a target for what JSON has no form for."""
    if isinstance(value, tuple):
        return list(value)
    # Of a clip and a video the digests stand beside them; where a file is makes no difference.
    if isinstance(value, bytes | Path) or callable(value):
        return None
    raise TypeError(f"{type(value).__name__} has no digest")


@cache
def _common(build: bytes) -> bytes:
    versions = [version(name) for name in _WRITERS]
    told = [rules_digest(), templates_digest(), *versions]
    return sha256(build + orjson.dumps(told)).digest()


@cache
def templates_digest() -> str:
    """Return a digest of all files that prompts are made of."""
    digest = sha256()
    folder = resources.prompts()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
