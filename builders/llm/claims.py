"""What this build is about to ask, told to the other builds that share its store.

Claims are made in batches beside the asking. What another build asks is waited for: its answer
comes from the cache, and the request is this build's once the other one gave up or fell silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from builders.errors import HeartenError
from builders.llm.concurrency import Places
from builders.store.claims import HEARTBEAT, ClaimTable, Taken

# Seconds between two batches, and until it is looked again at what others hold.
_LINGER, _LOOK_AGAIN = 0.02, 0.3

T = TypeVar("T")


class RequestClaims:
    """RequestClaims request keys from the event loop; use as an async context manager.

    Args:
        table: the claims in the store; None where nobody else can ask.
        alone: whether the build holds the lock of its folder.
    """

    def __init__(self, table: ClaimTable | None, *, alone: bool = False) -> None:
        self._table = table
        self._alone = alone
        # Who waits for the first word about a key, and who waits for another build's answer.
        self._wanted: dict[str, list[asyncio.Future[bool | None]]] = {}
        self._elsewhere: dict[str, list[asyncio.Future[bool | None]]] = {}
        # Claimed before somebody waited for them, and what came of it.
        self._ahead: set[str] = set()
        self._known: dict[str, bool | None] = {}
        self._done: list[str] = []
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "claims")
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._stopped = False

    async def __aenter__(self) -> RequestClaims:
        if table := self._table:
            await self._run(lambda: table.enter(alone=self._alone))
            self._task = asyncio.create_task(self._work(table))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        try:
            if self._task:
                await self._task
            if self._table:
                await self._run(self._table.leave)
        finally:
            self._thread.shutdown()

    @property
    def stopped(self) -> bool:
        """Return whether nothing more is asked."""
        return self._stopped

    def ahead(self, keys: Iterable[str]) -> None:
        """Begin to claim keys that `take` will soon be called with."""
        if self._table is None or self._stopped:
            return
        for key in keys:
            self._wanted.setdefault(key, [])
            self._ahead.add(key)
        self._wake.set()

    async def take(self, key: str, place: Places | None = None) -> bool:
        """Return True once the key is this build's to ask, False once there may be an answer.

        Args:
            key: of a request that has no cached answer.
            place: a place of whoever asks, which others have while another build answers.

        Raises:
            StoreError: the store cannot be used.
        """
        if self._table is None:
            return True
        if self._stopped:
            return False
        self._ahead.discard(key)
        if key in self._known:
            mine = self._known.pop(key)
        else:
            turn = self._turn(self._wanted, key)
            self._wake.set()
            mine = await turn
        if mine is not None:
            return mine
        if place:
            place.release()
        try:
            return bool(await self._turn(self._elsewhere, key))
        finally:
            if place:
                place.take_back()

    def free(self, key: str) -> None:
        """Give a key back, after its answer was committed or when there is none."""
        if self._table is not None:
            self._done.append(key)
            self._wake.set()

    def stop(self, error: HeartenError) -> None:
        """Wait for no other build any more."""
        self._stopped = True
        for turns in (*self._elsewhere.values(), *self._wanted.values()):
            _answer(turns, False)
        self._elsewhere.clear()

    def _turn(
        self, turns: dict[str, list[asyncio.Future[bool | None]]], key: str
    ) -> asyncio.Future[bool | None]:
        turn: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        turns.setdefault(key, []).append(turn)
        return turn

    async def _work(self, table: ClaimTable) -> None:
        loop = asyncio.get_running_loop()
        beaten = looked = loop.time()
        while not (self._closing and not self._done and not self._wanted):
            timeout = _LOOK_AGAIN if self._elsewhere else HEARTBEAT
            try:
                await asyncio.wait_for(self._wake.wait(), timeout)
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._batch(table)
                if self._elsewhere and loop.time() - looked >= _LOOK_AGAIN:
                    looked = loop.time()
                    await self._look_again(table)
                if loop.time() - beaten >= HEARTBEAT:
                    beaten = loop.time()
                    await self._run(table.beat)
            except HeartenError as error:
                self._fail(error)
            if not self._closing:
                await asyncio.sleep(_LINGER)

    async def _batch(self, table: ClaimTable) -> None:
        done, self._done = self._done, []
        wanted, self._wanted = self._wanted, {}
        if not (done or wanted):
            return
        try:
            taken = await self._run(lambda: _batch(table, done, [*wanted]))
        except HeartenError as error:
            for turns in wanted.values():
                _fail(turns, error)
            raise
        for key, turns in wanted.items():
            waiting = [turn for turn in turns if not turn.done()]
            mine = True if key in taken.ours else False if key in taken.answered else None
            if key in self._ahead:
                self._known[key] = mine
            elif mine and not waiting:
                self._done.append(key)
            _answer(waiting[:1], mine)
            _answer(waiting[1:], None if mine else mine)

    async def _look_again(self, table: ClaimTable) -> None:
        """See which requests of other builds are answered, or nobody's any more."""
        waiting = [*self._elsewhere]
        taken = await self._run(lambda: table.take(waiting))
        for key in taken.ours | taken.answered:
            turns = [turn for turn in self._elsewhere.pop(key, []) if not turn.done()]
            if key in taken.ours and not turns:
                self._done.append(key)
            _answer(turns[:1], key in taken.ours)
            if turns[1:]:
                self._elsewhere[key] = turns[1:]

    def _fail(self, error: HeartenError) -> None:
        for turns in (*self._elsewhere.values(), *self._wanted.values()):
            _fail(turns, error)
        self._elsewhere.clear()
        self._wanted.clear()

    def _run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, call)


def _batch(table: ClaimTable, done: list[str], wanted: list[str]) -> Taken:
    if done:
        table.free(done)
    return table.take(wanted) if wanted else Taken(frozenset(), frozenset())


def _answer(turns: list[asyncio.Future[bool | None]], mine: bool | None) -> None:
    for turn in turns:
        if not turn.done():
            turn.set_result(mine)


def _fail(turns: list[asyncio.Future[bool | None]], error: HeartenError) -> None:
    for turn in turns:
        if not turn.done():
            turn.set_exception(error)
