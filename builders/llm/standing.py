"""What a pool knows of each of its endpoints, and of what it tried for each request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from builders.errors import HeartenError
from builders.llm.providers import Provider
from builders.llm.refusals import Control, Refused

Sent = TypeVar("Sent")
Answered = TypeVar("Answered")


@dataclass(eq=False)
class Standing(Generic[Sent, Answered]):
    """One endpoint and what became of its requests.

    `succeeded` counts its answers, `latest` is when the last one came, on `time.monotonic`'s clock;
    `lost` counts failures in a row, `outdone` the prompts that another endpoint took, `control` is
    the question by which its refusals are tried; `aside` says why it gets nothing, and `rests` how
    often it was set aside in a row.
    """

    endpoint: Provider[Sent, Answered]
    succeeded: int = 0
    latest: float = float("-inf")
    lost: int = 0
    outdone: int = 0
    aside: HeartenError | None = None
    rests: int = 0
    control: Control[Sent] = field(default_factory=Control)

    @property
    def due(self) -> bool:
        """Return whether it was set aside and is to be tried again."""
        return self.aside is not None and self.endpoint.limit.room > 0


@dataclass
class Tries(Generic[Sent, Answered]):
    """What was tried for one request: attempts, refusals, and where it is of no use to ask.

    `useless` says of each such endpoint whether the refusal tells what it is like now.
    """

    attempts: int = 0
    refusals: int = 0
    failed_at: Standing[Sent, Answered] | None = None
    refused: Refused = field(default_factory=Refused)
    useless: dict[Standing[Sent, Answered], bool] = field(default_factory=dict)
