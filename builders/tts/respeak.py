"""Saying once more what was said before, and making sure that it is the same."""

from __future__ import annotations

from builders.audio.decode import pcm_digest, read_bytes
from builders.errors import ConfigError
from builders.record.reply_views import SpeechSynthesis
from builders.tts import hibari
from builders.tts.request import SpokenLine


class SpeaksAgain:
    """Says withheld speech again with the embedded voice, where it is the one that said it."""

    def __init__(self) -> None:
        self._speakers: dict[str, hibari.Speaker | None] = {}

    def say(self, by: SpeechSynthesis, text: str) -> bytes | None:
        """Return a text as FLAC with the very samples that a `synthesis` tells of, or None.

        None where another engine spoke, or another version of this one whose samples differ.
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
