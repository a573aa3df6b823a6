"""Utterances that no model is asked about, or not yet: what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from builders.record.types import Reject


@dataclass(slots=True)
class Held(Reject):
    """An utterance that tells of a crisis: no model is asked for a reply, people see it.

    `reason` is the route. `codes` say why, `by` what decided it; `speaker`, `emotion` and `turns`
    are what people need to read it: (id, speaker, role, text) each.
    """

    codes: tuple[str, ...] = ()
    by: str = ""
    speaker: str | None = None
    text: str = ""
    emotion: str | None = None
    turns: tuple[tuple[str, str | None, str, str], ...] = ()


@dataclass(slots=True)
class Unrouted(Reject):
    """An utterance whose route is not known yet: left for the next run, as `reason` says why."""
