"""The sound by which a server shows that clips reach its model: three beeps a second."""

from __future__ import annotations

from functools import cache

import numpy as np

from builders.audio.decode import as_flac, pcm_digest
from builders.audio.resampling import RATE
from builders.llm.request import AudioInput


@cache
def beeps(seconds: float = 1.0) -> AudioInput:
    """Return a clip of so many seconds."""
    time = np.arange(int(RATE * seconds)) / RATE
    wave = np.sin(2 * np.pi * 880 * time) * (time % (1 / 3) < 1 / 6)
    pcm = (wave * 8000).astype(np.int16)
    return AudioInput(as_flac(pcm), pcm_digest(pcm), seconds)
