"""Speech from an OpenAI-compatible ``/audio/speech``, tried again and limited as drafts are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from builders.audio.clips import ClipError
from builders.errors import HeartenError
from builders.llm.budget import Budget, Room, estimated_tokens
from builders.llm.committer import Committer
from builders.llm.conversations import Left
from builders.llm.failures import Failure, classify
from builders.llm.limits import Limits
from builders.llm.pool import Memory, Pool, Server
from builders.llm.providers.openai_chat import UNKNOWN_FORM
from builders.llm.settings import KEY_VARIABLES
from builders.llm.transports import Transport
from builders.store.database import Asked, Attempt
from builders.tts.answers import Understanding, body, flac_of
from builders.tts.engine import Keep, Said
from builders.tts.request import Line, Unspoken

SPEECH = "/audio/speech"
# An endpoint's answer to this very text: held, and not asked for again.
_ANSWERS = {"context_length": "too_long_to_say", "content_filter": "refused_by_engine"}
_TOO_LONG = ("too long", "too_long", "at most", "maximum length")


class SpeechServer(Server[Line, Said]):
    """One endpoint for speech, with one voice; see `Server` for the other arguments."""

    route = SPEECH
    address_option = "--tts-base-url"
    model_option = "--tts"

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        models_voice: tuple[str, str],
        transport: Transport,
        limits: Limits,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
    ) -> None:
        model, self._voice = models_voice
        super().__init__(base_url, model, transport, limits, memory, keys)
        # Chat and speech of one name may be understood differently.
        self._remembered_as = f"speech {model}"
        known = memory.remembered_dialect(self.name, self._remembered_as)
        self.understood = Understanding.loads(known) if known else None

    async def complete(self, request: Line) -> Said:
        """Send a line once, in the form the endpoint understands; raises `Failure`."""
        if self.understood is None:
            async with self._lock:  # the first line finds out for all of them
                if self.understood is None:
                    return await self._learning(request, Understanding())
        return await self._learning(request, self.understood)

    async def _learning(self, line: Line, understood: Understanding) -> Said:
        """Send a line, without what the endpoint complains of; keep what was learnt of it."""
        while True:
            try:
                said = await self._send(line, understood)
            except Failure as failure:
                adapted = self._adapted(line, understood, failure)
                if adapted is None:
                    raise
                understood = adapted
                continue
            if understood != self.understood:
                self.understood = understood
                self._memory.remember_dialect(self.name, self._remembered_as, understood.dumps())
            return said

    def _adapted(
        self, line: Line, understood: Understanding, failure: Failure
    ) -> Understanding | None:
        if failure.kind != "bad_request" or failure.status not in UNKNOWN_FORM:
            return None
        return understood.adapted(failure.detail, bool(line.style))

    async def _send(self, line: Line, understood: Understanding) -> Said:
        asked = body(line, self.model, self._voice, understood)
        status, headers, content = await self.transport.send(SPEECH, asked)
        if status != 200:
            raise _kind_of(classify(status, headers, content))
        try:
            flac = await asyncio.to_thread(flac_of, content, understood)
        except ClipError as error:
            raise Failure("bad_response", f"no sound in the answer ({error})", 200) from error
        return Said(flac, line.style if understood.styled else None)


def _kind_of(failure: Failure) -> Failure:
    """Return a failure, as one of the text where the endpoint calls that too long."""
    said = failure.detail.lower()
    if failure.kind == "bad_request" and any(words in said for words in _TOO_LONG):
        return Failure("context_length", failure.detail, failure.status)
    return failure


class SpeechEndpoint:
    """Speaks through a pool of endpoints and keeps within the budget; see `Engine`.

    Args:
        servers: endpoints that serve the same model.
        voice: the voice asked for.
        patience: seconds without any success after which it gives up.
        committer: keeps the attempts.
        budget: what may be spent; a text counts by its characters.
    """

    def __init__(
        self,
        servers: Sequence[SpeechServer],
        voice: str,
        patience: float,
        committer: Committer,
        budget: Budget,
    ) -> None:
        self.name = servers[0].model
        self.voice = voice
        self.at_once = 2 * sum(server.limits.most for server in servers)
        self._servers = servers
        self._committer = committer
        self._budget = budget
        self._pool = Pool(servers, patience, self._attempted)

    @property
    def styled(self) -> bool:
        """Return whether it is given styles: until an endpoint has refused them."""
        return all(
            server.understood is None or server.understood.styled for server in self._servers
        )

    async def say(self, line: Line, keep: Keep) -> Said | Unspoken | Left:
        """See `Engine`."""
        tokens = estimated_tokens(len(line.text) + len(line.style or ""))
        room, used = await self._budget.room(Room(self.name, tokens, 0)), (0, 0)
        started = time.monotonic()

        async def deliver(said: Said) -> tuple[Said, asyncio.Future[None]]:
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
            if failure.kind not in _ANSWERS:
                return Left(failure.kind, failure.detail)
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

    async def _attempted(self, line: Line, failure: Failure, endpoint: str, seconds: float) -> None:
        """Keep an attempt that failed."""
        detail = failure.detail
        failed = Attempt("", self.name, endpoint, failure.kind, failure.status, detail, seconds)
        await self._note(line, failed)

    async def _note(self, line: Line, attempt: Attempt) -> asyncio.Future[None]:
        attempt.key = line.key(self.name, self.voice)
        asked = Asked(attempt.key, line.record_id, line.number, self.name, "speech")
        return await self._committer.enqueue(asked, None, attempt)
