"""What a build drafts again: which records, and what reviewers said against their replies."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Which = Literal["rejected", "stale", "ids"]


class HeardEmotion(BaseModel):
    """The emotion that reviewers hear in an utterance, and how many of them hear which."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    emotion: str
    votes: dict[str, int]


class Note(BaseModel):
    """A reply that is drafted again, and why in words, as the model is told.

    Without reasons the model is told nothing of it: another seed alone makes another reply. `heard`
    takes the label's place where reviewers hear another emotion.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reply: dict[str, Any]
    reasons: tuple[str, ...]
    heard: HeardEmotion | None = None


class Redraft(BaseModel):
    """What is drafted again: of which build, and for each record its earlier replies.

    `ids` are the records that were named, where `which` says so. `prompt_version` is that of the
    template which tells the model; it touches none of the other records.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: str
    prompt_version: str
    notes: dict[str, tuple[Note, ...]]
    which: Which = "rejected"
    ids: tuple[str, ...] = ()

    @property
    def heard(self) -> dict[str, HeardEmotion]:
        """Return what reviewers hear, by record, where it is not what the label says."""
        return {name: n.heard for name, notes in self.notes.items() for n in notes if n.heard}

    @property
    def identity(self) -> dict[str, object]:
        """Return what identifies it, as JSON values."""
        told = self.model_dump(mode="json", exclude_defaults=True)
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        which = {"which": self.which} if "which" in told else {}
        return {"of": self.of, **which, "records": len(self.notes), "sha256": digest}
