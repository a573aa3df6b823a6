"""Measuring the voice in one clip, without knowing whose it is.

Comparison is up to `speaker_baseline.py`. Values with too little data
are None, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from builders.audio.phonation import evenness
from builders.audio.pitch import HOP, Floats, Pitch, track
from builders.audio.resampling import RATE

# Incremented when measurements change: cached values are then measured again.
VERSION = "2"

# Seconds of voiced speech below which a voice is not described.
ENOUGH_VOICE = 0.5
# Seconds of silence between words that are a pause.
PAUSE = 0.25

_STEP = round(HOP * RATE)
# Below the level of loud syllables by so much nothing is spoken (dB); nor near the noise.
_QUIET, _ABOVE_NOISE, _NOISY = 25.0, 6.0, 15.0
# A consonant or a breath lies within so many seconds of voice.
_NEAR_VOICE = 0.3
_SPECTRUM, _FLOOR_DB = 512, 70.0
_LOW, _HIGH = (60.0, 1000.0), (1000.0, 4000.0)
_TOP_DB = 100.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one clip.

    Attributes:
        voiced: seconds with a pitch.
        speech: seconds of speech, pauses left out.
        share: of the clip that is speech, 0 to 1.
        pitch: median, in semitones above 1 Hz.
        movement: standard deviation of the pitch, in semitones.
        span: from the 5th to the 95th percentile of the pitch, in semitones.
        level: of the speech, in dB of full scale.
        peak: of the clip, in dB of full scale.
        pauses: how many lie between words.
        paused: seconds of them.
        longest: of them, in seconds.
        harmonics: energy of the harmonics to that of the noise in voiced frames, in dB.
        tilt: energy below 1 kHz to that from 1 to 4 kHz, in dB.
        bandwidth: the highest frequency with sound in it, in Hz.
        jitter: from one period of the voice to the next, in per cent of a period.
        shimmer: from one period of the voice to the next, in dB.
    """

    voiced: float
    speech: float
    share: float
    pitch: float | None
    movement: float | None
    span: float | None
    level: float | None
    peak: float | None
    pauses: float | None
    paused: float | None
    longest: float | None
    harmonics: float | None
    tilt: float | None
    bandwidth: float | None
    jitter: float | None = None
    shimmer: float | None = None

    @property
    def enough(self) -> bool:
        """Return whether there is enough voiced speech to describe the voice."""
        return self.voiced >= ENOUGH_VOICE

    def as_dict(self) -> dict[str, float | None]:
        """Return it by name, as `Measured(**…)` takes it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def measure(pcm: NDArray[np.int16]) -> Measured:
    """Return the measurements of 16-bit mono PCM at 16 kHz; rounded, so that sums are exact."""
    sound = pcm.astype(np.float32) / np.float32(32768)
    pitch = track(sound, RATE)
    energy = _energy(sound, len(pitch.hertz))
    speaking = _speaking(energy, pitch)
    pauses, inside = _pauses(speaking)
    speech = (inside.sum() - sum(pauses)) * HOP
    voiced = float(pitch.voiced.sum() * HOP)
    peak = float(np.abs(sound).max(initial=0.0))
    found: dict[str, float | None] = {
        "voiced": voiced,
        "speech": speech,
        "share": min(1.0, speech * RATE / max(1, len(pcm))),
        "peak": _decibels(peak**2),
        **_of_pitch(pitch),
    }
    if uneven := evenness(sound, pitch):
        found |= {"jitter": uneven.jitter, "shimmer": uneven.shimmer}
    if speech:
        found |= {
            "level": _decibels(float(energy[speaking].mean())),
            "pauses": len(pauses),
            "paused": sum(pauses) * HOP,
            "longest": max(pauses, default=0) * HOP,
            **_of_spectrum(sound, speaking),
        }
    names = [field.name for field in fields(Measured)]
    known = {name: found.get(name) for name in names}
    return Measured(**{n: None if v is None else round(float(v), 4) for n, v in known.items()})  # type: ignore[arg-type]


def _of_pitch(pitch: Pitch) -> dict[str, float]:
    voiced = pitch.voiced
    if not voiced.any():
        return {}
    height = 12 * np.log2(pitch.hertz[voiced])
    low, middle, high = np.percentile(height, [5, 50, 95])
    strength = np.clip(pitch.strength[voiced], 0.001, 0.9999)
    return {
        "pitch": float(middle),
        "movement": float(height.std()),
        "span": float(high - low),
        "harmonics": float((10 * np.log10(strength / (1 - strength))).mean()),
    }


def _energy(sound: Floats, count: int) -> Floats:
    """Return the mean square around each frame's middle, over 30 ms."""
    padded = np.zeros((count + 2) * _STEP, np.float32)
    padded[_STEP + _STEP // 2 :][: len(sound)] = sound[: len(padded) - _STEP - _STEP // 2]
    power = np.square(padded).reshape(-1, _STEP).mean(axis=1)
    smooth: Floats = (power[:-2] + power[1:-1] + power[2:]) / 3
    return smooth


def _speaking(energy: Floats, pitch: Pitch) -> NDArray[np.bool_]:
    """Return which frames are speech: loud enough, and near a voice."""
    level = 10 * np.log10(np.maximum(energy, 1e-12))
    noise, loud = np.percentile(level, [10, 95])
    least = loud - _QUIET
    if noise + _ABOVE_NOISE < loud - _NOISY:
        least = max(least, noise + _ABOVE_NOISE)
    reach = round(_NEAR_VOICE / HOP)
    near = np.convolve(pitch.voiced, np.ones(2 * reach + 1), "same") > 0.5
    if len(near) > len(level):  # of a clip shorter than the reach
        near = np.full(len(level), bool(pitch.voiced.any()))
    speaking: NDArray[np.bool_] = (level > least) & near
    return speaking


def _pauses(speaking: NDArray[np.bool_]) -> tuple[list[int], NDArray[np.bool_]]:
    """Return the pauses in frames, and which frames lie between the first word and the last."""
    inside = np.zeros_like(speaking)
    found = np.flatnonzero(speaking)
    if not len(found):
        return [], inside
    inside[found[0] : found[-1] + 1] = True
    gaps = np.diff(found) - 1
    return [int(gap) for gap in gaps if gap * HOP >= PAUSE], inside


def _of_spectrum(sound: Floats, speaking: NDArray[np.bool_]) -> dict[str, float]:
    """Return bandwidth and tilt of the mean spectrum of the speech."""
    if len(sound) < _SPECTRUM:
        return {}
    frames = np.lib.stride_tricks.sliding_window_view(sound, _SPECTRUM)[:: _SPECTRUM // 2]
    at = np.minimum(np.arange(len(frames)) * (_SPECTRUM // 2) // _STEP + 1, len(speaking) - 1)
    spoken = frames[speaking[at]]
    if not len(spoken):
        return {}
    spectrum = np.fft.rfft(spoken * np.hanning(_SPECTRUM).astype(np.float32))
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)
    hertz = np.arange(len(power)) * RATE / _SPECTRUM
    heard = np.flatnonzero(power > power.max() * 10 ** (-_FLOOR_DB / 10))
    low, high = (power[(hertz >= a) & (hertz < b)].sum() for a, b in (_LOW, _HIGH))
    tilt = float(10 * np.log10(max(low, 1e-12) / max(high, 1e-12)))
    return {"bandwidth": float(hertz[heard[-1]]) if len(heard) else 0.0, "tilt": tilt}


def _decibels(power: float) -> float | None:
    return max(-_TOP_DB, float(10 * np.log10(power))) if power > 0 else None
