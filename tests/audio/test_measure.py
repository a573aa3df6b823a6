"""What is measured of a voice, on sounds whose values are known and on real speech."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from voices import RATE, as_pcm, pause, pulsed, spoken

from builders.audio.decode import decode, read_sound
from builders.audio.features import ENOUGH_VOICE, measure
from builders.audio.pitch import HOP, track
from builders.record.types import Media


def ranks(values) -> np.ndarray:
    return np.argsort(np.argsort(values)).astype(float)


def spearman(one, other) -> float:
    return float(np.corrcoef(ranks(np.array(one)), ranks(np.array(other)))[0, 1])


def real_speech(folder: Path) -> tuple[list[Path], list[float]]:
    """Return the clips and their arousal."""
    with (folder / "real_speech" / "arousal.csv").open() as stream:
        arousal = {name: float(value) for name, value in csv.reader(stream)}
    clips = sorted((folder / "real_speech").glob("*.wav"))
    return clips, [arousal[clip.name] for clip in clips]


@pytest.mark.parametrize("hertz", [80.0, 123.0, 180.0, 251.0, 333.0, 470.0])
def test_the_pitch_of_a_steady_voice_is_found_to_a_twentieth_of_a_semitone(hertz):
    measured = measure(spoken(hertz))
    assert measured.pitch == pytest.approx(12 * np.log2(hertz), abs=0.05)
    assert measured.movement < 0.2
    assert measured.voiced > 1.3


def test_a_pitch_that_moves_is_followed():
    sound = spoken(200.0, 3.0, sway=5.0).astype(np.float32) / 32768
    found = track(sound, RATE)
    time = np.arange(len(found.hertz)) * HOP
    truth = 200 * 2 ** (5 / 12 * np.sin(2 * np.pi * 0.9 * time))
    off = 12 * np.log2(found.hertz[found.voiced] / truth[found.voiced])
    assert np.abs(off).max() < 0.3
    assert found.voiced.mean() > 0.95
    assert measure(spoken(200.0, 3.0, sway=5.0)).movement == pytest.approx(3.5, abs=0.3)


@pytest.mark.parametrize("hertz", [90.0, 140.0, 220.0])
@pytest.mark.parametrize(("jitter", "shimmer"), [(0.5, 0.2), (1.0, 0.8), (2.0, 0.4), (3.0, 1.2)])
def test_an_uneven_voice_is_as_uneven_as_it_was_made(hertz, jitter, shimmer):
    sound, jitters, shimmers = pulsed(hertz, jitter, shimmer)
    measured = measure(sound)
    assert measured.jitter == pytest.approx(jitters, rel=0.25)
    assert measured.shimmer == pytest.approx(shimmers, rel=0.25)


def test_an_even_voice_is_even_and_what_is_no_voice_is_not_said_to_be():
    sound, *_ = pulsed(120.0, 0.0, 0.0)
    assert measure(sound).jitter < 0.1 and measure(sound).shimmer < 0.05
    assert measure(pause(1.0)).jitter is None
    assert measure(spoken(150.0, 0.1)).shimmer is None


def test_noise_and_silence_have_no_pitch_and_no_speech():
    hiss = as_pcm(np.random.default_rng(0).normal(0, 0.1, 2 * RATE))
    for sound in (hiss, np.zeros(RATE, np.int16), np.zeros(1, np.int16)):
        measured = measure(sound)
        assert not measured.enough
        assert measured.voiced < 0.2
    assert (measured.pitch, measured.level, measured.paused) == (None, None, None)


def test_pauses_between_words_are_counted_and_silence_around_them_is_not():
    sound = np.concatenate(
        [pause(0.7), spoken(150.0, 0.8), pause(0.5), spoken(150.0, 0.7), pause(0.9)]
    )
    measured = measure(sound)
    assert measured.pauses == 1
    assert measured.longest == measured.paused == pytest.approx(0.5, abs=0.06)
    assert measured.speech == pytest.approx(1.5, abs=0.12)
    assert measured.share == pytest.approx(1.5 / 3.6, abs=0.04)


def test_loudness_is_that_of_the_speech_alone():
    loud, soft = (np.concatenate([pause(2.0), spoken(150.0, level=x)]) for x in (0.2, 0.05))
    assert measure(loud).level - measure(soft).level == pytest.approx(12.04, abs=0.2)
    assert measure(loud).level == pytest.approx(measure(spoken(150.0)).level, abs=0.5)


def test_too_little_voice_is_said_to_be_so():
    assert not measure(spoken(150.0, ENOUGH_VOICE - 0.1)).enough
    assert measure(spoken(150.0, ENOUGH_VOICE + 0.1)).enough


def test_a_telephone_is_heard_by_its_bandwidth(real_data, tmp_path):
    import soxr

    path = real_data / "real_speech" / "16.wav"
    wide, rate = soundfile.read(path, dtype="float32")
    soundfile.write(tmp_path / "narrow.wav", soxr.resample(wide, rate, 8_000), 8_000)
    narrow = read_sound(Media(tmp_path / "narrow.wav"), tmp_path)
    assert measure(narrow.pcm).bandwidth < 4_200
    assert measure(read_sound(Media(path), real_data).pcm).bandwidth > 7_000


def test_the_pitch_of_real_speech_follows_its_arousal_and_its_loudness_runs_the_other_way(
    real_data,
):
    clips, arousal = real_speech(real_data)
    found = [measure(read_sound(Media(clip), real_data).pcm) for clip in clips]
    assert all(measured.enough for measured in found)
    assert spearman([m.pitch for m in found], arousal) >= 0.5
    assert spearman([m.level for m in found], arousal) < -0.3


@pytest.mark.slow  # what it is compared with is compiled first
def test_the_pitch_agrees_with_that_of_pyin_on_real_speech(real_data):
    librosa = pytest.importorskip("librosa")
    clips, _ = real_speech(real_data)
    medians, off, voicing = [], [], []
    for clip in clips[::3]:
        sound, rate = soundfile.read(clip, dtype="float32")
        theirs, voiced, _ = librosa.pyin(
            sound, fmin=65, fmax=500, sr=rate, frame_length=1024, hop_length=round(HOP * rate)
        )
        ours = track(sound, rate)
        size = min(len(theirs), len(ours.hertz))
        both = ours.voiced[:size] & voiced[:size]
        off.append(12 * np.log2(ours.hertz[:size][both] / theirs[:size][both]))
        voicing.append(ours.voiced[:size] == voiced[:size])
        medians.append(
            12 * np.log2(np.median(ours.hertz[ours.voiced]) / np.nanmedian(theirs[voiced]))
        )
    assert np.median(np.abs(np.concatenate(off))) < 0.3
    assert np.concatenate(voicing).mean() > 0.8
    assert np.median(np.abs(medians)) < 0.5
    assert np.abs(medians).max() < 2


def test_measuring_is_the_same_again_and_in_a_container(real_data, tmp_path):
    path = real_data / "real_speech" / "16.wav"
    sound, rate = soundfile.read(path, dtype="int16")
    soundfile.write(tmp_path / "clip.flac", sound, rate)
    once = measure(read_sound(Media(path), real_data).pcm)
    assert measure(read_sound(Media(tmp_path / "clip.flac"), tmp_path).pcm) == once
    assert decode(Media(path), real_data).samples == len(sound)


def test_measuring_loads_no_librosa():
    code = (
        "import builders.audio.analysis, sys; print('librosa' in sys.modules, 'av' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
