"""The least that drafting needs: requests, pydantic, and a journal flushed for each answer.

python bench/bare_client.py CORPUS JOURNAL BASE_URL CONCURRENCY aiohttp|openai
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import orjson
from pydantic import BaseModel

from builders.llm.providers.openai_chat.body import ChatCapabilities, body
from builders.pipeline.run import make_plan
from builders.record.manifest import Ledger
from builders.record.types import Target
from builders.settings import make_config


class Awareness(BaseModel):
    """As in the reply schema."""

    act: str
    emotions: list[str]


class Reply(BaseModel):
    """As in the reply schema."""

    text: str
    emotion: str
    strategies: list[str]
    awareness: Awareness


def prompts(corpus: str) -> list[bytes]:
    """Return the bodies of all first requests, rendered before the clock matters."""
    config = make_config(
        corpus="meld", source=Path(corpus), name="bare", text_only=True, model="test-model"
    )
    plan = make_plan(config)
    drafter = plan.drafter
    targets = plan.targets(Ledger())
    return [
        orjson.dumps(body(drafter.first_request(target), ChatCapabilities()))
        for target in targets
        if isinstance(target, Target)
    ]


class Journal:
    """Answers that were checked, one line each, flushed before they count."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("wb")

    def keep(self, text: str) -> None:
        """Check an answer as far as its types go, and write it."""
        reply = Reply.model_validate_json(text)
        self._stream.write(orjson.dumps(reply.model_dump()) + b"\n")
        self._stream.flush()


async def ask(bodies: list[bytes], journal: Journal, base_url: str, concurrency: int) -> None:
    """Send every body over aiohttp, `concurrency` at a time, each until it is answered."""
    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def answered(data: bytes) -> str:
            while True:
                try:
                    async with session.post(f"{base_url}/chat/completions", data=data) as response:
                        content = await response.read()
                        if response.status == 200:
                            return str(orjson.loads(content)["choices"][0]["message"]["content"])
                        wait = float(response.headers.get("Retry-After", 0.5))
                except (aiohttp.ClientError, orjson.JSONDecodeError):
                    wait = 0.5
                await asyncio.sleep(wait)

        async def worker() -> None:
            for data in waiting:
                journal.keep(await answered(data))

        await asyncio.gather(*(worker() for _ in range(concurrency)))


async def ask_with_openai(
    bodies: list[bytes], journal: Journal, base_url: str, concurrency: int
) -> None:
    """Send every body with the openai library, which tries again by itself."""
    import openai

    waiting = iter(bodies)
    async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=5) as client:

        async def answered(data: bytes) -> str:
            while True:
                try:
                    completion = await client.chat.completions.create(**orjson.loads(data))
                    return completion.choices[0].message.content or ""
                except (openai.OpenAIError, ValueError):
                    await asyncio.sleep(0.5)

        async def worker() -> None:
            for data in waiting:
                journal.keep(await answered(data))

        await asyncio.gather(*(worker() for _ in range(concurrency)))


if __name__ == "__main__":
    _, corpus, place, base_url, concurrency, library = sys.argv
    asking = {"aiohttp": ask, "openai": ask_with_openai}[library]
    asyncio.run(asking(prompts(corpus), Journal(Path(place)), base_url, int(concurrency)))
