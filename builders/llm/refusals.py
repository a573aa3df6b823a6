"""Refusals: whether a server refuses one request or all of them, by its answers alone.

A request that is refused twice while others succeed is refused for good: that is an answer. Where
nothing has succeeded in between, the server is tried with what it has answered before: if it
answers that again, it refuses the request, and otherwise everybody.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from builders.llm.failures import Failure
from builders.llm.providers import Provider

# What a server may have against one request. A body that is no answer counts as well: some servers
# stop a prompt by sending none.
REFUSALS = frozenset(
    {
        "bad_request",
        "content_filter",
        "context_length",
        "forbidden",
        "wrong_address",
        "model_not_found",
        "bad_response",
    }
)
# How a completion without an answer in it is told of; other bodies that are none may pass.
_NO_ANSWER = ("no choice", "no message")
# Refusals whose reason is known by its words.
_NAMED = frozenset({"content_filter", "context_length"})

Sent = TypeVar("Sent")


@dataclass(slots=True)
class Refused:
    """The same refusal of one request, so many times.

    `succeeded` is how many others had been answered when it was refused first, `since` when that
    was, on `time.monotonic`'s clock; `waits` says that it is to be asked again.
    """

    kind: str = ""
    status: int | None = None
    times: int = 0
    succeeded: int = 0
    since: float = 0.0
    waits: bool = False

    def note(self, failure: Failure, succeeded: int) -> None:
        """Count a refusal; another one than before begins anew."""
        if (failure.kind, failure.status) != (self.kind, self.status):
            self.kind, self.status, self.times = failure.kind, failure.status, 0
            self.succeeded, self.since = succeeded, time.monotonic()
        self.times += 1


@dataclass(slots=True)
class Control(Generic[Sent]):
    """How a server that refuses a request is tried, one at a time: by what it has answered before.

    `good` is the last request that it answered; where there is none, a question of ours is asked.
    """

    good: Sent | None = None
    _asked: float = float("-inf")
    _fine: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answered(self, endpoint: Provider[Sent, Any], like: Sent, since: float) -> bool:
        """Return whether the server has answered since a time, trying it where need be."""
        async with self._lock:
            if self._asked < since:
                begun = time.monotonic()
                self._fine = await self._again(endpoint) or await endpoint.check(like)
                self._asked = begun
            return self._fine

    async def _again(self, endpoint: Provider[Sent, Any]) -> bool:
        if self.good is None:
            return False
        try:
            await endpoint.complete(self.good)
        except Failure:
            return False
        return True


def is_refusal(failure: Failure) -> bool:
    """Return whether a failure may be what a server has against the request."""
    if failure.kind == "bad_response":
        return failure.detail.startswith(_NO_ANSWER)
    return failure.kind in REFUSALS


def lasting(failure: Failure) -> Failure:
    """Return a refusal as one for good, with the server's words."""
    kind = failure.kind if failure.kind in _NAMED else "refused"
    found = Failure(kind, failure.detail, failure.status)
    found.lasting = True
    return found
