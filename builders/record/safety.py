"""Where an utterance is sent, before anything is asked about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Safety:
    """Where an utterance was routed, why, and what decided it, as in the published `safety`."""

    route: str
    codes: tuple[str, ...]
    by: str
