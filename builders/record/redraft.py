"""Redrafts: which records are drafted again, and the reviewers' objections to their replies."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Which = Literal["rejected", "stale", "ids", "flagged", "unmatched"]


class HeardEmotion(BaseModel):
    """The emotion that reviewers hear in an utterance, with their votes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emotion: str
    votes: dict[str, int]


class Note(BaseModel):
    """A reply that is drafted again, with the reasons given to the model, and who has them.

    Without reasons, the prompt does not change: only a new seed makes another reply. `heard`
    replaces the label if reviewers hear another emotion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reply: dict[str, Any]
    reasons: tuple[str, ...]
    heard: HeardEmotion | None = None
    by: Literal["people", "checks"] = "people"


class Redraft(BaseModel):
    """A redraft: of which build, and the earlier replies of each record.

    `ids` are the records given by id, `codes` those of checks, if `which` says so. `prompt_version`
    is that of the redraft templates in use; it does not affect other records. `judge` is the model
    that selected what could not be matched, here or in an earlier version: what it says of this
    build measures nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str
    prompt_version: str
    notes: dict[str, tuple[Note, ...]]
    which: Which = "rejected"
    ids: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    judge: str | None = None

    @property
    def heard(self) -> dict[str, HeardEmotion]:
        """Return the emotion that reviewers hear, by record, where it differs from the label."""
        return {name: n.heard for name, notes in self.notes.items() for n in notes if n.heard}

    @property
    def identity(self) -> dict[str, object]:
        """Return what identifies it, as JSON values."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        which = {"which": self.which} if "which" in told else {}
        return {"of": self.of, **which, "records": len(self.notes), "sha256": digest}
