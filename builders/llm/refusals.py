"""Refusals: whether a server refuses one request or all of them, by its answers alone.

A request that is refused twice while others succeed is refused for good: that is an answer. Where
nothing has succeeded in between, a question of ours decides: a server that answers it refuses the
request, one that does not refuses everybody.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

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
# Refusals whose reason is known by its words.
_NAMED = frozenset({"content_filter", "context_length"})


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
class Control:
    """The question of ours by which a server that refuses a request is tried, one at a time."""

    asked: float = float("-inf")
    fine: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answered(self, endpoint: Provider[Any, Any], like: object, since: float) -> bool:
        """Return whether the server has answered it since a time, asking it where need be."""
        async with self._lock:
            if self.asked < since:
                begun = time.monotonic()
                self.fine = await endpoint.check(like)
                self.asked = begun
            return self.fine


def lasting(failure: Failure) -> Failure:
    """Return a refusal as one for good, with the server's words."""
    kind = failure.kind if failure.kind in _NAMED else "refused"
    return Failure(kind, failure.detail, failure.status)
