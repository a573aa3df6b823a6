"""Who answers requests: an OpenAI-compatible endpoint, or the phrasebook.

Both commit what they say to the store before anyone counts it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from builders.config import PHRASEBOOK, BuildConfig
from builders.drafting import phrasebook, prompts
from builders.drafting.budget import Budget
from builders.drafting.committer import Committer
from builders.drafting.conversations import Model
from builders.drafting.request import Request
from builders.drafting.store import Answer, Asked, Attempt, Store
from builders.errors import HeartenError


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


def asked(request: Request, request_key: str) -> Asked:
    """Return what the store keeps of a request."""
    version = request.prompt_version or prompts.draft_version()
    return Asked(request_key, request.record_id, request.attempt, request.model, version)


@asynccontextmanager
async def open_model(
    config: BuildConfig, committer: Committer, store: Store, budget: Budget
) -> AsyncIterator[Model]:
    """Open whoever answers a build's requests, and close it afterwards."""
    if config.provider == PHRASEBOOK:
        yield PhrasebookModel(committer)
        return
    from builders.drafting.endpoint import open_endpoint  # here, as HTTP takes its time to import

    async with open_endpoint(config, committer, store, budget) as model:
        yield model
