"""Ending a run by SIGINT or SIGTERM: nothing more is asked, and what is under way is taken in."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from builders.errors import HeartenError, StoppedEarly

KEPT_ANSWERS = "every answer so far is kept; run the same command again to go on"


class Stops(Protocol):
    """What can be told to ask for nothing more; what is under way is still taken in."""

    def stop(self, error: HeartenError) -> None:
        """Ask for nothing more, for this reason."""
        ...


@contextmanager
def stopped_by_signals(stops: Sequence[Stops]) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the asking; what is in flight is still taken in."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, _stop, stops, number)
    try:
        yield
    finally:
        for number in numbers:
            _interrupt_on(number)


def _stop(stops: Sequence[Stops], number: signal.Signals) -> None:
    for each in stops:
        each.stop(StoppedEarly(f"stopped by {number.name}", do=KEPT_ANSWERS))
    _interrupt_on(number)


def _interrupt_on(number: signal.Signals) -> None:
    """Let a signal end the command at once."""
    asyncio.get_running_loop().remove_signal_handler(number)
    signal.signal(number, signal.default_int_handler)
