"""Synthetic speech that is published: in a config of its own, by the terms of the words it says."""

from __future__ import annotations

import io
import json

import pyarrow.parquet as pq
import pytest
import soundfile
from builds import ROOT, manifest, result_bytes, samples
from hub.client import client_of

from builders.corpora import Rights, load_card
from builders.pipeline import plan
from builders.pipeline.run import build as build_dataset
from builders.release import rights
from builders.release.hub.hydrating import hydrate
from builders.release.hub.release import STAGING, check_loads
from builders.settings import make_config
from builders.tts import respeak

# Whole publications and builds: with the slow ones.
pytestmark = pytest.mark.slow

CORPORA = ROOT / "builders" / "corpora"


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """Build a spoken corpus, whose card gives other rights if that is wanted."""

    def run(corpus, **changed):
        card = load_card(corpus)
        held = Rights(**{**card.rights.model_dump(), **changed.pop("rights", {})})
        card = card.model_copy(update={"rights": held})
        for module in (plan, rights):
            monkeypatch.setattr(module, "load_card", lambda slug: card)
        config = make_config(
            **{"corpus": corpus, "source": CORPORA / corpus / "sample", "name": "spoken"},
            **{"output": tmp_path / "output", "read_back": False, **changed},
        )
        build_dataset(config, {}, quiet=True)
        return config.folder

    return run


@pytest.fixture
def unloaded(monkeypatch):
    """Leave out the loading elsewhere, which has a test of its own."""
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)


def back(hub, tmp_path, corpus):
    source, output = CORPORA / corpus / "sample", tmp_path / "back"
    return hydrate(client_of(hub), source, revision=None, name=None, output=output)


def test_spoken_utterances_are_in_a_config_of_their_own_and_text_in_the_default(
    spoken, release, hub, monkeypatch
):
    folder = spoken("emowoz", speak=True, speak_replies=True, limit=6)
    staged = []
    loads = check_loads

    def kept(*given):
        place = folder.parent / STAGING / folder.name
        for config in ("record", "synthetic", "default"):
            files = sorted((place / "data" / config).glob("*.parquet"))
            staged.append([row for path in files for row in pq.read_table(path).to_pylist()])
        loads(*given)

    monkeypatch.setattr("builders.release.hub.release.check_loads", kept)
    done = release(folder, allow_phrasebook=True)
    assert done.staged.configs == ["default", "record", "utterances", "prompts", "synthetic"]
    as_text, as_speech, flat = staged
    built = {record["id"]: record for record in samples(folder)}
    assert len(as_text) == len(as_speech) == len(built) == 6
    for row in as_text:
        assert row["reply_audio"] is None
        assert row["audio_info"]["origin"] == "none" and row["audio_info"]["synthesis"] is None
    for row in flat:
        assert row["audio"] is None and row["audio_prompt"] is None
        assert "<audio>" not in row["messages"][0]["content"]
        assert row["utterance"].split()[0] in row["messages"][0]["content"]
    for row in as_speech:
        said = row.pop("messages")[0]["content"]
        assert said.count("<audio>") == 1
        for name in ("prompt", "completion", "audio_prompt"):
            assert row.pop(name)
        assert row == built[row["id"]]
    card = client_of(hub).text("README.md", "v1")
    assert "- config_name: default\n  default: true" in card
    assert "| utterances | hibari-tts 0." in card and "Apache-2.0" in card
    assert "These records are therefore only in the config `synthetic`" in card
    assert "The speech was not checked" in card and "audio-classification" not in card


def test_a_spoken_corpus_comes_back_byte_for_byte(spoken, release, hub, tmp_path, unloaded):
    folder = spoken("empathetic_dialogues", speak=True, speak_replies=True, limit=5)
    release(folder, allow_phrasebook=True)
    done = back(hub, tmp_path, "empathetic_dialogues")
    assert done.same_bytes is True and done.records == 5 and not done.missing
    name = next((folder / "data").iterdir()).name
    assert (done.folder / "data" / name).read_bytes() == result_bytes(folder)[name]


# Replies to clips whose words are closed.
CLOSED = {"speak_replies": True, "limit": 5, "rights": {"text": "no", "audio": "no"}}


def test_a_spoken_reply_that_may_not_go_out_is_spoken_again_from_ones_own_copy(
    spoken, release, hub, tmp_path, unloaded
):
    folder = spoken("meld", **CLOSED)
    release(folder, allow_phrasebook=True)
    assert "reply_audio" in published(hub)["withheld"]
    done = back(hub, tmp_path, "meld")
    assert done.same_bytes is True and done.records == 5
    found = samples(done.folder)
    assert found == samples(folder)
    assert all(heard(record["reply_audio"]) > 0.5 for record in found)


def test_where_words_may_not_go_out_no_voice_says_them(spoken, release, hub, unloaded):
    folder = spoken("emowoz", speak=True, limit=3, rights={"text": "unknown"})
    done = release(folder, allow_phrasebook=True)
    assert done.staged.configs == ["utterances"]


def test_what_another_version_spoke_is_reported_and_not_put_in_its_place(
    spoken, release, hub, tmp_path, unloaded, monkeypatch
):
    folder = spoken("meld", **CLOSED)
    release(folder, allow_phrasebook=True)
    monkeypatch.setattr(respeak, "pcm_digest", lambda pcm: "other")
    done = back(hub, tmp_path, "meld")
    assert "5 clips (spoken by hibari-tts" in "; ".join(done.missing)
    assert all(r["reply_audio"] is None for r in samples(done.folder))


def published(hub):
    return json.loads(client_of(hub).text("manifest.json", "v1"))["published"]


def heard(audio):
    return soundfile.info(io.BytesIO(audio["bytes"])).duration


def test_the_manifest_says_who_spoke(spoken):
    folder = spoken("emowoz", speak=True, limit=3)
    speech = manifest(folder)["result"]["speech"]
    assert speech["engine"].startswith("hibari-tts") and speech["utterances"] == {"spoken": 3}
    assert "replies" not in speech and speech["read_back"] is False
