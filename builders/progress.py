"""Progress of long work: a live line on a terminal, plain lines elsewhere, both on stderr."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

PLAIN_SECONDS = 10.0
_LIVE_SECONDS = 0.2
_ENOUGH_TO_GUESS = 20


@dataclass(slots=True)
class ProgressState:
    """The progress of a build; `usd` is None if a price is unknown, `paid` false without a model.

    `projected_usd` is what it will cost in the end and `sample_usd` what one sample costs, None
    until enough of them were asked about.

    `doing` names the current stage, if it is not drafting; `unit` is what is counted.
    """

    total: int
    done: int = 0
    requests: int = 0
    usd: float | None = None
    paid: bool = False
    doing: str | None = None
    projected_usd: float | None = None
    sample_usd: float | None = None
    unit: str = "sample"


class ProgressLine:
    """Shows a state from time to time; use as a context manager around the work.

    Attributes:
        state: what is shown; the worker updates it.
    """

    def __init__(self, state: ProgressState, quiet: bool = False) -> None:
        self.state = state
        self._quiet = quiet
        self._started = time.monotonic()
        self._shown = self._started
        self._live: Status | None = None

    def __enter__(self) -> ProgressLine:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._live = Console(stderr=True).status("starting")
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def advance(self) -> None:
        """Count one more as done, and show the state if it is time to."""
        self.state.done += 1
        self.tick()

    def tick(self) -> None:
        """Show the state if it is time to."""
        now = time.monotonic()
        if self._quiet or now - self._shown < (_LIVE_SECONDS if self._live else PLAIN_SECONDS):
            return
        self._shown = now
        line = describe(self.state, now - self._started)
        if self._live:
            self._live.update(line)
        else:
            print(line, file=sys.stderr, flush=True)


def describe(state: ProgressState, seconds: float) -> str:
    """Return a state in one line: how far, how fast, what it cost, how long it will still take."""
    rate = state.done / seconds if seconds else 0.0
    shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
    total = f"{state.total:,}" + (f" {state.unit}s" if state.unit != "sample" else "")
    parts = [f"{state.done:,} of {total}", f"{shown}/s"]
    if state.requests:
        parts.append(f"{state.requests:,} requests")
    if state.paid:
        parts.append(_money(state))
    if state.doing:
        parts.append(state.doing)
    if state.done >= _ENOUGH_TO_GUESS:
        parts.append(f"{_clock((state.total - state.done) / rate)} left")
    return ", ".join(parts)


def _money(state: ProgressState) -> str:
    """Return what was spent, what it will be in all, and what a sample costs."""
    if state.usd is None:
        return "cost unknown"
    spent = f"${state.usd:.4f}"
    if not state.projected_usd or state.sample_usd is None:
        return spent
    return f"{spent} of about ${state.projected_usd:.2f}, ${state.sample_usd:.6f} a {state.unit}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
