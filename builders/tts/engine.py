"""Speech engines: the built-in voice, or a speech endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from builders.errors import HeartenError
from builders.llm.providers import SpeechAudio
from builders.llm.task import Pending
from builders.tts.request import SpokenLine, Unspoken

# Commits the result before it is used.
Keep = Callable[[SpeechAudio | Unspoken], Awaitable[None]]


class Engine(Protocol):
    """An engine with one of its voices.

    Attributes:
        name: the engine's name in records, with its version if known.
        voice: the voice.
        at_once: the useful number of concurrent lines.
    """

    name: str
    voice: str
    at_once: int

    @property
    def styled(self) -> bool:
        """Return whether it accepts styles, as far as is known."""
        ...

    async def say(self, line: SpokenLine, keep: Keep) -> SpeechAudio | Unspoken | Pending:
        """Speak a line and save it; raises HeartenError if the engine cannot speak at all."""
        ...

    def stop(self, error: HeartenError) -> None:
        """Start no more lines; lines in progress are still saved."""
        ...

    async def close(self) -> None:
        """Release its resources."""
        ...
