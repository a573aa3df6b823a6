"""A second opinion on pitch: how often ours lies an octave from that of librosa's pYIN.

After Mauch, M. & Dixon, S. (2014), "pYIN: a fundamental frequency estimator using probabilistic
threshold distributions", ICASSP. Neither is the truth: where they are an octave apart, one of them
is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builders.audio.features import VERSION
from builders.audio.pitch import CEILING, FLOOR, HOP, track
from builders.audio.resampling import RATE
from builders.audio.with_librosa import librosa_version, say_first_compile

# Clips of a corpus that are compared, chosen by the hash of their ids: about so many.
COMPARED = 200
# Only the beginning of a longer clip is: pYIN keeps hundreds of numbers for each frame.
_SECONDS = 30
# Two periods of the lowest voice are 31 ms; a power of two that holds them.
_FRAME = 1024
# More than this is nearer to another octave than to the same.
HALF_OCTAVE = 6.0


class PitchOpinion:
    """Compares our pitch with pYIN's; threads may share it.

    Raises:
        ConfigError: the extra is not installed.
    """

    def __init__(self) -> None:
        say_first_compile()
        import librosa

        self._pyin = librosa.pyin  # which compiles it before threads ask for it

    @staticmethod
    def version() -> str:
        """Return what changes the comparison; raises ConfigError as the constructor."""
        return f"pitch 1 {VERSION} {librosa_version()}"

    def compare(self, pcm: NDArray[np.int16]) -> dict[str, float | int | None]:
        """Compare the pitch of 16-bit mono PCM at 16 kHz, of at most its first 30 s.

        Returns:
            `frames` that both call voiced, how many of them are an `octave` or more apart, and
            `semitones`, the median of ours above pYIN's over these frames, None without any.
        """
        sound = pcm[: _SECONDS * RATE].astype(np.float32) / np.float32(32768)
        sound = np.pad(sound, (0, max(0, _FRAME - len(sound))))
        theirs, voiced, _ = self._pyin(
            sound,
            fmin=FLOOR,
            fmax=CEILING,
            sr=RATE,
            frame_length=_FRAME,
            hop_length=round(HOP * RATE),
        )
        ours = track(sound, RATE)
        size = min(len(theirs), len(ours.hertz))
        both = ours.voiced[:size] & voiced[:size]
        apart = 12 * np.log2(ours.hertz[:size][both] / theirs[:size][both])
        return {
            "frames": int(both.sum()),
            "octave": int((np.abs(apart) > HALF_OCTAVE).sum()),
            "semitones": round(float(np.median(apart)), 3) if both.any() else None,
        }


@dataclass(slots=True)
class PitchTally:
    """What the comparison found in a corpus: clips and frames, and how many are an octave off.

    `clips` are those with frames that both call voiced, `clips_off` those of which the median
    frame is off.
    """

    clips: int = 0
    clips_off: int = 0
    frames: int = 0
    frames_off: int = 0

    def add(self, compared: Mapping[str, float | int | None]) -> None:
        """Count the comparison of a clip."""
        if is_off(compared) is None:
            return
        self.clips += 1
        self.clips_off += bool(is_off(compared))
        self.frames += int(compared["frames"] or 0)
        self.frames_off += int(compared["octave"] or 0)


def is_off(compared: Mapping[str, float | int | None]) -> bool | None:
    """Return whether a clip's median frame is an octave off; None without frames to compare."""
    apart = compared["semitones"]
    return None if apart is None else abs(apart) > HALF_OCTAVE


def is_drawn(name: str, part: float) -> bool:
    """Return whether an id is among a part (0 to 1) of all, chosen by its hash."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) < part * 2**64
