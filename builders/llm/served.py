"""A model served over HTTP: asks its pool, keeps within the budget, commits what came."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from builders import masking
from builders.errors import ConfigError, HeartenError
from builders.llm.budget import Budget
from builders.llm.cache import ResponseCache, asked
from builders.llm.claims import RequestClaims
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.failures import Failure
from builders.llm.objects import storable
from builders.llm.pool import Pool
from builders.llm.probes import Probes, tokens_used
from builders.llm.providers import Completion, Provider
from builders.llm.providers.openai_chat import ChatServer
from builders.llm.providers.openai_http import CLIENTS
from builders.llm.request import Request, key
from builders.llm.settings import KEY_VARIABLES, Limits, ModelSettings
from builders.llm.task import Pending
from builders.store.database import Answer, Attempt

Committed = tuple[Answer, "asyncio.Future[None]"]


class ServedModel:
    """Answers from one or more servers of the same model.

    Args:
        servers: where it is served.
        patience: seconds without any success after which the asking stops.
        cache: commits the answers.
        budget: what may be spent.
    """

    def __init__(
        self,
        servers: Sequence[Provider[Request, Completion]],
        patience: float,
        cache: ResponseCache,
        budget: Budget,
    ) -> None:
        self._pool = Pool(servers, patience, self._attempted)
        self._cache = cache
        self._budget = budget

    @property
    def at_once(self) -> int:
        """Return how many requests its servers take at once as things are."""
        return self._pool.at_once

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        """Return the committed answer, or the failure that is left of several attempts."""
        room = await self._budget.room_for(request)
        used: list[tuple[int, int]] = []
        try:
            deliver = partial(self._deliver, request, request_key, used)
            answer, done = await self._pool.complete(request, deliver)
        except Failure as failure:
            if not failure.lasting:
                return Pending(failure.kind, failure.detail)
            answer = Answer(failure.kind, storable(failure.detail))
            # The pool has told of the attempt.
            done = await self._cache.put(asked(request, request_key, shown=True), answer, None)
        finally:
            self._budget.settle(room, used[0] if used else (0, 0))
        await done
        return answer

    def stop(self, error: HeartenError) -> None:
        """Send nothing more; what is under way is still taken in."""
        self._pool.stop(error)

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def _attempted(
        self, request: Request, failure: Failure, endpoint: str, seconds: float
    ) -> None:
        """Keep an attempt that failed."""
        request_key = key(request)
        attempt = Attempt(
            request_key,
            request.model,
            endpoint,
            failure.kind,
            failure.status,
            failure.detail,
            seconds,
        )
        await self._cache.put(asked(request, request_key, shown=True), None, attempt)

    async def _deliver(
        self,
        request: Request,
        request_key: str,
        used: list[tuple[int, int]],
        completion: Completion,
    ) -> Committed:
        """Hand an answer to the cache; called while its slot is still held."""
        used.append(tokens_used(request, completion))
        answer = Answer(
            completion.outcome,
            completion.text,
            completion.finish_reason,
            completion.model,
            *used[0],
        )
        attempt = Attempt(
            request_key,
            request.model,
            completion.endpoint,
            completion.outcome,
            200,
            None,
            completion.seconds,
            *used[0],
        )
        return answer, await self._cache.put(
            asked(request, request_key, shown=True), answer, attempt
        )


def api_key(variables: tuple[str, ...] = KEY_VARIABLES) -> str:
    """Return the key for endpoints; servers of one's own mostly ask for none."""
    given = (os.environ.get(name, "").strip() for name in variables)
    found = next(filter(None, given), masking.NO_KEY)
    if not (found.isascii() and found.isprintable()):
        raise ConfigError(
            f"the key in {' or '.join(variables)} holds a character that no key has",
            expected="printable ASCII on one line",
            do="copy the key anew",
        )
    masking.learn(found)
    return found


@asynccontextmanager
async def open_served(
    settings: ModelSettings,
    cache: ResponseCache,
    limits: Limits,
    budget: Budget,
    at_once: dict[str, AdaptiveLimit],
    claims: RequestClaims,
) -> AsyncIterator[ServedModel]:
    """Open a model at all of its addresses, and close its connections afterwards.

    `at_once` has the limit of each address, and gets those that are new.
    """
    probes = Probes(cache, budget, claims)
    connect, secret = CLIENTS[settings.client], api_key(settings.keys)
    addresses = [address.rstrip("/") for address in settings.base_urls]
    servers = [
        ChatServer(
            address,
            settings.model,
            connect(address, secret, limits.timeout),
            at_once.setdefault(address, AdaptiveLimit(limits.max_concurrency)),
            cache.store,
            settings.keys,
            settings.leave_out,
            probes,
        )
        for address in addresses
    ]
    model = ServedModel(servers, limits.patience, cache, budget)
    try:
        yield model
    finally:
        await model.close()
