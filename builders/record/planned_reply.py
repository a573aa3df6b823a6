"""The plan of a reply and a note about it, which prompts, checks and the record share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PlannedReply:
    """What a reply is to do, decided before it is drafted.

    `strategies` are in order; `words` are the least and the most words; `reply_emotions` are those
    that it may be spoken in; `by` says who decided, `answers` how many responses that took.
    """

    strategies: tuple[str, ...]
    words: tuple[int, int]
    reply_emotions: tuple[str, ...]
    by: Literal["hash", "model"] = "hash"
    answers: int = 0


@dataclass(frozen=True, slots=True)
class CheckNote:
    """A check's note about a reply that is accepted anyway.

    `severity` is that of the check, `value` what it measured, `detail` a sentence.
    """

    code: str
    severity: str
    value: float | None
    detail: str
