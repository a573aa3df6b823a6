"""A voice served over HTTP, with the same pool, limits and budget as other models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from builders.errors import HeartenError
from builders.llm.budget import Budget, Room, estimated_tokens
from builders.llm.cache import ResponseCache
from builders.llm.failures import Failure
from builders.llm.pool import Pool
from builders.llm.providers import SpeechAudio
from builders.llm.providers.openai_speech import SpeechServer
from builders.llm.task import Pending
from builders.store.database import Attempt, RequestRow
from builders.tts.engine import Keep
from builders.tts.request import SpokenLine, Unspoken

# Errors about the text itself: cached, and not requested again.
_ANSWERS = {
    "context_length": "too_long_to_say",
    "content_filter": "refused_by_engine",
    "refused": "refused_by_engine",
}
# Lines that are opened where no number of requests at once was asked for.
_AT_ONCE = 64


class ServedVoice:
    """Speaks through a pool of servers within the budget; see `Engine`.

    Args:
        servers: servers of the same model.
        voice: the requested voice.
        patience: seconds without any success after which it gives up.
        cache: keeps the attempts.
        budget: the spending limit; a text counts by its characters.
    """

    def __init__(
        self,
        servers: Sequence[SpeechServer],
        voice: str,
        patience: float,
        cache: ResponseCache,
        budget: Budget,
    ) -> None:
        self.name = servers[0].model
        self.voice = voice
        self.at_once = 2 * sum(server.limit.most or _AT_ONCE for server in servers)
        self._servers = servers
        self._cache = cache
        self._budget = budget
        self._pool: Pool[SpokenLine, SpeechAudio] = Pool(servers, patience, self._attempted)

    @property
    def styled(self) -> bool:
        """Return whether it accepts styles: true until an endpoint has rejected them."""
        return all(
            server.understood is None or server.understood.styled for server in self._servers
        )

    async def say(self, line: SpokenLine, keep: Keep) -> SpeechAudio | Unspoken | Pending:
        """See `Engine`."""
        tokens = estimated_tokens(len(line.text) + len(line.style or ""))
        room, used = await self._budget.room(Room(self.name, tokens, 0)), (0, 0)
        started = time.monotonic()

        async def deliver(said: SpeechAudio) -> tuple[SpeechAudio, asyncio.Future[None]]:
            nonlocal used
            used = (tokens, 0)
            await keep(said)
            seconds = time.monotonic() - started
            paid = Attempt("", self.name, "", "ok", 200, None, seconds, *used)
            return said, await self._note(line, paid)

        try:
            said, noted = await self._pool.complete(line, deliver)
            await noted
            return said
        except Failure as failure:
            if not failure.lasting:
                return Pending(failure.kind, failure.detail)
            refused = Unspoken(_ANSWERS[failure.kind], failure.detail)
            await keep(refused)
            return refused
        finally:
            self._budget.settle(room, used)

    def stop(self, error: HeartenError) -> None:
        """See `Engine`."""
        self._pool.stop(error)

    async def close(self) -> None:
        """See `Engine`."""
        await self._pool.close()

    async def _attempted(
        self, line: SpokenLine, failure: Failure, endpoint: str, seconds: float
    ) -> None:
        """Keep an attempt that failed."""
        detail = failure.detail
        failed = Attempt("", self.name, endpoint, failure.kind, failure.status, detail, seconds)
        await self._note(line, failed)

    async def _note(self, line: SpokenLine, attempt: Attempt) -> asyncio.Future[None]:
        attempt.key = line.key(self.name, self.voice)
        asked = RequestRow(attempt.key, line.record_id, line.number, self.name, "speech")
        return await self._cache.put(asked, None, attempt)
