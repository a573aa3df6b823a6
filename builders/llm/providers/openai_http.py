"""What chat and speech of the OpenAI kind share: the key's header, the clients, errors, models."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

from builders import masking
from builders.errors import ConfigError
from builders.llm.addresses import API_VERSION, proxy_for, route
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.connecting import check_response, failure_of, tls_context, unreadable
from builders.llm.failures import Failure, known_kind
from builders.llm.objects import loads_anyhow, storable
from builders.llm.providers import Help, Memory
from builders.llm.retry_after import seconds_to_wait
from builders.llm.transport import (
    CONNECT,
    LONGEST_BODY,
    AiohttpTransport,
    Body,
    Response,
    Transport,
    too_long,
)

if TYPE_CHECKING:
    import httpx2

ADDRESS_FORM = "an OpenAI-compatible address, mostly ending in /v1"
# Statuses with which a server may say that it does not know the form it was asked in.
UNKNOWN_FORM = frozenset({400, 422, 500})

_BY_STATUS = {
    401: "authentication",
    402: "quota_exhausted",
    403: "forbidden",
    408: "timeout",
    413: "context_length",
    429: "rate_limited",
}
# How deep an error may lie in others.
_NESTED = 4
_LONGEST_DETAIL = 300
# A clip in a request, which some servers repeat in what they complain of.
_ENCODED = re.compile(r"[A-Za-z0-9+/=]{60,}")


class OpenAIServer:
    """One OpenAI-compatible server and one of its models; chat and speech add how they are asked.

    Args:
        base_url: the address up to and with ``/v1``.
        model: the model asked for.
        transport: how requests are sent.
        limit: how many at once.
        memory: where what it understands is remembered.
        help: the words for a person who must correct something.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        transport: Transport,
        limit: AdaptiveLimit,
        memory: Memory,
        help: Help,
    ) -> None:
        self.base_url = base_url
        self.model = model
        self.limit = limit
        self.help = help
        self._transport = transport
        self._memory = memory
        self._lock = asyncio.Lock()
        self._answered = False

    @cached_property
    def name(self) -> str:
        """Return the address without user, password and query."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}{port}{parts.path}"

    async def answered_before(self) -> bool:
        """Return whether it has answered requests in earlier runs."""
        if not self._answered:
            self._answered = await asyncio.to_thread(
                self._memory.has_answered, self.name, self.model
            )
        return self._answered

    async def models(self) -> list[str]:
        """Return the models that the server says it has; empty where it does not say."""
        try:
            status, _, content = await self._transport.send("/models", None)
            found = orjson.loads(content)["data"] if status == 200 else []
            return [str(model["id"]) for model in found]
        except (Failure, orjson.JSONDecodeError, KeyError, TypeError):
            return []

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


def over_aiohttp(base_url: str, api_key: str, timeout: float) -> AiohttpTransport:
    """Return a transport over aiohttp that shows the key as servers of this kind want it."""
    azure = route(base_url).api_version is not None
    headers = {"api-key": api_key} if azure else {"Authorization": f"Bearer {api_key}"}
    return AiohttpTransport(base_url, headers, api_key, timeout)


class OpenAITransport:
    """Sends over the openai library, whose own retries are off: ours know what was paid for.

    Raises:
        ConfigError: the library is too old, or what it sends with is missing.
    """

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        try:
            # The library's own client since its version 3; those before it had httpx.
            import httpx2
            import openai
        except ImportError as error:
            raise _not_usable(error) from error
        masking.learn(api_key)
        self._openai = openai
        self._route = route(base_url)
        self._proxy = proxy_for(base_url)
        self._raw = httpx2.Response
        self._not_reached = httpx2.ConnectTimeout
        # Whether there is a proxy is decided by us, in the same way for both clients.
        http_client = openai.DefaultAsyncHttpxClient(
            follow_redirects=False, trust_env=False, proxy=self._proxy, verify=tls_context()
        )
        http_client.event_hooks = {"response": [_limited]}
        # Other encodings come through as they are, and would be taken for broken answers.
        self._reads = f"identity {http_client.headers['accept-encoding']}"
        wait = openai.Timeout(timeout, connect=min(timeout, CONNECT))
        version = self._route.api_version
        if version is not None:

            async def as_azure_wants_it(request: httpx2.Request) -> None:
                del request.headers["Authorization"]
                request.headers["api-key"] = api_key

            http_client.event_hooks = {
                **http_client.event_hooks,
                "request": [as_azure_wants_it],
            }
        self._client = openai.AsyncOpenAI(
            base_url=self._route.base,
            api_key=api_key,
            timeout=wait,
            max_retries=0,
            http_client=http_client,
            default_query={API_VERSION: version} if version else None,
        )

    async def send(self, path: str, body: Body | None) -> Response:
        """See `Transport`."""
        url = self._route.url(path)
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
            if isinstance(error.__cause__, Failure):
                raise error.__cause__ from error
            raise failure_of(error, url, self._proxy) from error
        encodings = response.headers.get("content-encoding", "identity").lower().split(",")
        if unknown := next((one for one in encodings if one.strip() not in self._reads), None):
            raise unreadable(unknown.strip())
        content = masking.mask_bytes(await response.aread())
        check_response(url, path, response.status_code, response.headers, content)
        return response.status_code, response.headers, content

    async def close(self) -> None:
        """See `Transport`."""
        await self._client.close()


async def _limited(response: httpx2.Response) -> None:
    """Have a body read up to the limit alone; the library reads it whole."""
    pieces = response.aiter_bytes

    async def up_to_the_limit(chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        size = 0
        async for piece in pieces(chunk_size):
            size += len(piece)
            if size > LONGEST_BODY:
                raise too_long()
            yield piece

    setattr(response, "aiter_bytes", up_to_the_limit)  # noqa: B010 - no type has it as a field


CLIENTS: Mapping[str, Callable[[str, str, float], Transport]] = {
    "aiohttp": over_aiohttp,
    "openai": OpenAITransport,
}


def _not_usable(error: ImportError) -> ConfigError:
    try:
        what = f"openai {metadata.version('openai')} is installed, and {error.name} is missing"
    except metadata.PackageNotFoundError:
        what = "openai is not installed"
    return ConfigError(
        f"--client openai cannot be used: {what}",
        expected="openai 3 or later, with its httpx2",
        do="pip install 'openai>=3', or leave --client out",
    )


def classify(status: int, headers: Mapping[str, str], content: bytes) -> Failure:
    """Return the failure that a response other than 200 is."""
    try:
        body = loads_anyhow(content)
    except ValueError:
        body = {}
    failure = _failure(status, _error(body))
    failure.retry_after = seconds_to_wait(headers)
    return failure


def error_in(response: Mapping[str, object]) -> Failure | None:
    """Return the failure that a response with status 200 tells of, or None."""
    error = response.get("error") or response.get("errors")
    if not error:
        if "choices" in response or not (response.get("message") or response.get("detail")):
            return None
        error = {name: response.get(name) for name in ("code", "type", "message", "detail")}
    if not isinstance(error, str | dict | list):
        error = str(error)
    return _failure(200, _error({"error": error}))


def start_of(content: bytes) -> str:
    """Return how a body begins, as it is quoted."""
    return repr(masking.mask(content[:4000].decode("utf-8", "replace"))[:80])


def _failure(status: int, error: Mapping[str, object]) -> Failure:
    """Return the failure that a server's error is; its code counts for more than the status."""
    # A key that is cut in two could not be found any more.
    said_plainly = masking.mask(str(error.get("message") or ""))
    message = " ".join(_ENCODED.sub("…", said_plainly).split())
    message = storable(message[:_LONGEST_DETAIL])
    codes = [error.get(name) for name in ("code", "type", "status", "reason")]
    meant = next((code for code in map(_status_of, codes) if code), status)
    kind = "authentication" if status == 401 else _kind(meant, codes, message)
    # What a server says of a key may repeat it.
    shown = message if kind != "authentication" else ""
    told = f"HTTP {status}" if meant == status else f"HTTP {status} with error {meant}"
    failure = Failure(kind, told + (f": {shown}" if shown else ""), status)
    param = error.get("param")
    failure.param = param if isinstance(param, str) else None
    return failure


def _kind(status: int, codes: Sequence[object], message: str) -> str:
    if 300 <= status < 400:
        return "wrong_address"  # a redirect is not followed: it could lead to a third party
    if known := known_kind(status, codes, message):
        return known
    if status == 404:
        return "model_not_found" if "model" in message.lower() else "wrong_address"
    return _BY_STATUS.get(status) or ("bad_request" if 400 <= status < 500 else "server_error")


def _status_of(code: object) -> int | None:
    """Return a status that a server gives as the code of its error."""
    if isinstance(code, str) and code.isdecimal() and len(code) == 3:
        code = int(code)
    if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600:
        return code
    return None


def _error(body: object) -> dict[str, object]:
    """Return the error object of a body: OpenAI's shape, or a plain `message` or `detail`."""
    around: dict[str, object] = {}
    for _ in range(_NESTED):
        if isinstance(body, list):
            body = body[0] if body else {}
        inner = (body.get("error") or body.get("errors")) if isinstance(body, dict) else None
        if not inner or not isinstance(body, dict):
            break
        around, body = {**around, **body}, inner
    error = {**around, **body} if isinstance(body, dict) else around
    said = next(filter(None, map(error.get, ("message", "detail", "msg"))), None)
    return {**error, "message": said or ("" if isinstance(body, dict) else str(body))}
