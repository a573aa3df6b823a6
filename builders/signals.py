"""Signals that end a build: the first one stops the asking, the second one the command."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """Call `stop` with the name of the first SIGINT or SIGTERM; a second one ends the command."""
    loop = asyncio.get_running_loop()

    def on(number: signal.Signals) -> None:
        stop(number.name)
        _interrupt_on(number)

    for number in _NUMBERS:
        loop.add_signal_handler(number, on, number)
    try:
        yield
    finally:
        for number in _NUMBERS:
            _interrupt_on(number)


def _interrupt_on(number: signal.Signals) -> None:
    """Let a signal end the command at once."""
    asyncio.get_running_loop().remove_signal_handler(number)
    signal.signal(number, signal.default_int_handler)
