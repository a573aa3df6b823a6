"""Questions of our own to a server: asked by one build at a time, and paid for like all others."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from builders.llm.budget import Budget, estimated_tokens, tokens_of
from builders.llm.cache import ResponseCache
from builders.llm.claims import RequestClaims
from builders.llm.providers import Completion
from builders.llm.request import Request
from builders.store.database import Attempt


class Probes:
    """What becomes of questions that are not about any subject.

    Args:
        cache: keeps what they took.
        budget: what it counts towards; a probe is short and waits for no room in it.
        claims: tells other builds that a server is being asked.
    """

    def __init__(self, cache: ResponseCache, budget: Budget, claims: RequestClaims) -> None:
        self._cache = cache
        self._budget = budget
        self._claims = claims

    @asynccontextmanager
    async def alone(self, base_url: str, model: str) -> AsyncIterator[None]:
        """Wait until no other build asks the same server what it understands."""
        key = hashlib.sha256(f"probe {base_url} {model}".encode()).hexdigest()
        while not (self._claims.stopped or await self._claims.take(key)):
            pass
        try:
            yield
        finally:
            self._claims.free(key)

    async def note(self, request: Request, completion: Completion) -> None:
        """Count what a question took."""
        used = tokens_used(request, completion)
        self._budget.spend(request.model, used)
        attempt = Attempt(
            "",
            request.model,
            completion.endpoint,
            completion.outcome,
            200,
            "a question of our own",
            completion.seconds,
            *used,
        )
        await self._cache.put(None, None, attempt)


def tokens_used(request: Request, completion: Completion) -> tuple[int, int]:
    """Return the tokens of prompt and answer; what an endpoint does not say is estimated."""
    prompt, answer = completion.prompt_tokens, completion.completion_tokens
    return (
        tokens_of(request) if prompt is None else prompt,
        estimated_tokens(len(completion.text)) if answer is None else answer,
    )
