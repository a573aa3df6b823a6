"""The built-in voice: hibari-tts, whose wheel is complete; the same text gives the same bytes.

It speaks English, with one included voice, and does not support styles.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata, util
from pathlib import Path

import numpy as np

from builders.audio.clips import ClipError
from builders.audio.decode import as_flac
from builders.audio.resampling import Resampler
from builders.audio.weights import check_digest, checked
from builders.errors import ConfigError, HeartenError, suggested
from builders.llm.providers import SpeechAudio
from builders.llm.task import Pending
from builders.tts.engine import Keep
from builders.tts.request import SpokenLine, Unspoken

DISTRIBUTION = "hibari-tts"
VOICE = "heart"
EXTRA = "speak"
_LANGUAGE = "en"
# Longer than any line; the resampler needs a limit.
_LONGEST = 900.0


def check_installed() -> None:
    """Raise ConfigError if the voice is not installed."""
    if util.find_spec("hibari") is None:
        raise ConfigError(
            "the package hibari-tts, which has the built-in voice, is not installed",
            do=f'pip install "hearten[{EXTRA}]", or use another voice: '
            "--tts MODEL --tts-base-url URL",
        )


def check_speaks(language: str) -> None:
    """Raise ConfigError if it does not speak a language."""
    if language.split("-")[0] != _LANGUAGE:
        raise ConfigError(
            f"the built-in voice speaks only English, but the corpus is in {language}",
            do="use another voice with --tts MODEL --tts-base-url URL",
        )


def engine_name() -> str:
    """Return the engine's name with everything, besides the text, that its bytes depend on."""
    fast = " scipy" if util.find_spec("scipy") else ""  # another Fourier transform, other bytes
    return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}{fast}"


def model_file(voice: str) -> str:
    """Return the model file of a voice; it and the pronunciation files are the tested ones.

    Raises:
        ConfigError: there is no such voice, it must be downloaded first, or a file is not the
            tested one.
    """
    checked("hibari/assets", EXTRA)
    from hibari.voices import VOICES, voice_path

    if voice not in VOICES:
        raise ConfigError(
            f"hibari has no voice {voice!r}",
            **suggested(voice, VOICES, "pass one of them to --tts-voice"),
        )
    fetch = f'hibari "Hello." --voice {voice} -o hello.wav'
    try:
        path = voice_path(voice, download_missing=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"hibari's voice {voice} is not on this machine",
            where=error.args[0],
            do=f"download it once with: {fetch}",
        ) from error
    # The package's list of voices, which was compared above, says what a fetched one must be.
    known = {VOICES[voice]["sha256"]: f"the voice {voice}"}
    check_digest(Path(path), known, f"hibari's voice {voice}", f"delete it, then: {fetch}")
    return str(path)


class Speaker:
    """One voice of hibari, loaded; threads may share it. ConfigError where it is not here."""

    def __init__(self, voice: str) -> None:
        model = model_file(voice)
        from hibari import Hibari  # imported here, so that only builds with speech wait for it

        self._speaker: Hibari = Hibari(voice, model=model)
        _ = self._speaker.g2p  # loaded now, and not by several threads at once

    def say(self, line: SpokenLine) -> bytes | Unspoken:
        """Return a line as 16 kHz mono FLAC."""
        resampler = Resampler(self._speaker.sample_rate, _LONGEST, "speech")
        resampler.add(np.asarray(self._speaker(line.text, seed=line.number), np.float32))
        try:
            return as_flac(resampler.pcm(), synthetic=True)
        except ClipError:
            return Unspoken("nothing_to_say", "the text has no words that the voice can speak")


class Embedded:
    """Speaks in its own threads; see `Engine`.

    Args:
        voice: one of hibari's voices, or None for the included one.
        workers: how many lines at once.
    """

    def __init__(self, voice: str | None, workers: int) -> None:
        self.name = engine_name()
        self.voice = voice or VOICE
        self.at_once = 2 * workers
        self._pool = ThreadPoolExecutor(workers, "speech")
        self._stopped: HeartenError | None = None
        self._speaker: Speaker | None = None

    @property
    def styled(self) -> bool:
        """Return False: it does not support styles."""
        return False

    async def say(self, line: SpokenLine, keep: Keep) -> SpeechAudio | Unspoken | Pending:
        """See `Engine`."""
        if self._stopped:
            raise self._stopped
        self._speaker = self._speaker or Speaker(self.voice)
        loop = asyncio.get_running_loop()
        flac = await loop.run_in_executor(self._pool, self._speaker.say, line)
        said = SpeechAudio(flac, None) if isinstance(flac, bytes) else flac
        await keep(said)
        return said

    def stop(self, error: HeartenError) -> None:
        """See `Engine`."""
        self._stopped = self._stopped or error

    async def close(self) -> None:
        """See `Engine`."""
        self._pool.shutdown(cancel_futures=True)
