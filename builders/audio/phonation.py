"""Phonation: how even the vibration of the voice is from one period to the next.

Neighbouring periods are laid over one another where they fit best, after Titze & Liang (1993),
"Comparison of F0 extraction methods for high-precision voice perturbation measurements", JSHR 36.
In running speech melody adds to it, so that it tells little but beside other clips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builders.audio.pitch import HOP, Floats, Pitch
from builders.audio.resampling import RATE

# Frames that are looked at: every third, and no more of a long clip.
_EVERY, _AT_MOST = 3, 150
# Fewer pairs of periods say nothing.
_PAIRS = 10
# How much longer or shorter than the tracked period one may be, and how alike two must be.
_STRETCH, _ALIKE = 0.2, 0.7
# A jump in loudness (dB) from one period to the next that is an onset, not a voice.
_ONSET_DB = 4.0
# A period of 65 Hz, and the next one a fifth longer, fit into so many samples.
_SIZE = 640
# A pulse rises within this share of a period.
_BEFORE = 0.15


@dataclass(frozen=True, slots=True)
class Evenness:
    """How uneven a voice is: `jitter` in time, per cent of a period; `shimmer` in loudness, dB.

    Both are means of the difference between neighbouring periods.
    """

    jitter: float
    shimmer: float


def evenness(sound: Floats, pitch: Pitch) -> Evenness | None:
    """Return how uneven the voice in mono samples at 16 kHz is; None where there is too little."""
    frames = np.flatnonzero(pitch.voiced)[::_EVERY]
    frames = frames[:: 1 + len(frames) // _AT_MOST]
    period = RATE / pitch.hertz[frames]
    start = np.rint(frames * HOP * RATE - period).astype(np.intp)
    inside = (start >= 0) & (start + 3 * _SIZE <= len(sound))
    start, period = start[inside], period[inside]
    if len(start) < _PAIRS:
        return None
    start = _at_pulses(sound, start, period)
    first, louder, alike = _next_period(sound, start, period)
    after = start + np.rint(first).astype(np.intp)
    second, still_louder, still_alike = _next_period(sound, after, period)
    steps = np.abs(np.stack([louder, still_louder]))
    even = (np.minimum(alike, still_alike) >= _ALIKE) & (steps.max(axis=0) <= _ONSET_DB)
    if even.sum() < _PAIRS:
        return None
    first, second = first[even], second[even]
    jitter = 100 * np.abs(second - first).mean() / ((first + second) / 2).mean()
    return Evenness(float(jitter), float(steps[:, even].mean()))


def _at_pulses(
    sound: Floats, start: NDArray[np.intp], period: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return where the pulse in the period after each start begins, or a little before."""
    at = np.arange(_SIZE)
    loud = np.where(at < period[:, None], np.abs(sound[start[:, None] + at]), 0)
    before = np.rint(_BEFORE * period).astype(np.intp)
    found: NDArray[np.intp] = start + loud.argmax(axis=1) - before
    return np.maximum(found, 0)


def _next_period(
    sound: Floats, start: NDArray[np.intp], period: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return samples to the next period from each start, how much louder it is, how alike."""
    at = np.arange(_SIZE)
    piece = sound[start[:, None] + at]
    piece = piece - piece.mean(axis=1, keepdims=True)
    width = np.rint(period).astype(np.intp)[:, None]
    own = np.where(at < width, piece, 0)
    fit = np.fft.irfft(np.fft.rfft(own).conj() * np.fft.rfft(piece), _SIZE)
    energy = np.cumsum(piece.astype(np.float64) ** 2, axis=1)
    ends = np.minimum(at + width, _SIZE - 1)
    theirs = np.maximum(np.take_along_axis(energy, ends, 1) - energy, 1e-12)
    ours = np.maximum((own.astype(np.float64) ** 2).sum(axis=1, keepdims=True), 1e-12)
    alike = fit / np.sqrt(ours * theirs)
    near = np.abs(at - period[:, None]) <= _STRETCH * period[:, None]
    best = np.where(near, alike, -1).argmax(axis=1)[:, None]
    low, top, high = (np.take_along_axis(alike, best + n, 1)[:, 0] for n in (-1, 0, 1))
    bend = np.minimum(low - 2 * top + high, -1e-12)
    louder = 10 * np.log10(np.take_along_axis(theirs, best, 1) / ours)[:, 0]
    shift = np.clip(0.5 * (low - high) / bend, -0.5, 0.5)
    return best[:, 0] + shift, louder, top
