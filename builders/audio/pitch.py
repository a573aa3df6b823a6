"""Pitch: the fundamental frequency of a voice, by autocorrelation and the cheapest path.

After Boersma, P. (1993), "Accurate short-term analysis of the fundamental frequency", IFA
Proceedings 17: the autocorrelation of a windowed frame divided by that of the window; of its peaks
and "unvoiced" in every frame the path is taken that jumps least.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HOP = 0.01
FLOOR, CEILING = 65.0, 500.0

# Half of 16 kHz is enough to find a peak below 600 Hz, and half the work.
_RATE = 8_000
_STEP = round(HOP * _RATE)
_WINDOW = round(3 / FLOOR * _RATE) // 2 * 2
_SIZE = 1024
# The autocorrelation is looked at between the samples too, or peaks of high voices seem lower.
_FINER = 2
_LAGS = _FINER * _RATE
_LEAST, _MOST = int(_LAGS / CEILING), int(np.ceil(_LAGS / FLOOR))
_BLOCK = 512
_CANDIDATES = 5

# Boersma's costs. Those of jumps are for a step of 10 ms.
_SILENT, _VOICED = 0.05, 0.5
_OCTAVE, _JUMP, _SWITCH = 0.01, 0.7, 0.3


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch of a sound every `HOP` seconds, the first frame at its beginning.

    `hertz` is 0 where there is no voice, `strength` the normalised autocorrelation (0 to 1) there.
    """

    hertz: Floats
    strength: Floats

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Return which frames are voiced."""
        return self.hertz > 0


def track(samples: Floats, rate: int) -> Pitch:
    """Return the pitch of mono samples between 65 and 500 Hz."""
    sound = soxr.resample(samples, rate, _RATE, quality="LQ") if rate != _RATE else samples
    loudest = float(np.abs(sound).max(initial=0.0))
    count = 1 + len(sound) // _STEP
    if not loudest:
        return Pitch(np.zeros(count, np.float32), np.zeros(count, np.float32))
    hertz, strength = _candidates(np.asarray(sound, np.float32), loudest, count)
    path = _cheapest(hertz, strength)
    rows = np.arange(count)
    chosen = hertz[rows, path]
    return Pitch(chosen, np.where(chosen > 0, strength[rows, path], 0).astype(np.float32))


def semitones(hertz: Floats, reference: float) -> Floats:
    """Return how many semitones frequencies lie above a reference in Hz."""
    above: Floats = (12 * np.log2(hertz / reference)).astype(np.float32)
    return above


@cache
def _window() -> tuple[Floats, Floats]:
    """Return the window and its autocorrelation at the lags looked at."""
    window = np.hanning(_WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(window, _SIZE)) ** 2
    own = np.fft.irfft(power, _FINER * _SIZE)[: _MOST + 2]
    return window, (own / own[0]).astype(np.float32)


def _candidates(sound: Floats, loudest: float, count: int) -> tuple[Floats, Floats]:
    """Return frequency and strength of each candidate of each frame, the first being unvoiced."""
    half = _WINDOW // 2
    padded = np.concatenate([np.zeros(half, np.float32), sound, np.zeros(_WINDOW, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP][:count]
    hertz = np.zeros((count, _CANDIDATES + 1), np.float32)
    strength = np.zeros_like(hertz)
    for at in range(0, count, _BLOCK):
        block = slice(at, at + _BLOCK)
        hertz[block, 1:], strength[block, 1:], peaks = _peaks(frames[block])
        silence = 2 - (peaks / loudest) / (_SILENT / (1 + _VOICED))
        strength[block, 0] = _VOICED + np.maximum(0, silence)
    return hertz, strength


def _peaks(frames: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the strongest peaks of each frame's autocorrelation, and its loudest sample."""
    window, own = _window()
    centred = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred * window, _SIZE)
    power = spectrum.real**2 + spectrum.imag**2
    found = np.fft.irfft(power, _FINER * _SIZE)[:, : _MOST + 2]
    found /= np.maximum(found[:, :1], 1e-20) * own
    left, here, right = found[:, _LEAST - 1 : -2], found[:, _LEAST:-1], found[:, _LEAST + 1 :]
    is_peak = (here > left) & (here >= right) & (here > _VOICED / 2)
    # A higher octave is preferred a little, as a peak repeats at every multiple of its lag.
    lags = np.arange(_LEAST, _MOST + 1, dtype=np.float32)
    ranked = np.where(is_peak, here - _OCTAVE * np.log2(FLOOR / _LAGS * lags), -1)
    best = np.argpartition(ranked, -_CANDIDATES, axis=1)[:, -_CANDIDATES:]
    low, mid, high = (np.take_along_axis(part, best, axis=1) for part in (left, here, right))
    bend = low - 2 * mid + high
    shift = np.where(bend < 0, 0.5 * (low - high) / np.minimum(bend, -1e-9), 0)
    score = np.take_along_axis(ranked, best, axis=1)
    real = score > -1
    hertz = np.where(real, _LAGS / (lags[best] + shift), 0)
    top = score + np.where(real, -0.25 * (low - high) * shift, 0)
    return hertz, np.where(real, np.minimum(top, 1), -1), np.abs(centred).max(axis=1)


def _cheapest(hertz: Floats, strength: Floats) -> NDArray[np.intp]:
    """Return the candidate of each frame on the path with the greatest sum of strengths."""
    count, width = hertz.shape
    octaves = np.log2(np.where(hertz > 0, hertz, 1))
    voiced = hertz > 0
    jumps = _JUMP * np.abs(octaves[1:, :, None] - octaves[:-1, None, :])
    both = voiced[1:, :, None] & voiced[:-1, None, :]
    switch = voiced[1:, :, None] ^ voiced[:-1, None, :]
    costs = np.where(both, jumps, np.where(switch, _SWITCH, 0)).astype(np.float32)
    came = np.zeros((count, width), np.intp)
    score = strength[0]
    rows = np.arange(width)
    for at in range(1, count):
        reached = score - costs[at - 1]
        came[at] = reached.argmax(axis=1)
        score = reached[rows, came[at]] + strength[at]
    path = np.zeros(count, np.intp)
    path[-1] = score.argmax()
    for at in range(count - 1, 0, -1):
        path[at - 1] = came[at, path[at]]
    return path
