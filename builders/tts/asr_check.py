"""The ASR check: a transcript of synthetic speech, compared with the text."""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor

from builders.audio.asr import Transcriber, spoken_words, word_error_rate
from builders.audio.decode import read_bytes
from builders.errors import ConfigError
from builders.store.key_value import key_of
from builders.tts.request import Spoken, SpokenLine

# One wrong word is always allowed, such as a name unknown to the recogniser.
_FORGIVEN = 1


def hears(language: str) -> bool:
    """Return whether speech recognition supports a language (BCP 47): only English."""
    return language.split("-")[0].lower() == "en"


def heard_key(speech: str, version: str) -> str:
    """Return the key of the transcript, by a version of the recogniser, of speech with a key."""
    return key_of(speech, version)


class ReadBack:
    """Checks whether synthetic speech is intelligible; transcripts are cached with the speech.

    Args:
        most: the maximum word error rate.
        spoken: the cache of transcripts.
        workers: how many clips are transcribed at once.
    """

    def __init__(self, most: float, spoken: Spoken, workers: int) -> None:
        self._transcriber = Transcriber(workers)
        self._most = most
        self._spoken = spoken
        self._version = hashlib.sha256(Transcriber.version().encode()).hexdigest()[:12]
        self._pool = ThreadPoolExecutor(workers, "read-back")

    @staticmethod
    def check_installed() -> None:
        """Raise ConfigError if speech recognition is not installed."""
        try:
            Transcriber()
        except ConfigError as error:
            raise ConfigError(
                f"synthesised speech cannot be checked: {error}",
                do="or skip this check with --no-read-back, and unintelligible speech is not "
                "noticed",
            ) from error

    async def errors(self, key: str, flac: bytes, line: SpokenLine) -> float:
        """Return the word error rate of a line cached under a key."""
        loop = asyncio.get_running_loop()
        heard = await loop.run_in_executor(self._pool, self._heard, key, flac, line.record_id)
        return round(word_error_rate(line.text, heard), 4)

    def forgives(self, rate: float, text: str) -> bool:
        """Return whether a word error rate is acceptable."""
        return rate <= self._most or rate * max(1, len(spoken_words(text))) <= _FORGIVEN + 1e-3

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _heard(self, key: str, flac: bytes, record_id: str) -> str:
        name = heard_key(key, self._version)
        heard = self._spoken.heard(name, record_id)
        if heard is None:
            heard = self._transcriber.transcribe(read_bytes(flac, "the speech"))
            self._spoken.note(name, heard, record_id)
        return heard
