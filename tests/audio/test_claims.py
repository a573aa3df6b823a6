"""What is said of a voice, held against what was measured of it."""

from __future__ import annotations

import pytest

from builders import resources
from builders.audio import caption_claims
from builders.audio.caption_claims import fault_of, load_claims
from builders.errors import LabelError

SILENT = dict.fromkeys(("pitch", "melody", "loudness", "rate", "pauses"), "not_said")


def measured(**z: float | None) -> list[dict]:
    return [{"name": n, "value": 1.0, "unit": "", "z": value} for n, value in z.items()]


@pytest.mark.parametrize(
    ("claim", "says", "descriptor", "z", "stands"),
    [
        ("pitch", "higher", "pitch_level", 1.5, True),
        ("pitch", "higher", "pitch_level", 0.1, True),
        ("pitch", "higher", "pitch_level", -0.7, False),
        ("pitch", "lower", "pitch_level", 0.7, False),
        ("melody", "lower", "pitch_movement", 1.4, False),
        ("loudness", "lower", "loudness", 2.0, False),
        ("loudness", "usual", "loudness", 0.9, True),
        ("loudness", "usual", "loudness", -1.3, False),
        ("rate", "higher", "speaking_rate", -2.0, False),
        ("pauses", "higher", "pause_share", -0.8, False),
        ("pauses", "not_said", "pause_share", -3.0, True),
        ("loudness", "higher", "loudness", None, True),
    ],
)
def test_a_claim_stands_unless_the_measurement_says_the_opposite(
    claim, says, descriptor, z, stands
):
    found = fault_of("A clear voice.", {**SILENT, claim: says}, measured(**{descriptor: z}))
    assert found == (None if stands else f"contradicts_{claim}")


@pytest.mark.parametrize(
    ("text", "descriptor", "z", "fault"),
    [
        ("She speaks slowly.", "speaking_rate", 1.0, "contradicts_rate"),
        ("She speaks slowly.", "speaking_rate", -1.0, None),
        ("A high-pitched voice.", "pitch_level", -1.0, "contradicts_pitch"),
        ("A high pitched voice.", "pitch_level", -1.0, "contradicts_pitch"),
        ("LOUD at first.", "loudness", -1.0, "contradicts_loudness"),
        ("It is not loud.", "loudness", -1.0, None),
        ("Said without pauses.", "pause_share", 1.0, "contradicts_pauses"),
        ("The breakfast clatters.", "speaking_rate", -2.0, None),
    ],
)
def test_words_that_claim_something_are_held_against_it_whatever_is_declared(
    text, descriptor, z, fault
):
    assert fault_of(text, SILENT, measured(**{descriptor: z})) == fault


@pytest.mark.parametrize(
    "text",
    [
        "An angry voice.",
        "The voice sounds Sad, and low.",
        "Said nervously.",
        "A grief-stricken voice.",
        "It rises with excitement.",
        "A calm voice.",
    ],
)
def test_a_guess_at_a_feeling_is_no_description(text):
    assert fault_of(text, SILENT, measured()) == "names_feeling"


@pytest.mark.parametrize("text", ["A hoarse voice, and a breath.", "Unclear at the other end."])
def test_a_plain_description_stands(text):
    assert fault_of(text, SILENT, measured(pitch_level=2.0)) is None


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """The tables in a folder of their own, to be spoilt."""
    folder = tmp_path / "voice"
    folder.mkdir()
    for name in ("claims", "caption_words"):
        shipped = resources.prompts() / "voice" / f"{name}.tsv"
        (folder / f"{name}.tsv").write_bytes(shipped.read_bytes())
    monkeypatch.setattr(resources, "prompts", lambda: tmp_path)
    caches = (load_claims, caption_claims.version)
    for one in caches:
        one.cache_clear()
    yield folder
    for one in caches:
        one.cache_clear()


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("claims", "clarity\thow clear\tbrightness\tlower\thigher", "descriptor is 'brightness'"),
        ("claims", "pitch\thow high\tpitch_level\tshrill\tlower", "says is 'shrill'"),
        ("claims", "clarity\thow clear\tpitch_level\tlower\tloud", "contradicted_by is 'loud'"),
        ("caption_words", "brisk\tspeed\thigher", "claim is 'speed'"),
        ("caption_words", "brisk\trate\tbrisk", "says is 'brisk'"),
        ("caption_words", "brisk\tfeeling\thigher", "says is 'higher'"),
    ],
)
def test_a_broken_cell_of_the_tables_is_named_with_its_line(tables, name, row, words):
    path = tables / f"{name}.tsv"
    count = len(path.read_text().splitlines())
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(LabelError) as raised:
        load_claims()
    assert words in str(raised.value) and f"{name}.tsv:{count + 1}" in str(raised.value)


def test_a_word_more_in_the_tables_counts_and_is_another_version(tables):
    before = caption_claims.version()
    assert fault_of("A brisk voice.", SILENT, measured(speaking_rate=-1.0)) is None
    with (tables / "caption_words.tsv").open("a") as file:
        file.write("brisk\trate\thigher\n")
    load_claims.cache_clear()
    caption_claims.version.cache_clear()
    assert fault_of("A brisk voice.", SILENT, measured(speaking_rate=-1.0)) == "contradicts_rate"
    assert caption_claims.version() != before
