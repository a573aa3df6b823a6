"""Two sounds after each other, like a voice that repeats one syllable, of known pitch and pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from builders.audio.resampling import RATE

_SECONDS, _PAUSE = 1.6, 0.5
# Resonances of an open vowel, in Hz: where they lie and how wide they are.
_RESONANCES = ((700.0, 130.0), (1220.0, 170.0), (2600.0, 250.0))
_HIGHEST = 4000.0
_LOUD = 9000.0
_STEPS = 4096


def one_after_the_other(
    first: tuple[float, float], second: tuple[float, float]
) -> NDArray[np.int16]:
    """Return 3.7 s at 16 kHz: the first sound, a pause of half a second, the second one.

    Args:
        first: its pitch in Hz and its pace in syllables a second.
        second: likewise.
    """
    pause = np.zeros(int(_PAUSE * RATE))
    wave = np.concatenate([_sound(first), pause, _sound(second)])
    return wave.round().astype(np.int16)


def _sound(like: tuple[float, float]) -> NDArray[np.float64]:
    """Return the samples of one sound: overtones under an envelope of one hump a syllable."""
    pitch, pace = like
    time = np.arange(int(_SECONDS * RATE)) / RATE
    wave = _period(pitch)[(pitch * time * _STEPS).astype(np.int64) % _STEPS]
    humps = 0.5 - 0.5 * np.cos(2 * np.pi * pace * time)
    wave = wave * humps
    return np.asarray(_LOUD * wave / np.abs(wave).max())


def _period(pitch: float) -> NDArray[np.float64]:
    """Return one period of a sound, in `_STEPS` samples: a small table is fast to repeat."""
    number = np.arange(1, int(_HIGHEST / pitch) + 1)
    strengths = _strengths((number * pitch).astype(np.float64)) / number
    phase = 2 * np.pi * np.arange(_STEPS) / _STEPS
    return np.asarray(strengths @ np.sin(np.outer(number, phase)))


def _strengths(frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how strongly the resonances let each frequency through."""
    peaks = [1 / (1 + ((frequencies - at) / wide) ** 2) for at, wide in _RESONANCES]
    return np.asarray(0.1 + sum(peaks))
