"""Audio for the page: clips from the build's files, with their peaks and pitch.

Peaks and pitch are computed here because a browser would have to decode a whole clip before it
could draw it. A clip is served as WAV, in the ranges a media element requests: with FLAC, as
stored, Chromium cannot seek to most positions of a short clip ("demuxer seek failed").
"""

from __future__ import annotations

import io
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import soundfile
from fastapi import HTTPException

from builders.audio.mel import mel_picture
from builders.errors import ConfigError

PEAKS = 800
_PITCHES = 400
_FRAME_SECONDS = 0.04
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
# Below these a frame has no pitch: its correlation one period later, and its loudness.
_LEAST_ALIKE, _LEAST_LOUD = 0.55, 0.01
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)$")
# No clip size has this many digits, and int() reads at most 4,300.
_DIGITS = 18
_T = TypeVar("_T")


class ClipRange(NamedTuple):
    """The part of a clip that answers a request: status, the bytes, the headers about them."""

    status: int
    content: bytes
    headers: dict[str, str]


class Cache:
    """A cache of recent results, up to a number of bytes; `make` runs once per name."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], _T], size: Callable[[_T], int]) -> _T:
        """Return the cached value of a name, or make and cache it."""
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                held: _T = self._held[name][0]
                return held
        made = make()
        with self._lock:
            if name not in self._held:
                self._held[name] = made, size(made)
                self._size += size(made)
            while self._size > self._most and len(self._held) > 1:
                self._size -= self._held.popitem(last=False)[1][1]
        return made


class MelPictures:
    """The mel spectrograms of clips as SVG, each drawn once while it is held."""

    def __init__(self, most_bytes: int = 32 * 2**20) -> None:
        self._held = Cache(most_bytes)

    def of(self, name: str, clip: Callable[[], bytes]) -> bytes:
        """Return the picture of the clip with a name; raises HTTPException 404 without librosa."""
        try:
            return self._held.get(f"mel {name}", lambda: mel_picture(clip()), len)
        except ConfigError as error:
            raise HTTPException(404, f"no mel spectrogram: {error}") from error


def as_wav(flac: bytes) -> bytes:
    """Return a FLAC clip as WAV with 16-bit samples, without loss."""
    pcm, rate = soundfile.read(io.BytesIO(flac), dtype="int16")
    wav = io.BytesIO()
    soundfile.write(wav, pcm, rate, format="WAV", subtype="PCM_16")
    return wav.getvalue()


def ranged(clip: bytes, wanted: str | None) -> ClipRange:
    """Return the part of a clip for a Range header: all of it, a range, or an error status.

    Several ranges at once are answered with the whole, as RFC 9110 allows.
    """
    headers = {"Accept-Ranges": "bytes"}
    asked = _RANGE.match(wanted.strip()) if wanted else None
    if asked is None or asked.groups() == ("", ""):
        return ClipRange(200, clip, headers)
    first, last = asked.groups()
    if first:
        start, end = _place(first), min(_place(last) if last else len(clip), len(clip) - 1)
    else:
        start, end = max(0, len(clip) - _place(last)), len(clip) - 1
    if start > end:
        return ClipRange(416, b"", headers | {"Content-Range": f"bytes */{len(clip)}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{len(clip)}"
    return ClipRange(206, clip[start : end + 1], headers)


def _place(digits: str) -> int:
    """Return a position in a clip; positions far beyond the end are capped."""
    return int(digits.lstrip("0")[:_DIGITS] or "0")


def drawing(clip: bytes) -> dict[str, object]:
    """Return the data for a page's drawing of a clip.

    Returns:
        ``duration`` in seconds; ``peaks``, at most `PEAKS` pairs of minimum and maximum in
        -1…1; ``pitch``, Hz at equal steps over the whole clip, None where there is none.
    """
    samples, rate = soundfile.read(io.BytesIO(clip), dtype="float32")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    return {
        "duration": len(mono) / rate,
        "peaks": _peaks(mono),
        "pitch": _pitch(mono, rate),
    }


def _peaks(samples: np.ndarray) -> list[list[float]]:
    if not len(samples):
        return []
    starts = np.linspace(0, len(samples), min(PEAKS, len(samples)), endpoint=False).astype(int)
    lowest = np.minimum.reduceat(samples, starts)
    highest = np.maximum.reduceat(samples, starts)
    pairs: list[list[float]] = np.stack([lowest, highest], 1).round(3).tolist()
    return pairs


def _pitch(samples: np.ndarray, rate: int) -> list[float | None]:
    """Return the pitch over a clip, by the highest normalised autocorrelation of each frame."""
    size = int(_FRAME_SECONDS * rate)
    if len(samples) < size:
        return []
    count = min(_PITCHES, max(1, (len(samples) - size) // (size // 4)))
    starts = np.linspace(0, len(samples) - size, count).astype(int)
    frames = samples[starts[:, None] + np.arange(size)]
    loud = np.sqrt((frames**2).mean(axis=1))
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, 2 * size, axis=1)
    alike = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :size]
    # Longer lags have fewer overlapping samples, so normalise by their number.
    alike = alike / np.maximum(alike[:, :1], 1e-9) / (1 - np.arange(size) / size)
    shortest, longest = int(rate / _HIGHEST_HZ), min(int(rate / _LOWEST_HZ), size - 1)
    window = alike[:, shortest:longest]
    best = window.max(axis=1, initial=0)
    # The first peak that is nearly as good as the best one: a multiple of the period is one too.
    rising = np.diff(alike[:, shortest - 1 : longest + 1], axis=1) > 0
    peak = rising[:, :-1] & ~rising[:, 1:] & (window >= 0.9 * best[:, None])
    lag = np.where(peak.any(axis=1), peak.argmax(axis=1), window.argmax(axis=1)) + shortest
    voiced = (best > _LEAST_ALIKE) & (loud > _LEAST_LOUD)
    return [round(rate / int(at), 1) if on else None for at, on in zip(lag, voiced, strict=True)]
