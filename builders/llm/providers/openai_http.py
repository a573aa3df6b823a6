"""What chat and speech of the OpenAI kind share: the key's header, the clients, errors, models."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from importlib import metadata
from urllib.parse import urlsplit

import orjson

from builders import masking
from builders.errors import ConfigError
from builders.llm.addresses import API_VERSION, proxy_for, route
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.connecting import check_response, failure_of, tls_context, unreadable
from builders.llm.failures import Failure
from builders.llm.providers import Help, Memory
from builders.llm.transport import CONNECT, AiohttpTransport, Body, Response, Transport

ADDRESS_FORM = "an OpenAI-compatible address, mostly ending in /v1"
# Statuses with which a server may say that it does not know the form it was asked in.
UNKNOWN_FORM = frozenset({400, 422, 500})

_QUOTA = ("insufficient_quota", "billing", "credit", "exceeded your current quota")
# Some servers call a limit per minute a quota too, and say how soon it is over.
_SOON_OVER = "retry in"
_NO_MODEL = ("model_not_found", "not a valid model", "no such model", "unknown model")
_CONTEXT = (
    "context_length",
    "maximum context",
    "context window",
    "too many tokens",
    "context size",
)
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

    @cached_property
    def name(self) -> str:
        """Return the address without user, password and query."""
        parts = urlsplit(self.base_url)
        port = f":{parts.port}" if parts.port else ""
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{host}{port}{parts.path}"

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
        # Other encodings come through as they are, and would be taken for broken answers.
        self._reads = f"identity {http_client.headers['accept-encoding']}"
        wait = openai.Timeout(timeout, connect=min(timeout, CONNECT))
        version = self._route.api_version
        if version is not None:

            async def as_azure_wants_it(request: httpx2.Request) -> None:
                del request.headers["Authorization"]
                request.headers["api-key"] = api_key

            http_client.event_hooks = {"request": [as_azure_wants_it]}
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
    error = _error(content)
    said = " ".join(str(error.get(k) or "") for k in ("code", "type", "message")).lower()
    # A key that is cut in two could not be found any more.
    said_plainly = masking.mask(str(error.get("message") or ""))
    message = " ".join(_ENCODED.sub("…", said_plainly).split())
    message = message[:_LONGEST_DETAIL]
    kind = _kind(status, said)
    # What a server says of a key may repeat it.
    detail = f"HTTP {status}" + (f": {message}" if message and status not in (401, 403) else "")
    return Failure(kind, detail, status, _retry_after(headers))


def _kind(status: int, said: str) -> str:
    if 300 <= status < 400:
        return "wrong_address"  # a redirect is not followed: it could lead to a third party
    quota = any(word in said for word in _QUOTA) and _SOON_OVER not in said
    if status == 402 or (status == 429 and quota):
        return "quota_exhausted"
    if status == 413 or (status in (400, 422) and any(word in said for word in _CONTEXT)):
        return "context_length"
    if status == 400 and "content_filter" in said:
        return "content_filter"
    if status == 400 and any(words in said for words in _NO_MODEL):
        return "model_not_found"
    if status == 404:
        return "model_not_found" if "model" in said else "wrong_address"
    known = {401: "authentication", 403: "forbidden", 408: "timeout", 429: "rate_limited"}
    if status in known:
        return known[status]
    return "bad_request" if status < 500 else "server_error"


def _error(content: bytes) -> dict[str, object]:
    """Return the error object of a body: OpenAI's shape, or a plain `message` or `detail`."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        return {**error, "message": error.get("message") or error.get("detail")}
    return {"message": str(error)}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
