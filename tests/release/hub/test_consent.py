"""Whose voices go out, by card and by the publisher's table; and ages, in bands only."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from builds import ROOT, samples
from hub.client import client_of
from publishable import OPEN, make_build, sample

from builders.corpora import load_card
from builders.errors import ConfigError
from builders.pipeline.run import build as build_dataset
from builders.record.schema import Validator, violations
from builders.release.consent import VoiceTable
from builders.release.export import export
from builders.release.export.options import make_options
from builders.release.hub.hydrating import hydrate
from builders.release.rights import banded, published_schema, terms_of, withhold
from builders.settings import make_config

HEAD = "of\tvoice\twhose\tlicence\tconsent\n"


@pytest.fixture
def table(tmp_path):
    """Write a table of voices and read it."""

    def write(*rows):
        path = tmp_path / "voices.tsv"
        path.write_text(HEAD + "".join("\t".join(row) + "\n" for row in rows), "utf-8")
        return VoiceTable.load(path)

    return write


def spoken_by(number, speaker, **given):
    one = sample(number, **given)
    one["target_utterance"]["speaker"] |= {"id": speaker, "age": 41 + number}
    return one


def rows_of(staged, config="default"):
    files = sorted((staged.folder / "data" / config).rglob("*.parquet"))
    assert files
    return {row["id"]: row for path in files for row in pq.read_table(path).to_pylist()}


@pytest.fixture
def two(tmp_path):
    """A build of two utterances by Mira and one by Jon."""
    records = [spoken_by(1, "Mira"), spoken_by(2, "Jon"), spoken_by(3, "Mira")]
    return make_build(tmp_path / "output" / "two", records)


def heard(row):
    return bool(row["audio"] and row["audio"]["bytes"])


def test_clips_go_out_only_where_the_card_says_that_the_speakers_consented(two, terms, release):
    terms(consent="unknown")
    assert "audio" not in terms_of("meld", OPEN).may
    done = release(two, dry_run=True)
    assert not any(map(heard, rows_of(done.staged).values()))
    card = (done.staged.folder / "README.md").read_text("utf-8")
    assert "Consent to publishing their clips: unknown (nothing is said)." in card
    terms()
    assert all(map(heard, rows_of(release(two, dry_run=True).staged).values()))


@pytest.mark.parametrize("word", ["no", "unknown"])
def test_a_speaker_who_did_not_consent_is_not_heard_and_the_words_stay(
    two, terms, release, table, word
):
    terms()
    voices = table(("meld", "Jon", "Jon", "none", word))
    done = release(two, dry_run=True, voices=voices, with_audio=True)
    for config in ("default", "prompts"):
        rows = rows_of(done.staged, config)
        assert [heard(rows[f"meld-train-1-{n}"]) for n in (1, 2, 3)] == [True, False, True]
    said = rows_of(done.staged)["meld-train-1-2"]["messages"][0]["content"]
    assert "<audio>" not in said and "harbour" in said
    jons = next(row for row in samples(two) if row["id"] == "meld-train-1-2")["audio"]["bytes"]
    out = b"".join(p.read_bytes() for p in done.staged.folder.rglob("*.parquet"))
    assert jons not in out
    card = (done.staged.folder / "README.md").read_text("utf-8")
    assert "1 records are without their clip" in card


def test_a_speaker_who_consented_is_heard_where_the_card_does_not_know(two, terms, release, table):
    terms(consent="unknown")
    voices = table(("MELD", "Mira", "Mira", "signed form", "yes"))
    rows = rows_of(release(two, dry_run=True, voices=voices).staged)
    assert [heard(rows[f"meld-train-1-{n}"]) for n in (1, 2, 3)] == [True, False, True]


def test_an_export_has_no_clip_of_a_speaker_who_said_no_nor_as_an_earlier_turn(
    two, table, tmp_path
):
    options = make_options(format="ms-swift", task="sft", context_audio=True)
    voices = table(("meld", "Jon", "Jon", "none", "no"))
    export(two, tmp_path / "out", options, voices=voices)
    names = {path.name for path in (tmp_path / "out").rglob("*.flac")}
    assert names == {"meld-train-1-1.flac", "meld-train-1-3.flac"}
    export(two, tmp_path / "all", options)
    assert len(list((tmp_path / "all").rglob("*.flac"))) == 3


MADE = {"engine": "other-voice 1", "voice": "ana", "style": None, "seed": 1}
MADE |= {"word_error_rate": None, "sha256_pcm": "a" * 64}


def test_speech_of_an_engine_that_no_table_knows_is_not_published(table):
    consent = terms_of("crema_d", OPEN).consent
    assert not consent.speech(MADE) and consent.speech({**MADE, "engine": "hibari-tts 0.1"})
    known = table(("other-voice", "ana", "Ana", "CC-BY-4.0", "yes"))
    assert terms_of("crema_d", OPEN, voices=known).consent.speech(MADE)
    one = sample(1)
    one["reply_audio"] = {"path": "reply.flac", "bytes": None}
    one["desired_response"]["synthesis"] = MADE
    out = consent.heard(one)
    assert out["reply_audio"] is None and out["audio"] and one["reply_audio"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("meld", "Jon", "Jon", "none", "maybe"), "invalid row"),
        (("meld", "Jon", "", "none", "no"), "invalid row"),
        (("meld", "Jon", "Jon"), "invalid row"),
    ],
)
def test_a_row_that_says_nothing_is_an_error(table, row, said):
    with pytest.raises(ConfigError, match=f"{said}.*expected of, voice, whose, licence, consent"):
        table(row)


def test_a_voice_that_stands_there_twice_is_an_error_however_the_corpus_is_spelt(table):
    once = ("crema_d", "1001", "an actor", "ODbL-1.0")
    with pytest.raises(ConfigError, match="1001 of CREMA-D stands there twice"):
        table((*once, "yes"), ("CREMA-D", *once[1:], "no"))


def test_every_card_whose_clips_may_go_out_says_whose_voices_they_are():
    from builders.corpora import slugs

    for card in map(load_card, slugs()):
        if card.rights.audio == "yes":
            assert card.voices.consent == "yes" and card.voices.whose != "not known"


@pytest.mark.parametrize(("age", "told"), [(41, 40), (40, 40), (9, 0), (None, None)])
def test_an_age_goes_out_as_the_lower_end_of_its_band(age, told):
    one = sample(1) | {"audio": None}
    one["target_utterance"]["speaker"]["age"] = age
    assert withhold(one, {})["target_utterance"]["speaker"]["age"] == told
    assert one["target_utterance"]["speaker"]["age"] == age
    if age != told:
        assert violations(Validator(published_schema(())), one)
    assert list(banded()) == ["target_utterance.speaker.age"]


@pytest.mark.slow
def test_ages_of_a_whole_build_are_banded_in_what_goes_out_and_come_back_from_the_owners(
    release, hub, tmp_path, monkeypatch
):
    source = ROOT / "builders" / "corpora" / "crema_d" / "sample"
    config = make_config(corpus="crema_d", source=source, name="built", output=tmp_path / "output")
    build_dataset(config, {}, quiet=True)
    folder = config.folder
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)
    jon = samples(folder)[0]["target_utterance"]["speaker"]["id"]
    path = tmp_path / "voices.tsv"
    path.write_text(f"{HEAD}crema_d\t{jon}\tan actor\tnone\tno\n", "utf-8")
    done = release(folder, allow_phrasebook=True, voices=VoiceTable.load(path))
    text = client_of(hub).text("README.md", "v1")
    assert "In bands, by the lower end of each: `target_utterance.speaker.age`" in text
    assert done.staged.tally.voices_held_back > 0
    ages = {row["target_utterance"]["speaker"]["age"] for row in samples(folder)}
    assert any(age % 10 for age in ages)
    back = hydrate(client_of(hub), source, revision=None, name="back", output=tmp_path / "back")
    assert samples(back.folder) == samples(folder)
