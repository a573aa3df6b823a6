"""Asking endpoints: one answer for one request, or a failure whose kind says what to do.

A slot is held while a request is under way and until its answer is handed over, never while waiting
to try again. Being told "too many" lowers the limit and uses up no try; failures that pass are
tried again a few times; when nothing at all succeeds for long, the build stops and can be resumed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson

from builders.config import KEY_VARIABLES
from builders.drafting.dialects import Understanding, answer_text, body
from builders.drafting.failures import PASSING, Failure, classify
from builders.drafting.limits import Limits
from builders.drafting.probing import NOT_UNDERSTOOD, adapted, find_audio, find_dialect
from builders.drafting.request import Request
from builders.drafting.transports import Transport
from builders.errors import EndpointError, HeartenError, StoppedEarly

CHAT = "/chat/completions"
TRIES = 5
_FIRST_CONTACT_TRIES = 3
_LONGEST_WAIT = 60.0
# The endpoint is asked for more than it can do: fewer at once.
_TOO_MANY = frozenset({"rate_limited", "timeout"})
# Statuses with which a server may say that it does not know the form it was asked in.
_UNKNOWN_FORM = frozenset({400, 422, 500})
# So many requests refused as malformed before any was understood: none will be.
_REFUSED_AT_MOST = 8
_OUTCOMES = {"length": "truncated", "content_filter": "refusal"}

Delivered = TypeVar("Delivered")


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


class Memory(Protocol):
    """Keeps what was learnt of an endpoint from one run to the next."""

    def remembered_dialect(self, base_url: str, model: str) -> str | None:
        """Return what was remembered, or None."""
        ...

    def remember_dialect(self, base_url: str, model: str, understands: str) -> None:
        """Remember it."""
        ...


class Endpoint:
    """One OpenAI-compatible endpoint and one of its models.

    Args:
        base_url: the address up to and with ``/v1``.
        model: the model asked for.
        transport: how requests are sent.
        limits: how many at once.
        memory: where what it understands is remembered.
        keys: the variables that may hold its key.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        base_url: str,
        model: str,
        transport: Transport,
        limits: Limits,
        memory: Memory,
        keys: Sequence[str] = KEY_VARIABLES,
    ) -> None:
        self.key_names = " or ".join(keys)
        self.base_url = base_url
        self.model = model
        self.transport = transport
        self.limits = limits
        self._memory = memory
        self._lock = asyncio.Lock()
        self._understood: Understanding | None = None
        self._probed = False
        self._failed: tuple[float, Failure] | None = None

    @cached_property
    def name(self) -> str:
        """Return the address without user, password and query."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

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

    async def models(self) -> list[str]:
        """Return the models that the endpoint says it has; empty where it does not say."""
        try:
            status, _, content = await self.transport.send("/models", None)
            found = orjson.loads(content)["data"] if status == 200 else []
            return [str(model["id"]) for model in found]
        except (Failure, orjson.JSONDecodeError, KeyError, TypeError):
            return []

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
        if failure.kind not in NOT_UNDERSTOOD or failure.status not in _UNKNOWN_FORM:
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


Attempted = Callable[[Request, Failure, str, float], Awaitable[None]]


class Pool:
    """Sends requests to one or more endpoints that serve the same model.

    Args:
        endpoints: where to send.
        patience: seconds without any success after which the build is stopped.
        attempted: told of each attempt that failed: request, failure, endpoint, seconds.
    """

    def __init__(
        self, endpoints: Sequence[Endpoint], patience: float, attempted: Attempted
    ) -> None:
        self._endpoints = list(endpoints)
        self._patience = patience
        self._attempted = attempted
        self._succeeded = False
        self._stopped: HeartenError | None = None
        self._stopping = asyncio.Event()
        self._open = 0
        self._idle_since = 0.0
        self._refused = 0

    async def complete(
        self, request: Request, deliver: Callable[[Completion], Awaitable[Delivered]]
    ) -> Delivered:
        """Return what `deliver` makes of the answer; it is awaited before the slot is given back.

        Raises:
            Failure: this request cannot be answered, or not in several tries.
            StoppedEarly: the quota is exhausted, or nothing has succeeded for too long.
            EndpointError: the endpoint can answer no request as things are.
        """
        if not self._open:
            self._idle_since = time.monotonic()
        self._open += 1
        try:
            return await self._complete(request, deliver)
        finally:
            self._open -= 1

    def stop(self, error: HeartenError) -> None:
        """Send nothing more: whoever waits for a slot or to try again gets this error."""
        self._stopped = self._stopped or error
        self._stopping.set()

    async def close(self) -> None:
        """Close every endpoint's connections."""
        for endpoint in self._endpoints:
            await endpoint.transport.close()

    async def _complete(
        self, request: Request, deliver: Callable[[Completion], Awaitable[Delivered]]
    ) -> Delivered:
        tries, failed_at = 0, None
        while True:
            endpoint = self._roomiest(failed_at)
            await endpoint.limits.acquire()
            sent = time.monotonic()
            try:
                if self._stopped:
                    raise self._stopped
                completion = await endpoint.complete(request)
                self._note_success(endpoint)
                return await deliver(completion)
            except Failure as caught:
                failure, failed_at = caught, endpoint
            finally:
                endpoint.limits.release()
            await self._attempted(request, failure, endpoint.name, time.monotonic() - sent)
            tries += failure.kind in PASSING
            await self._pause(await self._wait(failure, endpoint, sent, tries))

    async def _pause(self, seconds: float) -> None:
        """Wait before the next try, unless there will be none."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _roomiest(self, failed_at: Endpoint | None) -> Endpoint:
        """Return the endpoint with the most room, if possible another than where a try failed."""
        if len(self._endpoints) == 1:
            return self._endpoints[0]
        return max(self._endpoints, key=lambda e: (e is not failed_at, e.limits.room))

    def _note_success(self, endpoint: Endpoint) -> None:
        self._succeeded = True
        self._idle_since = time.monotonic()
        endpoint.limits.answered()

    async def _wait(self, failure: Failure, endpoint: Endpoint, sent: float, tries: int) -> float:
        """Return how many seconds to wait before the next try, or raise what ends the trying."""
        if final := await self._final(failure, endpoint, tries):
            raise final from failure
        if failure.kind in _TOO_MANY:
            endpoint.limits.too_many(sent)
        if failure.kind != "rate_limited" and (failure.kind not in PASSING or tries >= TRIES):
            raise failure
        idle = time.monotonic() - self._idle_since
        if idle > self._patience:
            raise StoppedEarly(
                f"nothing has succeeded for {idle:.0f} s ({failure.detail})",
                where=endpoint.name,
                do="every answer so far is kept; run the same command again when it answers",
            ) from failure
        backoff = min(_LONGEST_WAIT, 0.5 * 2 ** min(tries, 7)) * random.uniform(0.5, 1.0)  # noqa: S311
        wanted = failure.retry_after if failure.retry_after is not None else backoff
        return min(wanted, _LONGEST_WAIT, max(0.1, self._patience - idle))

    async def _final(self, failure: Failure, endpoint: Endpoint, tries: int) -> HeartenError | None:
        """Return the error for a failure that every request would meet, or None."""
        if failure.kind == "model_not_found":
            return _no_model(endpoint, await endpoint.models())
        if failure.kind == "bad_request" and not self._succeeded:
            self._refused += 1
            if self._refused >= _REFUSED_AT_MOST:
                return EndpointError(
                    f"every request is refused ({failure.detail})",
                    where=endpoint.name,
                    do="see what the server says, and whether the model takes chat completions",
                )
        if failure.kind == "connection" and not self._succeeded and tries >= _FIRST_CONTACT_TRIES:
            return EndpointError(
                f"nothing answers at {endpoint.name} ({failure.detail})",
                do="is the server running? correct --base-url or start it",
            )
        return _fatal(failure, endpoint)


def _fatal(failure: Failure, endpoint: Endpoint) -> HeartenError | None:
    name = endpoint.name
    if failure.kind in ("authentication", "forbidden"):
        return EndpointError(
            f"the key was refused (HTTP {failure.status})",
            where=name,
            do=f"set {endpoint.key_names} to a key that may use this model",
        )
    if failure.kind == "takes_no_audio":
        return EndpointError(
            f"the model {endpoint.model} takes no audio ({failure.detail})",
            where=name,
            do="serve one that hears, or build without --hear and --caption-model",
        )
    if failure.kind == "wrong_address":
        return EndpointError(
            f"there is no {CHAT} (HTTP {failure.status})",
            where=name,
            expected="an OpenAI-compatible address, mostly ending in /v1",
            do="correct --base-url",
        )
    if failure.kind == "quota_exhausted":
        return StoppedEarly(
            f"the quota is exhausted ({failure.detail})",
            where=name,
            do="every answer so far is kept; add credit and run the same command again",
        )
    return None


def _no_model(endpoint: Endpoint, offered: list[str]) -> EndpointError:
    return EndpointError(
        f"there is no model {endpoint.model}",
        where=endpoint.name,
        expected=f"one of {', '.join(sorted(offered)[:10])}" if offered else None,
        do="correct --model",
    )


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
