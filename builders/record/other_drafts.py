"""Drafts of a target that are not its reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # a `Drafted` of that module has these
    from builders.record.planned_reply import CheckNote


@dataclass(frozen=True, slots=True)
class OtherDraft:
    """A draft of a target that is not its reply.

    `draft` is its number among those of its model, from 1. `reply` is None if it was given up, and
    `reason` says why; `notes` are those of the checks.
    """

    model: str
    draft: int
    seed: int
    request_key: str
    prompt_version: str | None = None
    attempts: int | None = None
    reply: dict[str, Any] | None = None
    notes: tuple[CheckNote, ...] = ()
    reason: str | None = None
