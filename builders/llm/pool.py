"""The pool: sends requests to one or more servers of the same model, whatever is asked of it.

A slot is held while a request is under way and until its answer is handed over, never while waiting
to try again. Being told "too many" lowers the limit and uses up no attempt; failures that pass are
tried again a few times; when nothing at all succeeds for long, the build stops and can be resumed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from builders.errors import EndpointError, HeartenError, StoppedEarly
from builders.llm.failures import PASSING, Failure
from builders.llm.providers import Provider

ATTEMPTS = 5
_FIRST_CONTACT_ATTEMPTS = 3
_LONGEST_WAIT = 60.0
# The endpoint is asked for more than it can do: fewer at once.
_TOO_MANY = frozenset({"rate_limited", "timeout"})
# So many requests refused as malformed before any was understood: none will be.
_REFUSED_AT_MOST = 8

Sent = TypeVar("Sent")
Answered = TypeVar("Answered")
Delivered = TypeVar("Delivered")


class Pool(Generic[Sent, Answered]):
    """Sends requests to one or more servers that serve the same model.

    Args:
        endpoints: where to send.
        patience: seconds without any success after which the build is stopped.
        attempted: told of each attempt that failed: request, failure, endpoint, seconds.
    """

    def __init__(
        self,
        endpoints: Sequence[Provider[Sent, Answered]],
        patience: float,
        attempted: Callable[[Sent, Failure, str, float], Awaitable[None]],
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
        self, request: Sent, deliver: Callable[[Answered], Awaitable[Delivered]]
    ) -> Delivered:
        """Return what `deliver` makes of the answer; it is awaited before the slot is given back.

        Raises:
            Failure: this request cannot be answered, or not in several attempts.
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
            await endpoint.close()

    async def _complete(
        self, request: Sent, deliver: Callable[[Answered], Awaitable[Delivered]]
    ) -> Delivered:
        attempts, failed_at = 0, None
        while True:
            endpoint = self._roomiest(failed_at)
            await endpoint.limit.acquire()
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
                endpoint.limit.release()
            await self._attempted(request, failure, endpoint.name, time.monotonic() - sent)
            attempts += failure.kind in PASSING
            await self._pause(await self._wait(failure, endpoint, sent, attempts))

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, unless there will be none."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _roomiest(self, failed_at: Provider[Sent, Answered] | None) -> Provider[Sent, Answered]:
        """Return the server with the most room, if possible another than where it failed."""
        if len(self._endpoints) == 1:
            return self._endpoints[0]
        return max(self._endpoints, key=lambda e: (e is not failed_at, e.limit.room))

    def _note_success(self, endpoint: Provider[Sent, Answered]) -> None:
        self._succeeded = True
        self._idle_since = time.monotonic()
        endpoint.limit.answered()

    async def _wait(
        self, failure: Failure, endpoint: Provider[Sent, Answered], sent: float, attempts: int
    ) -> float:
        """Return the seconds to wait before the next attempt, or raise what ends them."""
        if final := await self._final(failure, endpoint, attempts):
            raise final from failure
        if failure.kind in _TOO_MANY:
            endpoint.limit.too_many(sent)
        if failure.kind != "rate_limited" and (failure.kind not in PASSING or attempts >= ATTEMPTS):
            raise failure
        idle = time.monotonic() - self._idle_since
        if idle > self._patience:
            raise StoppedEarly(
                f"nothing has succeeded for {idle:.0f} s ({failure.detail})",
                where=endpoint.name,
                do="every answer so far is kept; run the same command again when it answers",
            ) from failure
        backoff = min(_LONGEST_WAIT, 0.5 * 2 ** min(attempts, 7)) * random.uniform(0.5, 1.0)  # noqa: S311
        wanted = failure.retry_after if failure.retry_after is not None else backoff
        return min(wanted, _LONGEST_WAIT, max(0.1, self._patience - idle))

    async def _final(
        self, failure: Failure, endpoint: Provider[Sent, Answered], attempts: int
    ) -> HeartenError | None:
        """Return the error for a failure that every request would meet, or None."""
        if failure.kind == "model_not_found":
            return _no_model(endpoint, await endpoint.models())
        if failure.kind == "bad_request" and not self._succeeded:
            self._refused += 1
            if self._refused >= _REFUSED_AT_MOST:
                return EndpointError(
                    f"every request is refused ({failure.detail})",
                    where=endpoint.name,
                    do="see what the server says, and whether the model takes "
                    f"{endpoint.help.route}",
                )
        tried_enough = attempts >= _FIRST_CONTACT_ATTEMPTS and not self._succeeded
        if failure.kind == "connection" and tried_enough:
            return _no_contact(failure, endpoint)
        return _fatal(failure, endpoint)


def _no_contact(failure: Failure, endpoint: Provider[Sent, Answered]) -> EndpointError:
    if failure.do:
        return _unusable(failure, endpoint)
    return EndpointError(
        f"nothing answers at {endpoint.name} ({failure.detail})",
        do=f"is the server running? correct {endpoint.help.address_option} or start it",
    )


def _unusable(failure: Failure, endpoint: Provider[Sent, Answered]) -> EndpointError:
    """Return the error for an address that leads to something, which is not what was meant."""
    return EndpointError(
        f"{endpoint.name} cannot be used: {failure.detail}",
        do=(failure.do or "").replace("--base-url", endpoint.help.address_option),
    )


def _fatal(failure: Failure, endpoint: Provider[Sent, Answered]) -> HeartenError | None:
    name = endpoint.name
    if failure.kind in ("authentication", "forbidden"):
        return EndpointError(
            f"the key was refused (HTTP {failure.status})",
            where=name,
            do=f"set {endpoint.help.key_names} to a key that may use this model",
        )
    if failure.kind == "takes_no_audio":
        return EndpointError(
            f"the model {endpoint.model} takes no audio ({failure.detail})",
            where=name,
            do="serve one that hears, or build without --hear and --caption-model",
        )
    if failure.kind == "wrong_address" and failure.do:
        return _unusable(failure, endpoint)
    if failure.kind == "wrong_address":
        return EndpointError(
            f"there is no {endpoint.help.route} (HTTP {failure.status})",
            where=name,
            expected=endpoint.help.address_form,
            do=f"correct {endpoint.help.address_option}",
        )
    if failure.kind == "quota_exhausted":
        return StoppedEarly(
            f"the quota is exhausted ({failure.detail})",
            where=name,
            do="every answer so far is kept; add credit and run the same command again",
        )
    return None


def _no_model(endpoint: Provider[Sent, Answered], offered: list[str]) -> EndpointError:
    return EndpointError(
        f"there is no model {endpoint.model}",
        where=endpoint.name,
        expected=f"one of {', '.join(sorted(offered)[:10])}" if offered else None,
        do=f"correct {endpoint.help.model_option}",
    )
