"""The response cache: looks responses up, and commits new ones in batches while requests go on.

A response counts once it is committed. No more than 64 of them ever wait for their commit, so a
kill loses at most one batch beside what was in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from builders.llm import prompts
from builders.llm.request import Request
from builders.store.database import Answer, Attempt, KeptVerdict, RequestRow, Store
from builders.store.messages import Sent

BATCH = 64
# So many verdicts, or drafts, are committed at once where there is nothing else to commit.
VERDICTS = 1024
_LINGER_SECONDS = 0.02


# A request, its response or None, the attempt, and what is done when they are committed.
_Entry = tuple[RequestRow | None, Answer | None, Attempt | None, "asyncio.Future[None]"]


class ResponseCache:
    """Looks responses up in a store and commits new ones from the event loop.

    Use as an async context manager. `put` returns once the response has a place among the at most
    64 that wait, and gives a future that is done when the response is committed.

    Args:
        store: an open store.
        spender: the name under which attempts are counted.
    """

    def __init__(self, store: Store, spender: str) -> None:
        self._store = store
        self._spender = spender
        self._room = asyncio.Semaphore(BATCH)
        self._wake = asyncio.Event()
        self._waiting: list[_Entry] = []
        self._judged: dict[str, KeptVerdict] = {}
        self._drafted: dict[str, bytes] = {}
        self._thread = ThreadPoolExecutor(1, "store")
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> ResponseCache:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        self._wake.set()
        if self._task:
            await self._task
        self._thread.shutdown()

    @property
    def store(self) -> Store:
        """Return the store behind it."""
        return self._store

    def held(self, keys: Sequence[str]) -> dict[str, Answer]:
        """Return the cached responses to the requests of these keys, by key."""
        return self._store.held(keys)

    def judge(self, key: str, verdict: KeptVerdict) -> None:
        """Keep what was found in the response to a request; it is committed with later ones."""
        self._judged[key] = verdict
        if len(self._judged) >= VERDICTS:
            self._wake.set()

    def keep_draft(self, digest: str, draft: bytes) -> None:
        """Keep what came of a target's responses; it is committed with later ones."""
        self._drafted[digest] = draft
        if len(self._drafted) >= VERDICTS:
            self._wake.set()

    async def put(
        self, asked: RequestRow | None, answer: Answer | None, attempt: Attempt | None
    ) -> asyncio.Future[None]:
        """Queue a response, an attempt, or both; the commit ends the future.

        A question of our own is no request of the build: `asked` and `answer` are None.
        """
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
            found = max(len(self._judged), len(self._drafted))
            if found >= VERDICTS or (self._closing and found):
                await self._saved([])
            if self._closing:
                return

    async def _commit(self, batch: list[_Entry]) -> None:
        """Commit a batch; where that fails, one by one, so that one costs the others nothing."""
        del self._waiting[: len(batch)]
        error = await self._saved(batch)
        for entry in batch:
            if error and len(batch) > 1:
                self._settle(entry, await self._saved([entry]))
            else:
                self._settle(entry, error)

    async def _saved(self, batch: list[_Entry]) -> BaseException | None:
        """Save a batch in the store's thread; return the error that came of it."""
        # Taken here, as they are added to here; those of a batch that cannot be saved are lost.
        judged, self._judged = self._judged, {}
        drafted, self._drafted = self._drafted, {}
        loop = asyncio.get_running_loop()
        saved = loop.run_in_executor(self._thread, self._save, batch, judged, drafted)
        await asyncio.wait([saved])
        # Whatever it is, it belongs to those who wait; without it they would wait for ever.
        return saved.exception()

    def _settle(self, entry: _Entry, error: BaseException | None) -> None:
        *_, done = entry
        self._room.release()
        if done.cancelled():
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(None)

    def _save(
        self,
        batch: list[_Entry],
        judged: Mapping[str, KeptVerdict],
        drafted: Mapping[str, bytes],
    ) -> None:
        answered = {asked.key: answer for asked, answer, _, _ in batch if asked and answer}
        self._store.save(
            [asked for asked, *_ in batch if asked],
            answered,
            [(self._spender, attempt) for _, _, attempt, _ in batch if attempt is not None],
            judged,
            drafted,
        )


def asked(request: Request, request_key: str, *, shown: bool) -> RequestRow:
    """Return what the store keeps of a request; its messages, too, where it may be `shown`."""
    version = request.prompt_version or prompts.draft_version()
    sent = None
    if shown:
        said = [(message["role"], message["content"]) for message in request.messages]
        sent = Sent(said, request.audio_sha256)
    return RequestRow(request_key, request.record_id, request.attempt, request.model, version, sent)
