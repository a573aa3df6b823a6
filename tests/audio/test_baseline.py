"""What a clip is compared with: the speaker, the group, the corpus, the clip itself left out."""

import numpy as np
import pytest
from invented import utterance

from builders.audio.features import Measured
from builders.audio.speaker_baseline import COMPARED, Baselines, count_syllables, values_of
from builders.record.types import Utterance

_TWO = (("low", 82.0), ("high", 94.0))
AT = {name: n for n, name in enumerate(COMPARED)}


def measured(pitch: float = 90.0, **given) -> Measured:
    known = {"voiced": 1.0, "speech": 2.0, "share": 0.8, "pitch": pitch, "movement": 3.0}
    known |= {"span": 9.0, "level": -20.0, "peak": -3.0, "pauses": 0.0, "paused": 0.0}
    known |= {"longest": 0.0, "harmonics": 12.0, "tilt": 8.0, "bandwidth": 8000.0}
    return Measured(**{**known, **given})


def said(speaker: str = "Mira", sex: str | None = "female", text: str = "It is cold.") -> Utterance:
    return utterance(1, speaker=speaker, sex=sex, text=text)


def added(*clips: tuple[Utterance, Measured]) -> Baselines:
    baselines = Baselines()
    for one, found in clips:
        baselines.add(one, found)
    return baselines


def crowd(count: int = 30, **given) -> list[tuple[Utterance, Measured]]:
    """Return clips of as many men, whose pitch is spread around 85 semitones."""
    pitches = 85 + 2 * np.sin(np.arange(count))
    return [(said(f"m{n}", "male"), measured(p, **given)) for n, p in enumerate(pitches)]


def against(clips, own: tuple[Utterance, Measured]):
    found = added(*clips, own).against(*own)
    return found.level, found.means[AT["pitch_level"]], found.spreads[AT["pitch_level"]]


def test_a_speaker_with_ten_other_clips_is_the_reference():
    clips = [*crowd(), *((said(), measured(95 + n % 2)) for n in range(10))]
    level, mean, spread = against(clips, (said(), measured(95.0)))
    assert level == "speaker"
    # Speakers differ much here and vary little, so that ten clips are believed.
    assert mean == pytest.approx(95.5, abs=0.3)
    assert spread < 1.5


def test_a_low_speaker_is_not_compared_with_high_ones():
    low, high = ([(said(x, None), measured(p + n % 4)) for n in range(12)] for x, p in _TWO)
    level, mean, _ = against([*low, *high], low[0])
    assert (level, mean) == ("speaker", pytest.approx(_TWO[0][1] + 1.5, abs=0.6))


def test_where_speakers_hardly_differ_a_speaker_of_few_clips_is_drawn_to_the_others():
    rng = np.random.default_rng(0)
    many = [(said(f"s{n % 30}"), measured(p)) for n, p in enumerate(rng.normal(90, 3, 600))]
    new = [(said("new"), measured(99.0)) for _ in range(4)]
    _, mean, _ = against([*many, *new[:-1]], new[-1])
    assert 90.5 < mean < 94


def test_the_clip_itself_is_left_out():
    clips = [*crowd(), *((said(), measured(95.0)) for _ in range(10))]
    near, far = (against(clips, (said(), measured(p)))[1] for p in (95.0, 300.0))
    assert near == pytest.approx(far)


@pytest.mark.parametrize(("count", "level"), [(10, "speaker"), (9, "corpus")])
def test_nine_other_clips_make_no_reference_unless_they_are_long(count, level):
    clips = [*crowd(), *((said(sex=None), measured()) for _ in range(count))]
    assert against(clips, (said(sex=None), measured()))[0] == level
    clips = [*crowd(), *((said(sex=None), measured(voiced=4.0)) for _ in range(count))]
    assert against(clips, (said(sex=None), measured()))[0] == "speaker"


def test_without_enough_of_the_speaker_the_sex_is_the_reference_then_the_corpus_then_none():
    women = [(said(f"w{n}"), measured(94 + n % 3)) for n in range(12)]
    new = (said("new"), measured(96.0))
    level, mean, _ = against([*crowd(), *women], new)
    assert (level, mean) == ("group", pytest.approx(95.0, abs=0.2))
    assert against(crowd(), new)[0] == "corpus"
    assert against(crowd(9), new)[0] == "none"
    assert against([], new)[0] == "none"


def test_few_clips_of_a_speaker_draw_the_mean_towards_them():
    new = (said("new", "male"), measured(85.0))
    means = [
        against([*crowd(), *((said("new", "male"), measured(97.0)) for _ in range(n))], new)[1]
        for n in (0, 3, 9)
    ]
    assert means[0] < means[1] < means[2] < 97


def test_loudness_is_compared_with_the_speaker_alone():
    rng = np.random.default_rng(0)
    levels = rng.normal(-20, 5, 40)
    others = [(said(f"m{n}", "male"), measured(level=-40 + x)) for n, x in enumerate(levels)]
    own = [(said(), measured(level=x, peak=x)) for x in levels]
    found = added(*others, *own).against(*own[0])
    assert found.level == "speaker"
    assert found.means[AT["loudness"]] == pytest.approx(levels[1:].mean())
    alone = (said("new", "male"), measured())
    assert np.isnan(added(*others, *own, alone).against(*alone).means[AT["loudness"]])


def test_levels_that_were_made_alike_are_noticed_and_say_nothing_of_loudness():
    rng = np.random.default_rng(0)
    clips = [(said(), measured(level=x)) for x in rng.normal(-18, 2, 40)]
    alike = added(*((u, m) for u, m in clips))
    assert alike.normalised == 0
    assert alike.against(*clips[0]).level == "speaker"
    assert np.isnan(alike.against(*clips[0]).means[AT["loudness"]])
    by_level = added(
        *((said(), measured(level=-20 + x / 10, peak=-x)) for x in rng.uniform(0, 9, 40))
    )
    assert 0 < by_level.normalised <= 1.0
    natural = added(*((u, measured(level=m.level, peak=m.level + 12)) for u, m in clips))
    assert natural.normalised is None
    assert added(*clips[:9]).normalised is None


def test_real_speech_whose_levels_were_made_alike_is_noticed(real_data):
    from builders.audio.decode import read_sound
    from builders.audio.features import measure
    from builders.record.types import Media

    clips = sorted((real_data / "real_speech").glob("*.wav"))
    found = added(*((said(), measure(read_sound(Media(c), real_data).pcm)) for c in clips))
    assert found.normalised == 0


def test_what_could_not_be_measured_is_not_counted_as_zero():
    clips = [*crowd(), *((said(), measured(paused=None)) for _ in range(20))]
    found = added(*clips)
    assert np.isnan(values_of(*clips[-1])[AT["pause_share"]])
    own = said(), measured(paused=0.5)
    found.add(*own)
    assert found.against(*own).means[AT["pause_share"]] == 0  # the crowd's, which was measured


def test_too_little_voice_is_counted_and_not_added_up():
    baselines = added(*crowd(), (said(), measured(voiced=0.2)))
    assert (baselines.clips, baselines.insufficient) == (30, 1)


def test_the_same_clips_have_the_same_digest_and_others_another():
    assert added(*crowd()).document == added(*crowd()).document
    assert added(*crowd()).document != added(*crowd(29)).document


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It is cold.", 3),
        ("Don't forget a jacket.", 6),
        ("I’ve made a little table", 7),
        ("", 0),
        ("… — !", 0),
        ("À Málaga, amigo", 7),
    ],
)
def test_syllables_are_counted_well_enough_to_compare(text, count):
    assert count_syllables(text) == count


def test_rate_is_syllables_by_seconds_of_speech_and_unknown_without_words():
    assert values_of(said(text="It is cold."), measured())[AT["speaking_rate"]] == 1.5
    assert np.isnan(values_of(said(text="..."), measured())[AT["speaking_rate"]])
