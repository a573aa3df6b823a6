"""The moderation endpoint of a provider: which of its categories a text falls into."""

from __future__ import annotations

import asyncio

import orjson

from builders.llm.failures import PASSING, Failure
from builders.llm.providers.openai_http import OpenAITransport, classify

_TRIES = 3
_WAIT = 0.5


class ModerationServer:
    """One moderation endpoint and one of its models, asked through the openai library.

    Args:
        base_url: the address up to and with ``/v1``.
        model: the model asked for.
        api_key: its key.
        timeout: seconds for one answer.
    """

    def __init__(self, base_url: str, model: str, api_key: str, timeout: float) -> None:
        self.model = model
        self._transport = OpenAITransport(base_url, api_key, timeout)

    async def categories(self, text: str) -> tuple[str, ...]:
        """Return the categories that a text falls into, in the order of their names.

        Raises:
            Failure: there is no answer that can be read, after three attempts.
        """
        for attempt in range(_TRIES):
            try:
                return await self._once(text)
            except Failure as failure:
                passing = failure.kind in PASSING or failure.kind == "rate_limited"
                if not passing or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(failure.retry_after or _WAIT * 2**attempt)
        raise Failure("bad_response", "no answer")

    async def _once(self, text: str) -> tuple[str, ...]:
        body = {"model": self.model, "input": text}
        status, headers, content = await self._transport.send("/moderations", body)
        if status != 200:
            raise classify(status, headers, content)
        try:
            result = orjson.loads(content)["results"][0]
            said = {str(name): bool(found) for name, found in result["categories"].items()}
            if bool(result["flagged"]) and not any(said.values()):
                raise ValueError("flagged in no category")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise Failure("bad_response", f"no moderation result ({error})", status) from error
        return tuple(sorted(name for name, found in said.items() if found))

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
