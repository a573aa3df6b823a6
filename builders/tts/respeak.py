"""Speaking a line again, and checking that the result is identical."""

from __future__ import annotations

from builders.audio.decode import pcm_digest, read_bytes
from builders.errors import ConfigError
from builders.record.reply_views import SpeechSynthesis
from builders.tts import hibari
from builders.tts.request import SpokenLine


class SpeaksAgain:
    """Recreates withheld speech with the built-in voice, if that voice made it."""

    def __init__(self) -> None:
        self._speakers: dict[str, hibari.Speaker | None] = {}

    def say(self, by: SpeechSynthesis, text: str) -> bytes | None:
        """Return a text as FLAC with exactly the samples described by a `synthesis`, or None.

        None if another engine, or another version with different samples, spoke it.
        """
        if not by["engine"].startswith(hibari.DISTRIBUTION):
            return None
        voice = by["voice"]
        if voice not in self._speakers:
            self._speakers[voice] = _speaker(voice)
        speaker = self._speakers[voice]
        said = speaker and speaker.say(SpokenLine(text, None, by["seed"], ""))
        if not isinstance(said, bytes):
            return None
        return said if pcm_digest(read_bytes(said, "speech")) == by["sha256_pcm"] else None


def _speaker(voice: str) -> hibari.Speaker | None:
    try:
        hibari.check_installed()
        return hibari.Speaker(voice)
    except ConfigError:
        return None
