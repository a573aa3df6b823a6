"""The provider for OpenAI-compatible ``/chat/completions``: one answer for one request.

`body` writes requests, `answer` reads completions, `probe` finds out what a server understands;
errors are those of all servers of this kind (`openai_http`).
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from builders.llm.concurrency import AdaptiveLimit
from builders.llm.failures import Failure
from builders.llm.providers import Completion, Help, Memory
from builders.llm.providers.openai_chat.answer import completion
from builders.llm.providers.openai_chat.body import ChatCapabilities, body
from builders.llm.providers.openai_chat.probe import (
    NOT_UNDERSTOOD,
    adapted,
    find_audio,
    find_mode,
)
from builders.llm.providers.openai_http import (
    ADDRESS_FORM,
    UNKNOWN_FORM,
    OpenAIServer,
    classify,
)
from builders.llm.request import Request
from builders.llm.settings import KEY_VARIABLES
from builders.llm.transport import Transport

CHAT = "/chat/completions"


class ChatServer(OpenAIServer):
    """One server for chat completions; see `OpenAIServer` for its arguments.

    `keys` are the variables that may hold its key.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        model: str,
        transport: Transport,
        limit: AdaptiveLimit,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
    ) -> None:
        told = Help(CHAT, ADDRESS_FORM, "--base-url", "--model", " or ".join(keys))
        super().__init__(base_url, model, transport, limit, memory, told)
        self._understood: ChatCapabilities | None = None
        self._probed = False
        self._failed: tuple[float, Failure] | None = None

    async def complete(self, request: Request) -> Completion:
        """Send a request once, in the form the server understands; raises `Failure`."""
        while True:
            hears = request.audio is not None
            understood = self._understood or await self._understanding(hears)
            if hears and understood.audio is None:
                understood = await self._hearing(understood)
            if request.video and understood.video is None:
                understood = await self._seeing(understood)
            try:
                return await self._send(request, understood)
            except Failure as failure:
                if not await self._relearn(understood, failure, hears):
                    raise

    async def _send(self, request: Request, understood: ChatCapabilities) -> Completion:
        started = time.monotonic()
        status, headers, content = await self._transport.send(CHAT, body(request, understood))
        if status != 200:
            raise classify(status, headers, content)
        seconds = time.monotonic() - started
        return completion(content, understood.mode, seconds, self.name)

    async def _understanding(self, hears: bool) -> ChatCapabilities:
        async with self._probing():
            if self._understood is None:
                remembered = self._memory.remembered_dialect(self.name, self.model)
                if remembered:
                    self._understood = ChatCapabilities.loads(remembered)
                    return self._understood
                await self._probe(hears)
            return self._understood or ChatCapabilities()

    async def _hearing(self, used: ChatCapabilities) -> ChatCapabilities:
        """Return what is understood of clips as well."""
        async with self._probing():
            understood = self._understood or used
            if understood.audio is None:
                understood = await find_audio(self.model, understood, self._text)
                self._learn(understood)
            return understood

    async def _seeing(self, used: ChatCapabilities) -> ChatCapabilities:
        """Return what is understood of clips with their picture as well."""

        async def ask(request: Request, understood: ChatCapabilities) -> str:
            return (await self._send(request, understood)).text

        # Here, as it makes a video: few ask for that.
        from builders.llm.providers.openai_chat.video import find_video

        async with self._probing():
            understood = self._understood or used
            if understood.video is None:
                understood = await find_video(self.model, understood, ask)
                self._learn(understood)
            return understood

    @asynccontextmanager
    async def _probing(self) -> AsyncIterator[None]:
        """Let one find out at a time; a failure is the answer to all who waited for it."""
        came = time.monotonic()
        async with self._lock:
            if self._failed and self._failed[0] >= came:
                raise self._failed[1]
            try:
                yield
            except Failure as failure:
                self._failed = time.monotonic(), failure
                raise

    async def _relearn(self, used: ChatCapabilities, failure: Failure, hears: bool) -> bool:
        """Learn from a refused request: the field it names, or all anew if it was remembered."""
        if failure.kind not in NOT_UNDERSTOOD or failure.status not in UNKNOWN_FORM:
            return False
        async with self._lock:
            if self._understood != used:
                return True
            if changed := adapted(used, failure):
                self._learn(changed)
                return True
            if self._probed:
                return False
            self._understood = None
            await self._probe(hears)
            return self._understood != used

    async def _probe(self, hears: bool) -> None:
        """Find the first mode whose answer fits its schema; remember it."""
        self._probed = True
        self._learn(await find_mode(self.model, self._text, hears))

    async def _text(self, request: Request, understood: ChatCapabilities) -> str:
        return (await self._send(request, understood)).text

    def _learn(self, understood: ChatCapabilities) -> None:
        self._understood = understood
        self._memory.remember_dialect(self.name, self.model, understood.dumps())
