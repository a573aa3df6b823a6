"""Exchanges in the order of their subjects: what is known, what is under way, what is finished."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from builders.llm.exchange import Exchange
from builders.llm.recall import Recall, Recalled
from builders.llm.task import Accepted, Outcome, Pending, Subject, Task
from builders.record.types import Reject
from builders.store.database import Answer

if TYPE_CHECKING:
    from builders.llm.runner import Session

S = TypeVar("S", bound=Subject)
T = TypeVar("T")
# Seconds in which the first request leaves, and for which it is waited for at most.
_SECONDS, _MOST_SECONDS = 0.05, 0.2

# What a line begins: an exchange, what is known from before, or a reject.
_Item = Exchange[S, T] | Recalled[S, T] | Reject


class ExchangeLine(Generic[S, T]):
    """Exchanges in the order of their subjects: finished, under way, or a reject."""

    def __init__(
        self, task: Task[S, T], session: Session, recall: Recall[S, T] | None = None
    ) -> None:
        self._task = task
        self._session = session
        self._recall = recall
        self._first = True
        self._waiting: deque[_Item[S, T] | asyncio.Task[Exchange[S, T]]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, block: Sequence[S | Reject]) -> Iterator[_Item[S, T]]:
        """Open exchanges and take them as far as cached responses go; rejects pass through."""
        opened = self._opened(block)
        held = self._session.cache.held([item.key for item in opened if isinstance(item, Exchange)])
        for item in opened:
            if isinstance(item, Exchange):
                self._replay(item, held.get(item.key))
        self._session.expect(
            item.key for item in opened if isinstance(item, Exchange) and item.outcome is None
        )
        yield from opened

    def _opened(self, block: Sequence[S | Reject]) -> list[_Item[S, T]]:
        """Open an exchange about each subject of which no outcome is kept."""
        known = iter(self._recalled([item for item in block if not isinstance(item, Reject)]))
        return [
            item if isinstance(item, Reject) else next(known) or Exchange(self._task, item)
            for item in block
        ]

    def _recalled(self, subjects: Sequence[S]) -> list[Recalled[S, T] | None]:
        if self._recall is None:
            return [None] * len(subjects)
        found = self._recall.of(subjects)
        for one in found:
            for used in one.used if one else ():
                self._session.took(used.model, used.answer)
        return found

    def _learn(self, exchange: Exchange[S, T]) -> None:
        if self._recall and isinstance(exchange.outcome, Accepted):
            self._recall.learn(exchange.subject, exchange.outcome, exchange.used)

    async def put(self, item: _Item[S, T]) -> None:
        """Take an item in; an open exchange waits for room and goes on in a task of its own."""
        if not isinstance(item, Exchange) or item.outcome is not None:
            self._session.settle()
            self._waiting.append(item)
            return
        await self._session.room.acquire()
        task = asyncio.create_task(self._finish(item))
        task.add_done_callback(lambda _: self._session.room.release())
        self._waiting.append(task)
        if self._first:
            self._first = False
            await self._begun()

    async def _begun(self) -> None:
        """Let the first request leave: making many takes the loop for itself."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._session.begun.wait(), _MOST_SECONDS)
        await asyncio.sleep(_SECONDS)

    def ready(self, window: int) -> bool:
        """Return whether the first one is finished, or must be waited for."""
        if not self._waiting:
            return False
        first = self._waiting[0]
        return len(self._waiting) >= window or not isinstance(first, asyncio.Task) or first.done()

    async def next(self) -> tuple[S, Outcome[T]] | Reject:
        """Return the first one, once it is finished."""
        first = self._waiting.popleft()
        if isinstance(first, Reject):
            self._session.count(done=False)
            return first
        exchange = await first if isinstance(first, asyncio.Task) else first
        if exchange.outcome is None:
            raise RuntimeError(f"the exchange about {exchange.subject.id} has no outcome")
        self._session.count(done=True)
        return exchange.subject, exchange.outcome

    async def cancel(self) -> None:
        """Cancel what nobody waits for any more; there is something only after an error."""
        tasks = [item for item in self._waiting if isinstance(item, asyncio.Task)]
        cancelled = [task for task in tasks if task.cancel()]
        await asyncio.gather(*cancelled, return_exceptions=True)

    def _replay(self, exchange: Exchange[S, T], answer: Answer | None) -> None:
        while answer is not None:
            self._session.took(exchange.request.model, answer)
            exchange.take(answer)
            if exchange.outcome is not None:
                self._learn(exchange)
                return
            answer = self._session.cache.held([exchange.key]).get(exchange.key)
        if exchange.optional and not self._session.retry.covers(exchange.reason):
            exchange.give_up()

    async def _finish(self, exchange: Exchange[S, T]) -> Exchange[S, T]:
        """Ask the model until there is an outcome; a retry gives up once more at most."""
        answers: list[tuple[str, Answer]] = []
        while exchange.outcome is None:
            answer = await self._session.answer(exchange)
            if isinstance(answer, Pending):
                exchange.outcome = answer
                break
            answers.append((exchange.request.model, answer))
            self._session.took(exchange.request.model, answer)
            exchange.take(answer)
            if exchange.optional:
                exchange.give_up()
        self._learn(exchange)
        self._session.settle(answers)
        return exchange
