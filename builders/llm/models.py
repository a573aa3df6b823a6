"""Who answers requests: OpenAI-compatible endpoints, the phrasebook, or several of them.

All commit what they say to the store before anyone counts it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from builders.errors import HeartenError
from builders.llm import prompts
from builders.llm.budget import Budget
from builders.llm.committer import Committer
from builders.llm.conversations import Left, Model
from builders.llm.limits import Limits
from builders.llm.providers import phrasebook
from builders.llm.request import Request
from builders.settings import PHRASEBOOK, BuildConfig
from builders.store.database import Answer, Asked, Attempt, Store


class PhrasebookModel:
    """Answers from the phrase tables, in this process; `committer` commits the answers."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    async def answer(self, request: Request, request_key: str) -> Answer:
        """Return the committed answer."""
        text = phrasebook.answer(request.schema.document, request.seed)
        answer = Answer("ok", text, "stop", request.model)
        attempt = Attempt(request_key, request.model, PHRASEBOOK, "ok")
        done = await self._committer.enqueue(asked(request, request_key), answer, attempt)
        await done
        return answer

    def stop(self, error: HeartenError) -> None:
        """Do nothing: whatever is asked is answered at once."""


class Models:
    """Several models, by name; each request goes to the one that it names."""

    def __init__(self, by_name: Mapping[str, Model]) -> None:
        self._by_name = by_name

    async def answer(self, request: Request, request_key: str) -> Answer | Left:
        """Return the committed answer, or why there is none."""
        return await self._by_name[request.model].answer(request, request_key)

    def stop(self, error: HeartenError) -> None:
        """Let none of them be asked anything more."""
        for model in self._by_name.values():
            model.stop(error)


def asked(request: Request, request_key: str) -> Asked:
    """Return what the store keeps of a request."""
    version = request.prompt_version or prompts.draft_version()
    return Asked(request_key, request.record_id, request.attempt, request.model, version)


@asynccontextmanager
async def open_models(
    config: BuildConfig, drafter: str, committer: Committer, store: Store, budget: Budget
) -> AsyncIterator[Model]:
    """Open whoever answers a build's requests, and close it afterwards.

    Args:
        config: names the models that are served, and where.
        drafter: the name under which replies are asked for.
        committer: commits the answers.
        store: remembers what endpoints understand.
        budget: what all of them together may cost.
    """
    async with AsyncExitStack() as stack:
        models: dict[str, Model] = {}
        if config.provider == PHRASEBOOK:
            models[drafter] = PhrasebookModel(committer)
        limits: dict[str, Limits] = {}
        for served in config.served:
            # Here, as HTTP takes its time to import.
            from builders.llm.endpoint import open_endpoint

            opened = open_endpoint(config, served, committer, store, budget, limits)
            models[served.model] = await stack.enter_async_context(opened)
        yield Models(models)
