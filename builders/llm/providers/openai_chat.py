"""Asking a chat endpoint: one answer for one request, in the form that it understands."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from builders.llm.failures import Failure, classify
from builders.llm.limits import Limits
from builders.llm.pool import Memory, Server
from builders.llm.providers.dialects import Understanding, answer_text, body
from builders.llm.providers.probing import NOT_UNDERSTOOD, adapted, find_audio, find_dialect
from builders.llm.request import Request
from builders.llm.transports import Transport
from builders.settings import KEY_VARIABLES

CHAT = "/chat/completions"
# Statuses with which a server may say that it does not know the form it was asked in.
UNKNOWN_FORM = frozenset({400, 422, 500})
_OUTCOMES = {"length": "truncated", "content_filter": "refusal"}


@dataclass(slots=True)
class Completion:
    """A model's answer: `outcome` is ok, refusal, truncated or empty; it took `seconds`."""

    outcome: str
    text: str
    finish_reason: str | None
    model: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    endpoint: str


class Endpoint(Server[Request, Completion]):
    """One endpoint for chat completions; see `Server` for its arguments."""

    route = CHAT

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        model: str,
        transport: Transport,
        limits: Limits,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
    ) -> None:
        super().__init__(base_url, model, transport, limits, memory, keys)
        self._understood: Understanding | None = None
        self._probed = False
        self._failed: tuple[float, Failure] | None = None

    async def complete(self, request: Request) -> Completion:
        """Send a request once, in the form the endpoint understands; raises `Failure`."""
        while True:
            hears = request.sound is not None
            understood = self._understood or await self._understanding(hears)
            if hears and understood.audio is None:
                understood = await self._hearing(understood)
            try:
                return await self._send(request, understood)
            except Failure as failure:
                if not await self._relearn(understood, failure, hears):
                    raise

    async def _send(self, request: Request, understood: Understanding) -> Completion:
        started = time.monotonic()
        status, headers, content = await self.transport.send(CHAT, body(request, understood))
        if status != 200:
            raise classify(status, headers, content)
        return _completion(content, understood.dialect, time.monotonic() - started, self.name)

    async def _understanding(self, hears: bool) -> Understanding:
        async with self._probing():
            if self._understood is None:
                remembered = self._memory.remembered_dialect(self.name, self.model)
                if remembered:
                    self._understood = Understanding.loads(remembered)
                    return self._understood
                await self._probe(hears)
            return self._understood or Understanding()

    async def _hearing(self, used: Understanding) -> Understanding:
        """Return what is understood of clips as well."""
        async with self._probing():
            understood = self._understood or used
            if understood.audio is None:
                understood = await find_audio(self.model, understood, self._text)
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

    async def _relearn(self, used: Understanding, failure: Failure, hears: bool) -> bool:
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
        """Find the first dialect whose answer fits its schema; remember it."""
        self._probed = True
        self._learn(await find_dialect(self.model, self._text, hears))

    async def _text(self, request: Request, understood: Understanding) -> str:
        return (await self._send(request, understood)).text

    def _learn(self, understood: Understanding) -> None:
        self._understood = understood
        self._memory.remember_dialect(self.name, self.model, understood.dumps())


def _completion(content: bytes, dialect: str, seconds: float, endpoint: str) -> Completion:
    try:
        response: dict[str, Any] = orjson.loads(content)
        choice = response["choices"][0]
        message = choice["message"]
        text = answer_text(message, dialect)
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        start = content[:80].decode("utf-8", "replace")
        raise Failure("bad_response", f"not a chat completion: {start!r}", 200) from error
    finish = choice.get("finish_reason")
    outcome = "refusal" if message.get("refusal") else _OUTCOMES.get(finish, "ok")
    if outcome == "ok" and not text.strip():
        outcome = "empty"
    usage = response.get("usage") or {}
    return Completion(
        outcome,
        # Not every database holds NUL; the reply's check refuses what stands for it.
        str(message.get("refusal") or text).replace("\0", "\ufffd"),
        finish,
        response.get("model"),
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        seconds,
        endpoint,
    )
