"""Committing answers in batches while requests go on: what makes an answer count.

No more than 64 received answers ever wait for their commit, so a kill loses at most one batch
beside what was in flight.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from builders.store.database import Answer, Asked, Attempt, Store

BATCH = 64
_LINGER_SECONDS = 0.02


class Committer:
    """Commits answers in batches from the event loop; see the module for what it promises.

    Use as an async context manager. `enqueue` returns once the answer has a place among the at most
    64 that wait, and gives a future that is done when the answer is committed.
    """

    def __init__(self, store: Store, build: str) -> None:
        self._store = store
        self._build = build
        self._room = asyncio.Semaphore(BATCH)
        self._wake = asyncio.Event()
        self._waiting: list[tuple[Asked, Answer | None, Attempt, asyncio.Future[None]]] = []
        self._thread = ThreadPoolExecutor(1, "store")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> Committer:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        if self._task:
            await self._task
        self._thread.shutdown()

    async def enqueue(
        self, asked: Asked, answer: Answer | None, attempt: Attempt
    ) -> asyncio.Future[None]:
        """Queue an answer, or an attempt without one, and return a future that its commit ends."""
        await self._room.acquire()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer, attempt, done))
        self._wake.set()
        return done

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if len(self._waiting) < BATCH and not self._closing:
                await asyncio.sleep(_LINGER_SECONDS)
            while self._waiting:
                await self._commit(self._waiting[:BATCH])
            if self._closing:
                return

    async def _commit(self, batch: list[Any]) -> None:
        del self._waiting[: len(batch)]
        saved = asyncio.get_running_loop().run_in_executor(self._thread, self._save, batch)
        await asyncio.wait([saved])
        # Whatever it is, it belongs to those who wait; without it they would wait for ever.
        error = saved.exception()
        for *_, done in batch:
            self._room.release()
            if done.cancelled():
                continue
            if error:
                done.set_exception(error)
            else:
                done.set_result(None)

    def _save(self, batch: list[Any]) -> None:
        answered = {asked.key: answer for asked, answer, _, _ in batch if answer is not None}
        self._store.save(
            [asked for asked, *_ in batch], answered, [(self._build, row[2]) for row in batch]
        )
