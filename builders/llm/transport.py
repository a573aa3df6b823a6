"""Transports: send a body, return status, headers and content; a `Failure` where nothing came."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import orjson

from builders import masking
from builders.llm.addresses import is_ours, is_third_party, proxy_for, route
from builders.llm.connecting import (
    LONGEST_HEADER,
    LeftOwnNetworkError,
    check_response,
    failure_of,
    tls_context,
)
from builders.llm.failures import Failure

if TYPE_CHECKING:
    from aiohttp import ClientResponse
    from aiohttp.abc import AbstractResolver

Response = tuple[int, Mapping[str, str], bytes]
Body = Mapping[str, object]

# Seconds to connect, which is soon done or never.
CONNECT = 10.0
# Bytes; an answer is a few thousand, one in sound a few million.
LONGEST_BODY = 16 << 20


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
        key: the secret in them, which is masked in every answer.
        timeout: seconds for one request.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], key: str, timeout: float) -> None:
        import aiohttp

        masking.learn(key)
        self._route = route(base_url)
        self._proxy = proxy_for(base_url)
        self._errors = (aiohttp.ClientError, OSError)
        self._not_reached = aiohttp.ConnectionTimeoutError
        tls = base_url.startswith("https:") or (self._proxy or "").startswith("https:")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=tls_context() if tls else True,
                resolver=None if is_third_party(base_url) else _own_network(),
            ),
            timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT)),
            headers={**headers, "Content-Type": "application/json"},
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
        )

    async def send(self, path: str, body: Body | None) -> Response:
        """See `Transport`."""
        method, data = ("GET", None) if body is None else ("POST", orjson.dumps(body))
        url = self._route.url(path)
        try:
            async with self._session.request(
                method, url, data=data, allow_redirects=False, proxy=self._proxy
            ) as response:
                content = masking.mask_bytes(await _read(response))
                check_response(url, path, response.status, response.headers, content)
                return response.status, response.headers, content
        except self._not_reached as error:
            raise Failure("connection", "no connection in time") from error
        except TimeoutError as error:
            raise Failure("timeout", "no answer in time") from error
        except self._errors as error:
            raise failure_of(error, url, self._proxy) from error

    async def close(self) -> None:
        """See `Transport`."""
        await self._session.close()


async def _read(response: ClientResponse) -> bytes:
    """Return a body up to its end, or raise Failure where it goes on without one."""
    if (response.content_length or 0) > LONGEST_BODY:
        raise too_long()
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > LONGEST_BODY:
            raise too_long()
    return bytes(content)


def too_long() -> Failure:
    """Return the failure of a body that no answer is as long as."""
    return Failure("bad_response", f"a body of more than {LONGEST_BODY >> 20} MB", 200)


def _own_network() -> AbstractResolver:
    """Return a resolver for names that were found to be of one's own network, and must remain so.

    Whether a corpus may be sent was decided by what the name meant then.
    """
    from aiohttp import ThreadedResolver
    from aiohttp.abc import ResolveResult

    class OwnNetwork(ThreadedResolver):
        """Looks names up; a public address is an error."""

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found = await super().resolve(host, port, family)
            if public := next((a["host"] for a in found if not is_ours(a["host"])), None):
                raise LeftOwnNetworkError(
                    f"its name was of your own network, and now leads to {public}"
                )
            return found

    return OwnNetwork()
