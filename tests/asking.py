"""Asking the test endpoint through the real client, and what comes of it."""

import asyncio
import traceback
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from builders.llm.budget import Budget
from builders.llm.cache import ResponseCache
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.exchange import Retry
from builders.llm.pool import Pool
from builders.llm.providers.openai_chat import ChatServer
from builders.llm.providers.openai_chat.body import ChatCapabilities
from builders.llm.providers.openai_http import OpenAITransport, over_aiohttp
from builders.llm.request import NarrowedSchema, Request, seed_for
from builders.llm.runner import Session
from builders.progress import ProgressLine, ProgressState
from builders.record.schema import load_schema

KEY = "sk-secret-0123456789"
SCHEMA = NarrowedSchema(load_schema("reply"))
# For tests that hold for either transport.
BOTH = pytest.mark.parametrize("transport", [over_aiohttp, OpenAITransport])


def session(store, model, retry=None, open_at_once=128):
    """Return what a task is asked with: a model of the test's own, no limits, no progress."""
    cache, budget = ResponseCache(store, "a-build"), Budget({}, None, None, ())
    progress = ProgressLine(ProgressState(0), quiet=True)
    return Session(cache, model, budget, progress, retry or Retry(), lambda: open_at_once)


class Memory:
    """Remembers what was learnt, as the store does; `known` is what is remembered beforehand."""

    def __init__(self, known=None):
        self.known = known and known.dumps()

    def remembered_dialect(self, base_url, model):
        return self.known

    def has_answered(self, base_url, model):
        return False

    def remember_dialect(self, base_url, model, understands):
        self.known = understands


def a_request(about="It rained.", model="test-model"):
    messages = ({"role": "system", "content": "Listen."}, {"role": "user", "content": about})
    return Request(model, messages, SCHEMA, None, 0.8, 1.0, 400, seed_for(about, 0), about, 0)


@asynccontextmanager
async def opened(*base_urls, **wanted):
    """Open a pool that already knows its endpoints, and keep what it reports."""
    with_ = SimpleNamespace(
        **{
            "model": "test-model",
            "concurrency": 8,
            "patience": 60.0,
            "timeout": 30.0,
            "transport": over_aiohttp,
            "leave_out": (),
            "memory": Memory(ChatCapabilities("json_schema")),
            "say": print,
            **wanted,
        }
    )
    attempts = []

    async def attempted(request, failure, endpoint, seconds):
        attempts.append((request.record_id, failure.kind, endpoint))

    endpoints = [
        ChatServer(
            url,
            with_.model,
            with_.transport(url, KEY, with_.timeout),
            AdaptiveLimit(with_.concurrency),
            with_.memory,
            leave_out=with_.leave_out,
        )
        for url in base_urls
    ]
    pool = Pool(endpoints, with_.patience, attempted, with_.say)
    try:
        yield SimpleNamespace(pool=pool, attempts=attempts, limits=endpoints[0].limit)
    finally:
        await pool.close()


async def taken(completion):
    return completion


def ask(*base_urls, requests=None, **wanted):
    """Ask all requests at once; return completions or errors, and the attempts that failed."""

    async def main():
        async with opened(*base_urls, **wanted) as ours:
            asked = requests or [a_request(model=wanted.get("model", "test-model"))]
            outcomes = await asyncio.gather(
                *(ours.pool.complete(request, taken) for request in asked),
                return_exceptions=True,
            )
            return outcomes, ours.attempts

    return asyncio.run(main())


def error_of(*base_urls, **wanted):
    """Return the error that asking once ends with, after making sure that the key is not in it."""
    outcomes, _ = ask(*base_urls, **wanted)
    shown = "".join(traceback.format_exception(outcomes[0])) + repr(outcomes[0])
    assert isinstance(outcomes[0], Exception) and KEY not in shown
    return outcomes[0]
