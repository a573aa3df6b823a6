"""The second opinion on pitch: what counts as an octave off, and which clips are compared."""

import numpy as np
import pytest
from voices import RATE, spoken

from builders.audio import second_pitch
from builders.audio.detectors import ClipCheck
from builders.audio.findings import checked_findings
from builders.audio.pitch import Pitch, track
from builders.audio.second_pitch import PitchOpinion, PitchTally, is_drawn

SLOW = pytest.mark.slow  # librosa takes seconds to start, and most of a minute the first time


@SLOW
def test_two_methods_agree_on_a_steady_voice_and_say_nothing_of_silence():
    opinion = PitchOpinion()
    found = opinion.compare(spoken(150.0))
    assert found["frames"] > 100 and found["octave"] == 0
    assert found["semitones"] == pytest.approx(0, abs=0.2)
    for silent in (np.zeros(RATE, np.int16), np.zeros(1, np.int16)):
        assert opinion.compare(silent) == {"frames": 0, "octave": 0, "semitones": None}


@SLOW
def test_pitch_that_is_taken_for_its_octave_is_seen(monkeypatch):
    def doubled(sound, rate):
        found = track(sound, rate)
        return Pitch(found.hertz * 2, found.strength)

    monkeypatch.setattr(second_pitch, "track", doubled)
    found = PitchOpinion().compare(spoken(150.0))
    assert found["octave"] == found["frames"] > 100
    assert found["semitones"] == pytest.approx(12, abs=0.2)


@SLOW
def test_of_a_long_clip_the_beginning_is_compared():
    sound = np.concatenate([spoken(150.0, 30.0), spoken(150.0, 5.0)])
    assert 2500 < PitchOpinion().compare(sound)["frames"] <= 3001


def test_clips_and_frames_are_counted_where_there_is_something_to_compare():
    tally = PitchTally()
    tally.add({"frames": 0, "octave": 0, "semitones": None})
    tally.add({"frames": 100, "octave": 4, "semitones": 0.1})
    tally.add({"frames": 50, "octave": 40, "semitones": -11.9})
    assert tally == PitchTally(clips=2, clips_off=1, frames=150, frames_off=44)


@pytest.mark.parametrize(
    ("semitones", "flagged"), [(None, False), (5.9, False), (12.0, True), (-11.8, True)]
)
def test_a_clip_an_octave_off_has_a_flag(semitones, flagged):
    compared = {"frames": 9, "octave": 9, "semitones": semitones}
    found = [*checked_findings({"pitch": compared}, "It is cold today.")]
    assert [one.code for one in found] == ["pitch_octave"] * flagged
    assert all(one.value == semitones for one in found)


def test_clips_are_chosen_by_their_ids_and_the_same_ones_again():
    names = [f"meld-train-0-{n}" for n in range(10_000)]
    chosen = [name for name in names if is_drawn(name, 0.02)]
    assert 150 < len(chosen) < 250
    assert set(chosen) <= {name for name in names if is_drawn(name, 0.05)}
    assert all(is_drawn(name, 1.0) for name in names)
    few = ClipCheck("pitch", "1", True, lambda pcm: None, part=0.02)
    assert [name for name in names if few.takes(name, selected=False)] == chosen
    assert [name for name in names if few.takes(name, selected=True)] == chosen
