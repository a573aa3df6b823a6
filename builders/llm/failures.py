"""What can go wrong between us and an endpoint: a closed list, and the one boundary to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

KINDS = frozenset(
    "rate_limited quota_exhausted authentication forbidden model_not_found wrong_address "
    "bad_request context_length content_filter server_error timeout connection bad_response "
    "takes_no_audio".split()
)
# Worth another try; the rest would only come again.
PASSING = frozenset({"server_error", "timeout", "connection", "bad_response"})

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


class Failure(Exception):
    """A request that brought no answer.

    Attributes:
        kind: one of `KINDS`.
        status: the HTTP status, None where there was no response.
        detail: one line, without any secret.
        retry_after: seconds the endpoint asks to wait, or None.
    """

    def __init__(
        self, kind: str, detail: str, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.status = status
        self.retry_after = retry_after


def classify(status: int, headers: Mapping[str, str], content: bytes) -> Failure:
    """Return the failure that a response other than 200 is."""
    error = _error(content)
    said = " ".join(str(error.get(k) or "") for k in ("code", "type", "message")).lower()
    message = " ".join(_ENCODED.sub("…", str(error.get("message") or "")).split())
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


def _error(content: bytes) -> dict[str, Any]:
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
