"""The router: sends each request to the model that it names, served over HTTP or the phrasebook.

All commit what they answer to the cache before it counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from builders.errors import HeartenError
from builders.llm.budget import Budget
from builders.llm.cache import ResponseCache, asked
from builders.llm.claims import RequestClaims
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.providers import phrasebook
from builders.llm.request import Request
from builders.llm.settings import PHRASEBOOK, Limits, ModelSettings
from builders.llm.task import Model, Pending
from builders.store.database import Answer, Attempt


class PhrasebookModel:
    """Answers from the phrase tables, in this process; `cache` commits the answers."""

    at_once = 64

    def __init__(self, cache: ResponseCache) -> None:
        self._cache = cache

    async def answer(self, request: Request, request_key: str) -> Answer:
        """Return the committed answer."""
        text = phrasebook.answer(request.schema.document, request.seed)
        answer = Answer("ok", text, "stop", request.model)
        attempt = Attempt(request_key, request.model, PHRASEBOOK, "ok")
        # Nobody need be shown what the phrase tables were asked: they read the schema alone.
        row = asked(request, request_key, shown=False)
        done = await self._cache.put(row, answer, attempt)
        await done
        return answer

    def stop(self, error: HeartenError) -> None:
        """Do nothing: whatever is asked is answered at once."""


class Router:
    """Several models, by name; each request goes to the one that it names."""

    def __init__(self, by_name: Mapping[str, Model]) -> None:
        self._by_name = by_name

    @property
    def at_once(self) -> int:
        """Return how many requests all of them answer at once."""
        return sum(model.at_once for model in self._by_name.values())

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        """Return the committed answer, or why there is none."""
        return await self._by_name[request.model].answer(request, request_key)

    def stop(self, error: HeartenError) -> None:
        """Let none of them be asked anything more."""
        for model in self._by_name.values():
            model.stop(error)


@asynccontextmanager
async def open_models(
    served: Iterable[ModelSettings],
    phrasebook_as: str | None,
    cache: ResponseCache,
    limits: Limits,
    budget: Budget,
    claims: RequestClaims,
) -> AsyncIterator[Model]:
    """Open the models that answer requests, and close their connections afterwards.

    Args:
        served: the models that are asked over HTTP.
        phrasebook_as: the model name under which the phrasebook answers; None where it does not.
        cache: commits the answers; its store remembers what servers understand.
        limits: how much is asked at once, and how long is waited.
        budget: what all of them together may cost.
        claims: tells other builds which server is asked what it understands.
    """
    async with AsyncExitStack() as stack:
        models: dict[str, Model] = {}
        if phrasebook_as is not None:
            models[phrasebook_as] = PhrasebookModel(cache)
        # One limit for each address, whichever models are asked there.
        at_once: dict[str, AdaptiveLimit] = {}
        for settings in served:
            # Here, as HTTP takes its time to import.
            from builders.llm.served import open_served

            opened = open_served(settings, cache, limits, budget, at_once, claims)
            models[settings.model] = await stack.enter_async_context(opened)
        yield Router(models)
