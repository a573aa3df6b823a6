"""Voices made for tests: sounds whose pitch, pauses and loudness are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16_000


def spoken(
    hertz: float,
    seconds: float = 1.5,
    *,
    sway: float = 0.0,
    level: float = 0.2,
    syllables: float = 4.0,
    seed: int = 0,
) -> NDArray[np.int16]:
    """Return a voice that sways by so many semitones around a pitch, as 16-bit PCM at 16 kHz."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = hertz * 2 ** (sway / 12 * np.sin(2 * np.pi * 0.9 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    tones = sum(np.sin(phase * n) / n for n in range(1, 9))
    beat = 0.6 + 0.4 * np.sin(2 * np.pi * syllables * time)
    noise = np.random.default_rng(seed).normal(0, 0.0005, len(time))
    return as_pcm(level * tones * beat + noise)


def pause(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Return the faint noise of a room."""
    return as_pcm(np.random.default_rng(seed).normal(0, 0.0005, round(seconds * RATE)))


def as_pcm(sound: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)
