"""Rejects without one reply that is kept: the model or its server is at fault, not the targets.

A build that goes on then pays for answers that are of no use.
"""

from __future__ import annotations

from collections.abc import Mapping

from builders.errors import StoppedEarly
from builders.llm.task import GivenUp, Pending
from builders.record.types import Drafted, Reject, Target

ENOUGH = 20

_ANOTHER = "use another model, or see what its server does with structured output"
_DO = {
    "truncated": "raise --reply-tokens, as a model that thinks first needs thousands",
    "empty": "use another model, or raise --reply-tokens if it thinks first",
    "refusal": "use another model",
    "content_filter": "use another endpoint, or one without a filter",
    "context_length": "serve the model with a longer context, or lower --context-turns",
    "refused": "see what the server says",
}


class RejectsAlone:
    """Watches drafts until one is kept, or too many are rejected for the same reason."""

    def __init__(self) -> None:
        self._kept = False
        self._reasons: dict[str, int] = {}
        self._example = ""

    def note(
        self, item: tuple[Target, Drafted | GivenUp | Pending] | Reject
    ) -> StoppedEarly | None:
        """Take an outcome in; return why the build is to stop, or None."""
        if self._kept or isinstance(item, Reject):
            return None
        _, outcome = item
        self._kept = isinstance(outcome, Drafted)
        if not isinstance(outcome, GivenUp):
            return None
        self._reasons[outcome.reason] = self._reasons.get(outcome.reason, 0) + 1
        if self._reasons[outcome.reason] < ENOUGH:
            return None
        return StoppedEarly(
            f"the first {ENOUGH} replies were rejected, all as {outcome.reason} "
            f"({outcome.detail[:200]})"
            if len(self._reasons) == 1
            else f"{ENOUGH} replies were rejected as {outcome.reason} and none was kept "
            f"({outcome.detail[:200]})",
            do=what_to_do(outcome.reason),
        )


def what_to_do(reason: str) -> str:
    """Return what to change after rejects for one reason alone, and how to ask again."""
    found: Mapping[str, str] = _DO
    return f"{found.get(reason, _ANOTHER)}; then ask again with --retry-failed"
