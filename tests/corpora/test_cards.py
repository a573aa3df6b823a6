from datetime import date
from pathlib import Path

import pytest
from builds import hearten
from pydantic import ValidationError

from builders import corpora, resources
from builders.corpora import Benchmark, load_card, resolve_slug, slugs
from builders.errors import ConfigError, UsageError

MELD_CARD = (resources.corpora() / "meld" / "card.toml").read_text(encoding="utf-8")


@pytest.fixture
def own_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Corpora of this test alone: call it with a slug and the text of its card."""

    def add(slug: str, card: str) -> None:
        (tmp_path / slug).mkdir()
        (tmp_path / slug / "card.toml").write_text(card, encoding="utf-8")

    monkeypatch.setattr(resources, "corpora", lambda: tmp_path)
    for cached in (corpora.slugs, corpora.load_card):
        cached.cache_clear()
    yield add
    for cached in (corpora.slugs, corpora.load_card):
        cached.cache_clear()


def test_cards_say_no_to_publishing_and_sending_the_audio_of_meld():
    card = load_card("meld")
    assert (card.rights.audio, card.send_to_third_party.audio) == ("no", "no")
    assert (card.rights.text, card.rights.labels, card.rights.derived) == ("yes", "yes", "yes")
    assert card.licence == "GPL-3.0"
    assert "AIR-Bench" in card.evaluation_overlap["test"]
    assert "AIR-Bench" not in card.evaluation_overlap["train"]


@pytest.mark.parametrize("spelling", ["meld", "MELD", " Meld ", "MELD.Raw", "meld_raw"])
def test_a_slug_is_understood_in_its_spellings(spelling):
    assert resolve_slug(spelling) == "meld"


def test_a_name_on_a_card_is_understood_with_other_marks(own_corpora):
    own_corpora("crema_d", MELD_CARD.replace('"MELD.Raw"', '"CREMA-D"'))
    assert [resolve_slug(s) for s in ("CREMA-D", "crema_d", "cremad")] == ["crema_d"] * 3


def test_an_unknown_corpus_is_answered_with_the_known_and_the_nearest():
    with pytest.raises(UsageError) as error:
        resolve_slug("medl")
    assert str(error.value) == (
        f'there is no corpus "medl"; expected one of {", ".join(slugs())}; did you mean meld?'
    )


def test_a_corpus_like_no_other_is_sent_to_the_list():
    with pytest.raises(UsageError, match='no corpus "xyzzy"; .*; hearten corpora lists them'):
        resolve_slug("xyzzy")


def test_a_new_folder_with_a_card_is_a_corpus(own_corpora):
    own_corpora("eighth", MELD_CARD)
    assert slugs() == ("eighth",)


def test_a_card_with_a_wrong_field_is_refused_by_name(own_corpora):
    own_corpora("eighth", MELD_CARD.replace('text = "yes"', 'text = "perhaps"'))
    with pytest.raises(
        ConfigError, match=r"rights\.text: Input should be 'yes', 'no' or 'unknown'"
    ):
        load_card("eighth")


def test_a_card_with_an_unknown_field_is_refused_by_name(own_corpora):
    own_corpora("eighth", 'colour = "blue"\n' + MELD_CARD)
    with pytest.raises(ConfigError, match=r"colour: Extra inputs .* in .*eighth/card\.toml"):
        load_card("eighth")


def test_a_card_that_is_not_toml_is_refused_with_its_place(own_corpora):
    own_corpora("eighth", "title = MELD\n")
    with pytest.raises(ConfigError, match=r"not valid TOML: .*line 1.* in .*eighth/card\.toml"):
        load_card("eighth")


@pytest.mark.parametrize("slug", slugs())
def test_every_card_says_what_evidence_there_is_from_the_voice_alone(slug):
    evidence = load_card(slug).voice_evidence
    assert evidence and evidence.note
    assert evidence.view == {"crema_d": "voice"}.get(slug)


def test_a_benchmark_says_what_it_shares_and_who_says_so():
    lines = hearten("corpora").out.splitlines()
    (voice,) = [line for line in lines if "VocalBench" in line]
    assert " ".join(voice.split()) == (
        "benchmarks VocalBench (voice, all; "
        "https://github.com/SJTU-OmniAgent/VocalBench 5e9cce0, 2026-12-01)"
    )
    assert "  benchmarks    none found (2026-12-01)" in lines
    assert not [line for line in lines if "not looked up" in line]
    assert load_card("crema_d").evaluation_overlap == {"all": ("EmoBox", "VocalBench")}


def test_what_was_looked_up_has_a_source():
    with pytest.raises(ValidationError, match="needs a source"):
        Benchmark(name="B", splits=("all",), kind="item", looked_up=date(2026, 12, 1))
