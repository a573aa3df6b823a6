"""What is said of a voice: fixed cut points, words from a table, nothing where little is known."""

import math

import numpy as np
import pytest
from invented import HAPPY, reply, utterance
from test_baseline import added, crowd, measured, said

from builders import resources
from builders.audio import prosody
from builders.audio.prosody import describe, in_words, level_of
from builders.audio.speaker_baseline import COMPARED
from builders.errors import LabelError
from builders.record.schema import validator, violations
from builders.tasks.reply.checks.candidate import Candidate
from builders.tasks.reply.checks.rules import acoustic_talk

USUAL = dict.fromkeys(COMPARED, 0.0)


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0.0, "usual"),
        (0.66, "usual"),
        (-0.66, "usual"),
        (0.67, "higher"),
        (1.27, "higher"),
        (1.28, "much_higher"),
        (9.0, "much_higher"),
        (-0.67, "lower"),
        (-1.28, "much_lower"),
        (math.nan, ""),
    ],
)
def test_the_cut_points_are_fixed(score, level):
    assert level_of(score) == level


def test_words_say_what_is_not_usual_and_beside_whom():
    scores = {**USUAL, "pitch_level": 1.5, "speaking_rate": -0.8}
    assert in_words("speaker", scores) == (
        "much higher in pitch, slower (against how this speaker usually sounds)"
    )
    assert in_words("corpus", USUAL) == (
        "nothing out of the usual (against how the other speakers sound)"
    )


def test_what_is_not_known_is_not_said():
    assert "louder" in in_words("speaker", {**USUAL, "loudness": 2.0})
    assert "louder" not in in_words("speaker", {**USUAL, "loudness": math.nan})
    assert in_words("none", USUAL) is None
    assert in_words("corpus", dict.fromkeys(COMPARED, math.nan)) is None


def test_voice_quality_is_kept_and_not_said():
    scores = {**USUAL, "harmonics_to_noise": 3.0, "spectral_tilt": -3.0}
    assert in_words("speaker", scores) == in_words("speaker", USUAL)


def test_a_description_is_valid_and_its_pitch_is_above_the_reference():
    clips = [*crowd(), *((said(), measured(95.0 + n % 3)) for n in range(40))]
    voice = describe(said(), measured(100.0), added(*clips, (said(), measured(100.0))))
    found = {d["name"]: d for d in voice.descriptors}
    assert voice.reference == "speaker" and voice.reliable
    assert "much higher in pitch" in voice.words
    assert found["pitch_level"]["value"] == pytest.approx(4.0 + 0.8, abs=0.8)
    assert found["pitch_level"]["z"] > 1.28
    assert found["pitch"]["value"] == pytest.approx(2 ** (100 / 12), rel=1e-4)
    record = {"descriptors": voice.descriptors, "reference": voice.reference}
    record |= {"words": voice.words, "caption": None, "reliable": voice.reliable}
    wrong = [line for line in violations(validator("sample"), {"voice": record}) if "voice" in line]
    assert not [line for line in wrong if line.startswith("voice")]


def test_too_little_voice_has_no_words_and_no_values_but_says_how_much_there_was():
    voice = describe(said(), measured(voiced=0.3), added(*crowd()))
    assert (voice.reference, voice.words, voice.reliable) == ("none", None, False)
    known = {d["name"]: d["value"] for d in voice.descriptors if d["value"] is not None}
    assert known == {"voiced": 0.3, "speech_share": 0.8}
    assert all(d["z"] is None for d in voice.descriptors)


def test_a_voice_nobody_can_be_compared_with_is_measured_and_not_put_into_words():
    voice = describe(said(), measured(), added((said(), measured())))
    assert (voice.reference, voice.words, voice.reliable) == ("none", None, False)
    values = {d["name"]: d["value"] for d in voice.descriptors}
    assert values["pitch"] == pytest.approx(181.02, abs=0.01)
    assert values["pitch_level"] is None


def test_half_of_many_voices_are_usual():
    rng = np.random.default_rng(0)
    clips = [(said(), measured(p, level=-p, peak=-p)) for p in rng.normal(90, 3, 400)]
    baselines = added(*clips)
    z = [describe(*clip, baselines).descriptors[1]["z"] for clip in clips]
    levels = [level_of(score) for score in z]
    assert levels.count("usual") / 400 == pytest.approx(0.5, abs=0.06)
    assert levels.count("much_higher") / 400 == pytest.approx(0.1, abs=0.04)


def test_every_word_is_one_that_a_reply_may_not_say_of_the_voice_but_a_prompt_may():
    words = [w for (name, _), w in prosody.load_words().items() if name in COMPARED]
    assert len(words) == len(set(words)) >= 18
    said = Candidate(reply(text="Your voice is much lower in pitch, I think."), HAPPY)
    assert list(acoustic_talk(said))


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return a function that takes the place of the table of words with another one."""
    whole = (resources.prompts() / "voice" / "words.tsv").read_text()
    (tmp_path / "voice").mkdir()
    monkeypatch.setattr(resources, "prompts", lambda: tmp_path)

    def write(old: str = "", new: str = "") -> None:
        (tmp_path / "voice" / "words.tsv").write_text(whole.replace(old, new, 1))
        prosody.load_words.cache_clear()
        prosody.version.cache_clear()

    yield write
    prosody.load_words.cache_clear()
    prosody.version.cache_clear()


def test_an_edited_word_is_said_and_changes_the_version(table):
    table()
    before = prosody.version()
    table("\tlouder", "\twith more force")
    assert "with more force" in in_words("speaker", {**USUAL, "loudness": 1.0})
    assert prosody.version() != before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "loudness\thigher",
            "loudnes\thigher",
            r"descriptor is 'loudnes' in .*words\.tsv:\d+; exp",
        ),
        ("loudness\thigher", "loudness\thigh", "level is 'high'"),
        ("loudness\thigher", "loudness\tlower", "each level only once for "),
        ("reference\tgroup", "reference\tcorpus", "each level only once for "),
        ("all\tusual\tnothing out of the usual\n", "", "no row for all usual"),
    ],
)
def test_a_wrong_row_is_named(table, old, new, message):
    table(old, new)
    with pytest.raises(LabelError, match=message):
        in_words("speaker", USUAL)


def test_a_prompt_shows_the_words_and_its_key_changes_for_that_record_alone():
    from invented import target

    from builders.llm.request import key
    from builders.llm.settings import Sampling
    from builders.record.types import Voice
    from builders.tasks.reply.draft import Drafter

    drafter = Drafter("a-model", "assistant", "audio_visual", Sampling())
    silent, mute, spoken = target(1), target(1), target(1)
    mute.voice = Voice([], "none", None, reliable=False)
    spoken.voice = Voice([], "speaker", "much faster (against how she sounds)", reliable=True)
    keys = [key(drafter.first_request(one)) for one in (silent, mute, spoken)]
    assert keys[0] == keys[1] != keys[2]
    prompt = drafter.first_request(spoken).messages[1]["content"]
    assert f"Voice of {utterance(1).speaker}: much faster (against how she sounds)" in prompt
