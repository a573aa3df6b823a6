"""What can go wrong between us and a server: a closed list that every provider translates to.

The words that servers have for it are in `failures.toml`. A failure that no row knows keeps the
kind that its HTTP status gives it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from builders.masking import mask

KINDS = frozenset(
    "rate_limited quota_exhausted authentication forbidden model_not_found wrong_address "
    "bad_request context_length content_filter server_error timeout connection bad_response "
    "takes_no_audio takes_no_video no_form refused".split()
)
# Worth another attempt; the rest would only come again.
PASSING = frozenset({"server_error", "timeout", "connection", "bad_response"})

_TABLE = Path(__file__).with_name("failures.toml")
_SIGNS = re.compile(r"[^a-z0-9]+")


class Failure(Exception):
    """A request that brought no answer.

    Attributes:
        kind: one of `KINDS`.
        status: the HTTP status, None where there was no response.
        detail: one line, without any key.
        retry_after: seconds the endpoint asks to wait, or None.
        param: the field of the request that the server says it is about, or None.
        lasting: whether this request is refused for good, which is an answer.
        of_probe: whether a question of ours met it, and not the request that was to be sent.
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
        self.param: str | None = None
        self.lasting = False
        self.of_probe = False
        super().__init__(f"{kind}: {self.detail}")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: what is known of one kind of failure."""

    kind: str
    statuses: frozenset[int] = frozenset()
    codes: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()

    def covers(self, status: int, code: str, message: str) -> bool:
        if self.statuses and status not in self.statuses:
            return False
        if any(word in message for word in self.unless):
            return False
        return any(c in code for c in self.codes) or any(w in message for w in self.words)


def known_kind(status: int, codes: Sequence[object], message: str) -> str | None:
    """Return the kind of failure that a server names; None where its words are not known.

    Args:
        status: the HTTP status.
        codes: the error's fields code, type and status, of any type.
        message: its text.
    """
    code, said = " ".join(map(_plain, codes)), message.lower()
    return next((row.kind for row in _rows() if row.covers(status, code, said)), None)


def finish_outcome(reason: object) -> str | None:
    """Return how an answer ended: truncated, refusal, failed or ok; None for an unknown reason."""
    if isinstance(reason, dict):
        reason = [*reason.values()]
    plain = "".join(map(_plain, reason)) if isinstance(reason, list) else _plain(reason)
    for row in _table()["finish"]:
        if any(part in plain for part in row["reasons"]):
            return str(row["outcome"])
    return None


def _plain(value: object) -> str:
    """Return a word without case, blanks and signs; nothing for what is no word."""
    return _SIGNS.sub("", value.lower()) if isinstance(value, str) else ""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(_TABLE.read_text("utf-8"))


@cache
def _rows() -> tuple[_Row, ...]:
    return tuple(
        _Row(
            row["kind"],
            frozenset(row.get("statuses", ())),
            *(tuple(row.get(name, ())) for name in ("codes", "words", "unless")),
        )
        for row in _table()["failure"]
    )
