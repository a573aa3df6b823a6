"""How many requests one endpoint gets at once, and when it is left alone for a while.

The limit starts low and doubles while that brings more answers a second. A refusal ("too many")
that is an exception delays its own request alone. When more than a fifth of the last answers are
refusals, the limit is halved and the whole endpoint pauses; one request then tries whether it takes
any again, and each pause in a row is twice as long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from statistics import fmean, median

START = 8
# Of so many last answers, and of no fewer than the second number.
_RECENT, _RECENT_LEAST = 50, 10
# Seconds of the first pause and of the longest one that no server asked for.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
# Twice as many at once must bring so many times the answers a second.
_WORTH_DOUBLING = 1.1
# A latency holds up to the first, and is too long from the second, times what it was.
_HOLDS, _TOO_LONG = 1.2, 1.5


class Growth:
    """Finds how many requests at once are worth it, from how long answers take.

    It looks at one window of answers after the other, all to requests that were sent since the
    limit was last changed.

    Args:
        limit: where it starts.
        most: the most it may become; None for no bound.
        lowers: whether a latency that grows lowers the limit.
    """

    def __init__(self, limit: int, most: int | None, *, lowers: bool) -> None:
        self.limit = limit
        self._most = most
        self._lowers = lowers
        self._changed = float("-inf")
        self._window: list[float] = []
        self._full = 0
        self._doubling = True
        self._share = 1 / 16
        self._misses = 0
        # The last limit at which the latency held, and that latency.
        self._held: tuple[int, float] | None = None
        self._rate = 0.0

    def answered(self, sent: float, now: float, in_flight: int) -> bool:
        """Take in an answer to a request sent at `sent`; return whether the limit was raised.

        Args:
            sent: when the request was sent.
            now: when it was answered, on the same clock.
            in_flight: how many requests were under way then, this one among them.
        """
        if sent < self._changed:
            return False
        self._window.append(now - sent)
        self._full += in_flight >= self.limit
        if not self._is_enough():
            return False
        # A limit that was hardly ever reached tells nothing of the next one.
        reached, self._full = 2 * self._full > len(self._window), 0
        if not reached:
            self._window.clear()
            return False
        before, seconds = self.limit, max(median(self._window), 1e-6)
        # For a rate the mean counts: those that come back first are the fast ones.
        mean = max(fmean(self._window), 1e-6)
        self._window.clear()
        self._double(seconds, mean, now) if self._doubling else self._follow(seconds)
        if self.limit != before:
            self._changed = now
        return self.limit > before

    def _is_enough(self) -> bool:
        """Return whether the window tells enough: half of it where nothing became slower."""
        count = len(self._window)
        if count >= max(START, self.limit):
            return True
        half = max(START, self.limit // 2)
        if not self._doubling or self._held is None or count != half:
            return False
        return median(self._window) <= _HOLDS * self._held[1]

    def halve(self, now: float) -> None:
        """Halve the limit, and grow by small steps from there."""
        self._set(max(1, self.limit // 2))
        self._doubling, self._share, self._changed = False, 1 / 16, now
        self._window.clear()
        self._full = 0

    def _double(self, seconds: float, mean: float, now: float) -> None:
        held = self._held
        if held and self.limit / mean < _WORTH_DOUBLING * self._rate:
            self._misses, self._changed = self._misses + 1, now
            if self._misses > 1:  # one slow window may have been somebody else's work
                self._doubling, self._misses = False, 0
                self._set(held[0])
            return
        self._misses = 0
        self._held, self._rate = (self.limit, seconds), self.limit / mean
        self._set(2 * self.limit)

    def _follow(self, seconds: float) -> None:
        """Grow by ever larger steps while the latency holds; shrink when it is too long."""
        held = self._held = self._held or (self.limit, seconds)
        if seconds <= _HOLDS * held[1]:
            self._misses = 0
            self._set(self.limit + max(1, int(self.limit * self._share)))
            self._share = min(1.0, 2 * self._share)
            return
        self._share = 1 / 16
        if seconds <= _TOO_LONG * held[1]:
            return
        self._misses += 1
        # What a server needs may grow for good, with its other users or with longer prompts.
        self._held = (held[0], 1.02 * held[1])
        if self._misses > 1 and self._lowers:
            self._misses = 0
            self._set(min(self.limit, max(START, int(self.limit * held[1] / seconds) + 1)))

    def _set(self, limit: int) -> None:
        self.limit = min(limit, self._most or limit)


class AdaptiveLimit:
    """A first-come first-served limit on the requests in flight at one address.

    Args:
        most: the limit that was asked for, at which it then starts; None starts low and grows
            without a bound.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most
        self.in_flight = 0
        # Those of them that were sent since the last pause.
        self._fresh = 0
        self._growth = Growth(most or START, most, lowers=most is None)
        self._waiting: deque[asyncio.Future[bool]] = deque()
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._answered = False
        self._until = float("-inf")
        self._noted = float("-inf")
        self._pauses = 0
        self._trying = False

    @property
    def limit(self) -> int:
        """Return how many requests may be in flight while the endpoint does not pause."""
        return self._growth.limit

    @property
    def room(self) -> int:
        """Return how many more requests may be sent now, less those that already wait."""
        return self._free - len(self._waiting)

    @property
    def paused(self) -> bool:
        """Return whether nothing may be sent now."""
        return time.monotonic() < self._until

    async def acquire(self) -> bool:
        """Wait for a slot and take it; return False where `send_away` ended the waiting."""
        if not self._waiting and self._free > 0:
            self._take()
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.release(time.monotonic())
            raise

    def release(self, sent: float) -> None:
        """Give the slot back of a request that was sent at `sent`."""
        self.in_flight -= 1
        if sent > self._noted:
            self._fresh = max(0, self._fresh - 1)
        self._admit()

    def answered(self, sent: float) -> None:
        """Note an answer; the limit grows while that brings more of them.

        Args:
            sent: when the request was sent, on `time.monotonic`'s clock.
        """
        self._answered = True
        self._recent.append(False)
        resumed = self._trying and sent > self._noted
        if resumed:
            self._trying, self._pauses = False, 0
        if self._growth.answered(sent, time.monotonic(), self.in_flight) or resumed:
            self._admit()

    def refused(
        self, sent: float, wanted: float | None, longest: float, *, busy: bool = True
    ) -> bool:
        """Note a refusal; return whether the endpoint pauses for it.

        Args:
            sent: when the request was sent, on `time.monotonic`'s clock.
            wanted: the seconds that the server asks to wait, or None.
            longest: the longest pause in seconds.
            busy: whether fewer at once would help: not while a model loads.
        """
        self._recent.append(True)
        if sent <= self._noted:
            return True  # of the time before the pause
        many = len(self._recent) >= _RECENT_LEAST and sum(self._recent) > len(self._recent) / 5
        first = not busy and not self._answered
        if not (many or first or self._trying):
            return False
        if busy and not self._trying:
            self._growth.halve(time.monotonic())
        grown = FIRST_PAUSE * 2 ** min(self._pauses, 10)
        self.pause(min(longest, max(wanted or 0.0, min(grown, LONGEST_PAUSE))))
        return True

    def lower(self, sent: float) -> None:
        """Note an answer that never came; when many do not, halve the limit once for all."""
        self._recent.append(True)
        if sent > self._noted and sum(self._recent) > len(self._recent) / 5:
            self._noted = time.monotonic()
            self._recent.clear()
            self._growth.halve(self._noted)

    def pause(self, seconds: float) -> None:
        """Send nothing for some seconds, then one request, and more once it is answered."""
        now = time.monotonic()
        self._pauses += 1
        self._until, self._noted, self._trying, self._fresh = now + seconds, now, True, 0
        self._recent.clear()
        asyncio.get_running_loop().call_later(seconds + 0.001, self._admit)

    def send_away(self) -> None:
        """Let whoever waits look for another endpoint."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(False)

    @property
    def _free(self) -> int:
        """Return how many more may be sent: one at a time while it is tried after a pause."""
        if self._trying:
            return 0 if self.paused else 1 - self._fresh
        return self._growth.limit - self.in_flight

    def _take(self) -> None:
        self.in_flight += 1
        self._fresh += 1

    def _admit(self) -> None:
        while self._waiting and self._free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                self._take()
                turn.set_result(True)


class Places:
    """A place for each exchange that is open; how many there are may change all the while.

    Args:
        count: says how many there are.
    """

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait for a place and take it."""
        if not self._waiting and self._taken < self._count():
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            raise

    def take_back(self) -> None:
        """Take a place that was given back for a while, though there may be none left."""
        self._taken += 1

    def release(self) -> None:
        """Give a place back."""
        self._taken -= 1
        places = self._count()
        while self._waiting and self._taken < places:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
