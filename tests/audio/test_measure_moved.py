"""The measurer on real speech that librosa moved: three semitones higher, and a fifth slower."""

import numpy as np
import pytest
import soundfile

from builders.audio.features import measure
from builders.audio.pitch import track
from builders.audio.speaker_baseline import COMPARED, values_of
from builders.record.types import Utterance

# Slower by a fifth: a second of sound has 0.8 of what it had.
RATE = 0.8
SEMITONES = 3.0
# Points of librosa's phase vocoder: 32 ms. With its default, 128 ms, slowing a clip moves its
# pitch, by half a semitone in the median.
POINTS = 512
# Semitones that the median frame of a clip may lie from where it was moved to. The vocoder puts
# partials on a grid of 31 Hz and moves their phases; on these 24 clips the median frame is off by
# 0.00 to 0.08, and a frame of the tracker alone by a twentieth on steady voices (`test_measure`).
# An error of a whole octave, 12, or of the fifth, 3.9, is far outside.
PITCH_WITHIN = 0.15
# The same for the pitch of all clips as it is described, the median of a whole clip: which frames
# are voiced changes too.
LEVEL_WITHIN = 0.3
# Of the pace: speech is found in steps of 10 ms, and begins and ends where it is loud enough. On
# these clips the median is off by 0.3 %.
PACE_WITHIN = 0.02
# More than this is printed as far off: more or less of the clip counts as speech once it is slow.
FAR_OFF = 0.1

pytestmark = pytest.mark.slow  # librosa takes seconds to start, and most of a minute the first time
# What is said does not change, so that any text will do: the corpus has no transcripts.
TEXT = "The same words as before."


def pcm(sound: np.ndarray) -> np.ndarray:
    return (np.clip(sound, -1, 1) * 32767).round().astype(np.int16)


def apart(one: np.ndarray, other: np.ndarray, rate: int, speed: float) -> np.ndarray:
    """Return by how many semitones the frames of the second are above the same ones before."""
    first, second = track(one, rate), track(other, rate)
    at = np.arange(len(first.hertz))
    to = np.round(at / speed).astype(int)
    at, to = at[to < len(second.hertz)], to[to < len(second.hertz)]
    both = first.voiced[at] & second.voiced[to]
    assert both.sum() > 30
    return 12 * np.log2(second.hertz[to][both] / first.hertz[at][both])


def described(sound: np.ndarray, name: str) -> float:
    said = Utterance("1", "0", 0, None, TEXT, None, id="0")
    return float(values_of(said, measure(pcm(sound)))[[*COMPARED].index(name)])


@pytest.fixture(scope="module")
def moved(real_data):
    """Each clip, its rate, the same higher, and the same slower."""
    effects = pytest.importorskip("librosa").effects
    found = []
    for path in sorted((real_data / "real_speech").glob("*.wav")):
        sound, rate = soundfile.read(path, dtype="float32")
        higher = effects.pitch_shift(sound, sr=rate, n_steps=SEMITONES, n_fft=POINTS)
        found.append((sound, rate, higher, effects.time_stretch(sound, rate=RATE, n_fft=POINTS)))
    assert len(found) == 24
    return found


def test_pitch_moves_by_what_the_voice_was_shifted_and_pace_stays(moved):
    frames = [np.median(apart(sound, higher, rate, 1.0)) for sound, rate, higher, _ in moved]
    print(f"shifted by 3 semitones: median frames moved {min(frames):.2f} to {max(frames):.2f}")
    assert np.abs(np.array(frames) - SEMITONES).max() < PITCH_WITHIN
    levels = [
        described(higher, "pitch_level") - described(sound, "pitch_level")
        for sound, _, higher, _ in moved
    ]
    print(f"  pitch as described: {np.median(levels):.2f} in the median of {len(levels)} clips")
    assert np.median(levels) == pytest.approx(SEMITONES, abs=LEVEL_WITHIN)
    paces = [
        described(higher, "speaking_rate") / described(sound, "speaking_rate")
        for sound, _, higher, _ in moved
    ]
    print(f"  pace as described: {np.median(paces):.3f} times as before")
    assert np.median(paces) == pytest.approx(1, abs=PACE_WITHIN)


def test_pace_falls_by_what_the_voice_was_slowed_and_pitch_stays(moved):
    paces = np.array(
        [
            described(slower, "speaking_rate") / described(sound, "speaking_rate")
            for sound, _, _, slower in moved
        ]
    )
    off = np.abs(paces / RATE - 1) > FAR_OFF
    print(
        f"slowed to 0.8: pace {np.median(paces):.3f} of before in the median, "
        f"{paces.min():.3f} to {paces.max():.3f}, {off.sum()} of {len(off)} clips far off"
    )
    assert np.median(paces) == pytest.approx(RATE, abs=PACE_WITHIN)
    frames = [np.median(apart(sound, slower, rate, RATE)) for sound, rate, _, slower in moved]
    print(f"  median frames moved {min(frames):.2f} to {max(frames):.2f} semitones")
    assert np.abs(frames).max() < PITCH_WITHIN
