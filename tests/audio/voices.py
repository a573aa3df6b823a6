"""Voices made for tests: sounds whose pitch, pauses and loudness are known."""

from __future__ import annotations

import numpy as np
import soxr
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


def pulsed(
    hertz: float, jitter: float, shimmer: float, seconds: float = 2.0, seed: int = 0
) -> tuple[NDArray[np.int16], float, float]:
    """Return a voice of single pulses, and its own jitter (per cent) and shimmer (dB).

    From one pulse to the next time and loudness differ at random, by so much in the mean. It is
    made at 16 times the rate, as a period seldom is a whole number of samples.
    """
    rng, rate = np.random.default_rng(seed), 16 * RATE
    mean = np.sqrt(np.pi) / 2  # of the difference of two normal numbers, for a deviation of 1
    steps = rng.normal(0, 1, (2, round(seconds * hertz)))
    periods = rate / hertz * (1 + steps[0] * jitter / 100 * mean)
    levels = steps[1] * shimmer * mean
    time = np.arange(round(0.008 * rate)) / rate
    tract = sum(
        np.exp(-np.pi * width * time) * np.sin(2 * np.pi * at * time)
        for at, width in ((600.0, 150.0), (1200.0, 200.0), (2500.0, 250.0))
    )
    starts = np.cumsum(periods).astype(int)
    sound = np.zeros(starts[-1] + 4 * len(tract))
    for start, level in zip(starts, levels, strict=True):
        sound[start : start + len(tract)] += 10 ** (level / 20) * tract
    voice = soxr.resample(0.3 * sound / np.abs(sound).max(), rate, RATE)
    own = 100 * np.abs(np.diff(periods)).mean() / periods.mean()
    return as_pcm(voice + rng.normal(0, 1e-4, len(voice))), own, np.abs(np.diff(levels)).mean()


def pause(seconds: float, seed: int = 1) -> NDArray[np.int16]:
    """Return the faint noise of a room."""
    return as_pcm(np.random.default_rng(seed).normal(0, 0.0005, round(seconds * RATE)))


def as_pcm(sound: NDArray[np.float64]) -> NDArray[np.int16]:
    return np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)
