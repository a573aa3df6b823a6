"""What can go wrong between us and a server: a closed list that every provider translates to."""

from __future__ import annotations

from builders.masking import mask

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
        detail: one line, without any key.
        retry_after: seconds the endpoint asks to wait, or None.
        do: what a person can do about it, None where that depends on the kind alone.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        status: int | None = None,
        retry_after: float | None = None,
        do: str | None = None,
    ) -> None:
        self.kind = kind
        self.detail = mask(detail)
        self.status = status
        self.retry_after = retry_after
        self.do = do
        super().__init__(f"{kind}: {self.detail}")
