"""A voice that reads invented sentences aloud, for tests that need words in a clip."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr
from audio.voices import RATE, as_pcm
from numpy.typing import NDArray

_READS_AT = 24_000


@cache
def _reader():
    from hibari import Hibari

    return Hibari()


@cache
def read_aloud(text: str) -> NDArray[np.int16]:
    """Return a sentence read aloud, as 16-bit PCM at 16 kHz; the same samples every time."""
    sound = np.asarray(_reader()(text, seed=0), np.float32).ravel()
    return as_pcm(soxr.resample(sound, _READS_AT, RATE))
