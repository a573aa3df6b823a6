"""Who speaks: the voice that is embedded, or a speech endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from builders.errors import HeartenError
from builders.llm.providers import SpeechAudio
from builders.llm.task import Pending
from builders.tts.request import SpokenLine, Unspoken

# Commits what came, before anyone counts it.
Keep = Callable[[SpeechAudio | Unspoken], Awaitable[None]]


class Engine(Protocol):
    """An engine with one of its voices.

    Attributes:
        name: the engine as records name it; its version is in it where the version is known.
        voice: the voice.
        at_once: how many lines are worth having under way.
    """

    name: str
    voice: str
    at_once: int

    @property
    def styled(self) -> bool:
        """Return whether it is given styles, as far as is known."""
        ...

    async def say(self, line: SpokenLine, keep: Keep) -> SpeechAudio | Unspoken | Pending:
        """Say a line and have it kept; raises HeartenError where no line can be said."""
        ...

    def stop(self, error: HeartenError) -> None:
        """Say nothing more; what is under way is still taken in."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...
