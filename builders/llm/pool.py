"""Sending requests to one or more servers that serve the same model, whatever is asked of it.

A slot is held while a request is under way and until its answer is handed over, never while waiting
to try again. Being told "too many" lowers the limit and uses up no try; failures that pass are
tried again a few times; when nothing at all succeeds for long, the build stops and can be resumed.
"""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Generic, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson

from builders.errors import EndpointError, HeartenError, StoppedEarly
from builders.llm.failures import PASSING, Failure
from builders.llm.limits import Limits
from builders.llm.transports import Transport
from builders.settings import KEY_VARIABLES

TRIES = 5
_FIRST_CONTACT_TRIES = 3
_LONGEST_WAIT = 60.0
# The endpoint is asked for more than it can do: fewer at once.
_TOO_MANY = frozenset({"rate_limited", "timeout"})
# So many requests refused as malformed before any was understood: none will be.
_REFUSED_AT_MOST = 8

Question = TypeVar("Question")
Answered = TypeVar("Answered")
Delivered = TypeVar("Delivered")


class Memory(Protocol):
    """Keeps what was learnt of an endpoint from one run to the next."""

    def remembered_dialect(self, base_url: str, model: str) -> str | None:
        """Return what was remembered, or None."""
        ...

    def remember_dialect(self, base_url: str, model: str, understands: str) -> None:
        """Remember it."""
        ...


class Server(ABC, Generic[Question, Answered]):
    """One OpenAI-compatible server and one of its models.

    Args:
        base_url: the address up to and with ``/v1``.
        model: the model asked for.
        transport: how requests are sent.
        limits: how many at once.
        memory: where what it understands is remembered.
        keys: the variables that may hold its key.

    Attributes:
        route: what is asked there, below the address.
        address_option: the option that says where it is.
        model_option: the option that names the model.
    """

    route: str
    address_option = "--base-url"
    model_option = "--model"

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

    @cached_property
    def name(self) -> str:
        """Return the address without user, password and query."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    @abstractmethod
    async def complete(self, request: Question) -> Answered:
        """Send a request once, in the form the server understands; raises `Failure`."""

    async def models(self) -> list[str]:
        """Return the models that the server says it has; empty where it does not say."""
        try:
            status, _, content = await self.transport.send("/models", None)
            found = orjson.loads(content)["data"] if status == 200 else []
            return [str(model["id"]) for model in found]
        except (Failure, orjson.JSONDecodeError, KeyError, TypeError):
            return []


class Pool(Generic[Question, Answered]):
    """Sends requests to one or more servers that serve the same model.

    Args:
        endpoints: where to send.
        patience: seconds without any success after which the build is stopped.
        attempted: told of each attempt that failed: request, failure, endpoint, seconds.
    """

    def __init__(
        self,
        endpoints: Sequence[Server[Question, Answered]],
        patience: float,
        attempted: Callable[[Question, Failure, str, float], Awaitable[None]],
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
        self, request: Question, deliver: Callable[[Answered], Awaitable[Delivered]]
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
        self, request: Question, deliver: Callable[[Answered], Awaitable[Delivered]]
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

    def _roomiest(self, failed_at: Server[Question, Answered] | None) -> Server[Question, Answered]:
        """Return the endpoint with the most room, if possible another than where a try failed."""
        if len(self._endpoints) == 1:
            return self._endpoints[0]
        return max(self._endpoints, key=lambda e: (e is not failed_at, e.limits.room))

    def _note_success(self, endpoint: Server) -> None:
        self._succeeded = True
        self._idle_since = time.monotonic()
        endpoint.limits.answered()

    async def _wait(self, failure: Failure, endpoint: Server, sent: float, tries: int) -> float:
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

    async def _final(self, failure: Failure, endpoint: Server, tries: int) -> HeartenError | None:
        """Return the error for a failure that every request would meet, or None."""
        if failure.kind == "model_not_found":
            return _no_model(endpoint, await endpoint.models())
        if failure.kind == "bad_request" and not self._succeeded:
            self._refused += 1
            if self._refused >= _REFUSED_AT_MOST:
                return EndpointError(
                    f"every request is refused ({failure.detail})",
                    where=endpoint.name,
                    do=f"see what the server says, and whether the model takes {endpoint.route}",
                )
        if failure.kind == "connection" and not self._succeeded and tries >= _FIRST_CONTACT_TRIES:
            return EndpointError(
                f"nothing answers at {endpoint.name} ({failure.detail})",
                do=f"is the server running? correct {endpoint.address_option} or start it",
            )
        return _fatal(failure, endpoint)


def _fatal(failure: Failure, endpoint: Server) -> HeartenError | None:
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
            f"there is no {endpoint.route} (HTTP {failure.status})",
            where=name,
            expected="an OpenAI-compatible address, mostly ending in /v1",
            do=f"correct {endpoint.address_option}",
        )
    if failure.kind == "quota_exhausted":
        return StoppedEarly(
            f"the quota is exhausted ({failure.detail})",
            where=name,
            do="every answer so far is kept; add credit and run the same command again",
        )
    return None


def _no_model(endpoint: Server, offered: list[str]) -> EndpointError:
    return EndpointError(
        f"there is no model {endpoint.model}",
        where=endpoint.name,
        expected=f"one of {', '.join(sorted(offered)[:10])}" if offered else None,
        do=f"correct {endpoint.model_option}",
    )
