"""Two ways to send the same body: aiohttp on the hot path, and the openai library.

Both give back status, headers and content of whatever came, and raise `Failure` where nothing did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from builders.llm.failures import Failure

Response = tuple[int, Mapping[str, str], bytes]

# What is shorter is a word in place of a key ("none", "ollama"), and may stand in an answer.
_SHORTEST_KEY = 12
# Seconds to connect, which is soon done or never.
_CONNECT = 10.0


class Transport(Protocol):
    """Sends one request to one endpoint."""

    async def send(self, path: str, body: dict[str, Any] | None) -> Response:
        """POST a body, or GET where there is none, and return the response."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class AiohttpTransport:
    """Sends over aiohttp, one session for all requests; `timeout` is seconds for one request."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        import aiohttp

        self._base_url = base_url
        self._key = api_key
        self._errors = (aiohttp.ClientError, OSError)
        self._not_reached = aiohttp.ConnectionTimeoutError
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT)),
            headers={"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"},
        )

    async def send(self, path: str, body: dict[str, Any] | None) -> Response:
        """See `Transport`."""
        method, data = ("GET", None) if body is None else ("POST", orjson.dumps(body))
        try:
            async with self._session.request(
                method, self._base_url + path, data=data, allow_redirects=False
            ) as response:
                content = await response.read()
                return response.status, response.headers, _without(self._key, content)
        except self._not_reached as error:
            raise Failure("connection", "no connection in time") from error
        except TimeoutError as error:
            raise Failure("timeout", "no answer in time") from error
        except self._errors as error:
            raise Failure("connection", _one_line(error)) from error

    async def close(self) -> None:
        """See `Transport`."""
        await self._session.close()


class OpenAITransport:
    """Sends over the openai library, whose own retries are off: ours know what was paid for."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        import httpx2
        import openai

        self._openai = openai
        self._key = api_key
        self._raw = httpx2.Response
        self._not_reached = httpx2.ConnectTimeout
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT)),
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(follow_redirects=False),
        )

    async def send(self, path: str, body: dict[str, Any] | None) -> Response:
        """See `Transport`."""
        try:
            if body is None:
                response = await self._client.get(path, cast_to=self._raw)
            else:
                response = await self._client.post(path, body=body, cast_to=self._raw)
        except self._openai.APIStatusError as error:
            response = error.response
        except self._openai.APITimeoutError as error:
            if isinstance(error.__cause__, self._not_reached):
                raise Failure("connection", "no connection in time") from error
            raise Failure("timeout", "no answer in time") from error
        except self._openai.APIConnectionError as error:
            raise Failure("connection", _one_line(error.__cause__ or error)) from error
        content = await response.aread()
        return response.status_code, response.headers, _without(self._key, content)

    async def close(self) -> None:
        """See `Transport`."""
        await self._client.close()


def _without(key: str, content: bytes) -> bytes:
    """Return content without the key, which some servers repeat in what they complain of."""
    return content.replace(key.encode(), b"***") if len(key) >= _SHORTEST_KEY else content


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
