"""The least that drafting needs: an aiohttp loop, pydantic, and a journal flushed for each answer.

python bench/bare_client.py CORPUS JOURNAL BASE_URL CONCURRENCY
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


async def ask(bodies: list[bytes], journal: Path, base_url: str, concurrency: int) -> None:
    """Send every body, `concurrency` at a time."""
    waiting = iter(bodies)
    connector = aiohttp.TCPConnector(limit=concurrency)
    with journal.open("wb") as stream:
        async with aiohttp.ClientSession(connector=connector) as session:

            async def worker() -> None:
                for data in waiting:
                    async with session.post(
                        f"{base_url}/chat/completions",
                        data=data,
                        headers={"Content-Type": "application/json"},
                    ) as response:
                        answer = orjson.loads(await response.read())
                    text = answer["choices"][0]["message"]["content"]
                    reply = Reply.model_validate_json(text)
                    stream.write(orjson.dumps(reply.model_dump()) + b"\n")
                    stream.flush()

            await asyncio.gather(*(worker() for _ in range(concurrency)))


if __name__ == "__main__":
    _, corpus, journal, base_url, concurrency = sys.argv
    asyncio.run(ask(prompts(corpus), Path(journal), base_url, int(concurrency)))
