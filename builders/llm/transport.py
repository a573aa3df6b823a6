"""Transports: send a body, return status, headers and content; a `Failure` where nothing came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import orjson

from builders.llm.failures import Failure

Response = tuple[int, Mapping[str, str], bytes]
Body = Mapping[str, object]

# What is shorter is a word in place of a key ("none", "ollama"), and may stand in an answer.
_SHORTEST_KEY = 12
# Seconds to connect, which is soon done or never.
CONNECT = 10.0


class Transport(Protocol):
    """Sends one request to one server."""

    async def send(self, path: str, body: Body | None) -> Response:
        """POST a body, or GET where there is none, and return the response."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class AiohttpTransport:
    """Sends over aiohttp, one session for all requests.

    Args:
        base_url: the address.
        headers: sent with every request.
        key: the secret in them, which is taken out of every answer.
        timeout: seconds for one request.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], key: str, timeout: float) -> None:
        import aiohttp

        self._base_url = base_url
        self._key = key
        self._errors = (aiohttp.ClientError, OSError)
        self._not_reached = aiohttp.ConnectionTimeoutError
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT)),
            headers={**headers, "Content-Type": "application/json"},
        )

    async def send(self, path: str, body: Body | None) -> Response:
        """See `Transport`."""
        method, data = ("GET", None) if body is None else ("POST", orjson.dumps(body))
        try:
            async with self._session.request(
                method, self._base_url + path, data=data, allow_redirects=False
            ) as response:
                content = await response.read()
                return response.status, response.headers, without_key(self._key, content)
        except self._not_reached as error:
            raise Failure("connection", "no connection in time") from error
        except TimeoutError as error:
            raise Failure("timeout", "no answer in time") from error
        except self._errors as error:
            raise Failure("connection", one_line(error)) from error

    async def close(self) -> None:
        """See `Transport`."""
        await self._session.close()


def without_key(key: str, content: bytes) -> bytes:
    """Return content without the key, which some servers repeat in what they complain of."""
    return content.replace(key.encode(), b"***") if len(key) >= _SHORTEST_KEY else content


def one_line(error: BaseException) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
