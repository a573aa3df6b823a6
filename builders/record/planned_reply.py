"""The plan of a reply, which the prompt, the demonstrations, the checks and the record share."""

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
