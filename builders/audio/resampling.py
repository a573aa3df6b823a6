"""From the samples of a source, block by block, to 16-bit PCM at 16 kHz, in bounded memory."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from builders.audio.clips import ClipError

RATE = 16_000
# Plausible sample rates; anything else is damage.
RATES = (1_000, 768_000)

# A sample this close to full scale after two others like it was clipped.
_FULL_SCALE, _RUN = 0.9999, 3

Samples = NDArray[np.float32]


class Resampler:
    """Collects mono samples at the source's rate and resamples them to 16 kHz.

    Args:
        rate: of the source, in Hz.
        longest: the maximum length in seconds.
        name: of the file, for messages.

    Attributes:
        count: samples taken in, at the source's rate.
        peak: the largest of them, as an absolute value.
        clipped: how many of them lie in runs at full scale.
    """

    def __init__(self, rate: int, longest: float, name: str) -> None:
        if not RATES[0] <= rate <= RATES[1]:
            raise ClipError("clip_unreadable", f"{name} has an invalid sample rate: {rate} Hz")
        self.count = 0
        self.peak = 0.0
        self.clipped = 0
        self._rate, self._longest, self._name = rate, longest, name
        self._stream = soxr.ResampleStream(rate, RATE, 1, "float32", "HQ") if rate != RATE else None
        self._waiting: list[Samples] = []
        self._size = 0
        self._done: list[NDArray[np.int16]] = []

    @property
    def seconds(self) -> float:
        """Return the length so far."""
        return self.count / self._rate

    def add(self, mono: Samples) -> None:
        """Add a block; raises ClipError if it contains non-numbers or the limit is exceeded."""
        self.count += len(mono)
        if self.seconds > self._longest:
            raise ClipError("clip_too_long", f"{self._name} is longer than {self._longest} s")
        self._waiting.append(mono)
        self._size += len(mono)
        if self._size >= self._rate:
            self._take(last=False)

    def pcm(self) -> NDArray[np.int16]:
        """Return all of it as 16-bit PCM at 16 kHz."""
        self._take(last=True)
        pcm = np.concatenate(self._done)
        if not len(pcm):
            raise ClipError("clip_empty", f"{self._name} contains no audio samples")
        return pcm

    def _take(self, last: bool) -> None:
        block = np.concatenate([*self._waiting, np.empty(0, np.float32)])
        self._waiting, self._size = [], 0
        if not np.isfinite(block).all():
            detail = f"{self._name} contains samples that are not numbers"
            raise ClipError("clip_unreadable", detail)
        loud = np.abs(block)
        self.peak = max(self.peak, float(loud.max(initial=0.0)))
        if self.peak >= _FULL_SCALE:
            self.clipped += _in_runs(loud >= _FULL_SCALE)
        if self._stream:
            # A sample of 1e38 would become infinite in the filter.
            block = self._stream.resample_chunk(np.clip(block, -4, 4), last)
        # Lossy codecs overshoot full scale; wrapping around would be a click.
        pcm = np.clip(np.rint(block * 32768), -32768, 32767).astype(np.int16)
        self._done.append(pcm)


def _in_runs(full: NDArray[np.bool_]) -> int:
    """Return how many samples lie in runs of full scale."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], full, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= _RUN].sum())
