"""Adaptive concurrency: fewer requests at once when a server says too many, more while it copes."""

from __future__ import annotations

import asyncio
import time
from collections import deque

_START = 8
MOST = 64
_ANSWERS_PER_STEP = 4


class AdaptiveLimit:
    """A first-come first-served limit on the requests in flight at one address.

    Args:
        most: the limit that was asked for, at which it then starts; None starts low and grows.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most or MOST
        self.limit = most or _START
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._answers = 0
        self._lowered = float("-inf")

    @property
    def room(self) -> int:
        """Return how many more requests may be sent now, less those that already wait."""
        return self.limit - self.in_flight - len(self._waiting)

    async def acquire(self) -> None:
        """Wait for a slot and take it."""
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1
        self._admit()

    def answered(self) -> None:
        """Note an answer; every few of them raise the limit by one, up to the most."""
        self._answers += 1
        if self._answers >= _ANSWERS_PER_STEP and self.limit < self.most:
            self._answers = 0
            self.limit += 1
            self._admit()

    def too_many(self, sent: float) -> None:
        """Halve the limit, once for all requests that were sent before it was last halved.

        Args:
            sent: when the request that was refused was sent, on `time.monotonic`'s clock.
        """
        if sent <= self._lowered:
            return
        self._lowered = time.monotonic()
        self._answers = 0
        self.limit = max(1, self.limit // 2)

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)
