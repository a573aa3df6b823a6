"""What can go wrong between us and a server: a closed list that every provider translates to."""

from __future__ import annotations

KINDS = frozenset(
    "rate_limited quota_exhausted authentication forbidden model_not_found wrong_address "
    "bad_request context_length content_filter server_error timeout connection bad_response "
    "takes_no_audio".split()
)
# Worth another attempt; the rest would only come again.
PASSING = frozenset({"server_error", "timeout", "connection", "bad_response"})


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
