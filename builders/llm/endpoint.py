"""The model behind an endpoint: asks, keeps within the budget, commits what came."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from builders.errors import ConfigError, HeartenError
from builders.llm.budget import Budget, estimated_tokens, tokens_of
from builders.llm.committer import Committer
from builders.llm.conversations import Left
from builders.llm.failures import Failure
from builders.llm.limits import Limits
from builders.llm.models import asked
from builders.llm.pool import Pool
from builders.llm.providers.openai_chat import Completion, Endpoint
from builders.llm.request import Request, key
from builders.llm.transports import AiohttpTransport, OpenAITransport
from builders.settings import KEY_VARIABLES, BuildConfig, Served
from builders.store.database import Answer, Attempt, Store

# Failures that are an endpoint's answer to this very prompt: held, and not asked for again.
_ANSWERS = frozenset({"context_length", "content_filter"})

Committed = tuple[Answer, "asyncio.Future[None]"]


class EndpointModel:
    """Answers from a pool of endpoints; `pool` is set once, since it reports to this object."""

    pool: Pool[Request, Completion]

    def __init__(self, committer: Committer, budget: Budget) -> None:
        self._committer = committer
        self._budget = budget

    async def answer(self, request: Request, request_key: str) -> Answer | Left:
        """Return the committed answer, or the failure that is left of several tries."""
        room = await self._budget.room_for(request)
        used: list[tuple[int, int]] = []
        try:
            deliver = partial(self._deliver, request, request_key, used)
            answer, done = await self.pool.complete(request, deliver)
        except Failure as failure:
            if failure.kind not in _ANSWERS:
                return Left(failure.kind, failure.detail)
            answer = Answer(failure.kind, "")
            attempt = Attempt(request_key, request.model, "", failure.kind, failure.status)
            done = await self._committer.enqueue(asked(request, request_key), answer, attempt)
        finally:
            self._budget.settle(room, used[0] if used else (0, 0))
        await done
        return answer

    def stop(self, error: HeartenError) -> None:
        """Send nothing more; what is under way is still taken in."""
        self.pool.stop(error)

    async def attempted(
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
        await self._committer.enqueue(asked(request, request_key), None, attempt)

    async def _deliver(
        self,
        request: Request,
        request_key: str,
        used: list[tuple[int, int]],
        completion: Completion,
    ) -> Committed:
        """Hand an answer to the committer; called while its slot is still held."""
        used.append(_tokens(request, completion))
        answer = Answer(
            completion.outcome, completion.text, completion.finish_reason, completion.model
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
        return answer, await self._committer.enqueue(asked(request, request_key), answer, attempt)


def _tokens(request: Request, completion: Completion) -> tuple[int, int]:
    """Return the tokens of prompt and answer; what an endpoint does not say is estimated."""
    prompt, answer = completion.prompt_tokens, completion.completion_tokens
    return (
        tokens_of(request) if prompt is None else prompt,
        estimated_tokens(len(completion.text)) if answer is None else answer,
    )


def api_key(variables: tuple[str, ...] = KEY_VARIABLES) -> str:
    """Return the key for endpoints; servers of one's own mostly ask for none."""
    given = (os.environ.get(name, "").strip() for name in variables)
    found = next(filter(None, given), "none")
    if not (found.isascii() and found.isprintable()):
        raise ConfigError(
            f"the key in {' or '.join(variables)} holds a character that no key has",
            expected="printable ASCII on one line",
            do="copy the key anew",
        )
    return found


def transport_of(config: BuildConfig) -> type[AiohttpTransport | OpenAITransport]:
    """Return the HTTP client that a build asks for."""
    return OpenAITransport if config.client == "openai" else AiohttpTransport


@asynccontextmanager
async def open_endpoint(
    config: BuildConfig,
    served: Served,
    committer: Committer,
    store: Store,
    budget: Budget,
    limits: dict[str, Limits],
) -> AsyncIterator[EndpointModel]:
    """Open the endpoints of one of a config's models, and close their connections afterwards.

    `limits` are those of each address, whichever models are asked there.
    """
    make, key = transport_of(config), api_key(served.keys)
    endpoints = [
        Endpoint(
            address.rstrip("/"),
            served.model,
            make(address.rstrip("/"), key, config.timeout),
            limits.setdefault(address.rstrip("/"), Limits(config.max_concurrency)),
            store,
            served.keys,
        )
        for address in served.base_urls
    ]
    model = EndpointModel(committer, budget)
    model.pool = Pool(endpoints, config.patience, model.attempted)
    try:
        yield model
    finally:
        await model.pool.close()
