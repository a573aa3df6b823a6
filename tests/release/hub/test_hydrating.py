"""The way back: published records and one's own copy of a corpus make the whole dataset again."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest
from builds import ROOT, hearten, result_bytes, samples
from hub.client import REPO, client_of
from hub.server import Fault
from invented import clip, flac

from builders.audio import onnx_models
from builders.errors import ConfigError, SourceError, StoppedEarly, VerificationError
from builders.pipeline import plan
from builders.pipeline.run import build as build_dataset
from builders.record.redraft import HeardEmotion, Note, Redraft
from builders.release.hub import hydrating, rebuilding
from builders.release.hub.client import HubError
from builders.release.hub.hydrating import hydrate
from builders.release.rights import KINDS
from builders.review.data.items import reply_of
from builders.settings import make_config

# Whole publications and builds: with the slow ones.
pytestmark = pytest.mark.slow

SAMPLE = ROOT / "builders" / "corpora" / "meld" / "sample"


@pytest.fixture
def built(tmp_path):
    """Where the build of the sample corpus is, once it was published."""
    return tmp_path / "output" / "meld-sample"


@pytest.fixture
def publish(hub, built, terms, release, monkeypatch):
    """Build the sample corpus under other rights, which its records carry, and publish it."""
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)

    def run(settings=None, **changed):
        card = terms(licence="GPL-3.0", **changed)
        monkeypatch.setattr(plan, "load_card", lambda slug: card)
        place = {"name": built.name, "output": built.parent}
        config = make_config(corpus="meld", source=SAMPLE, **place, **(settings or {}))
        build_dataset(config, {}, quiet=True)
        return release(built, allow_phrasebook=True)

    return run


@pytest.fixture
def corpus(tmp_path):
    """One's own copy of the corpus, which a test may change."""
    return shutil.copytree(SAMPLE, tmp_path / "corpus")


@pytest.fixture
def back(hub, tmp_path, corpus):
    def run(**given):
        given = {"revision": None, "name": None, "output": tmp_path / "back", **given}
        return hydrate(client_of(hub, token=given.pop("token", "hf_test")), corpus, **given)

    return run


@pytest.mark.parametrize("closed", [("audio",), ("audio", "text"), ("audio", "labels"), ()])
def test_with_the_versions_of_the_manifest_data_is_byte_for_byte_the_builds(
    publish, back, built, closed
):
    publish(**dict.fromkeys(closed, "no"))
    done = back()
    assert done.records == done.published == 31
    assert done.clips == {"source_equal": 31}
    assert done.same_bytes is True and not done.other_versions
    again = result_bytes(built)
    for path in sorted((done.folder / "data").iterdir()):
        assert path.read_bytes() == again[path.name], path.name
    assert samples(done.folder) == samples(built)
    done.check()


def test_what_was_heard_comes_back_with_the_record_and_no_model_is_asked(
    publish, back, built, monkeypatch
):
    checked = {"clip_checks": ("vad",), "min_speech": 0.56}
    publish(checked, audio="no")
    kept = samples(built)
    assert 5 < len(kept) < 31 and kept[0]["audio_info"]["speech"]["by"] == "vad"
    monkeypatch.setattr(onnx_models.util, "find_spec", lambda name: None)
    done = back()
    assert done.same_bytes is True and samples(done.folder) == kept


def test_what_was_heard_and_not_published_is_heard_again(publish, back, built):
    publish({"clip_checks": ("vad",)}, derived="no")
    done = back()
    published = {row["id"]: row["audio_info"]["speech"] for row in samples(built)}
    assert len(published) == done.utterances == 31
    rows = _utterances(done.folder)
    assert {row["id"]: row["audio_info"]["speech"] for row in rows} == published


@pytest.mark.parametrize("closed", [(), ("audio", "text")])
def test_whoever_asked_since_does_not_come_back(publish, back, built, tmp_path, closed):
    publish(**dict.fromkeys(closed, "no"))
    record = next(one for one in samples(built) if one["id"] == "meld-train-0-1")
    table = tmp_path / "exclusions.tsv"
    table.write_text("id\treason\nmeld-train-0-1\tasked to be taken out\n")
    done = back(exclusions=table)
    left = {row["id"] for row in samples(done.folder)}
    assert left and "meld-train-0-1" not in left
    assert done.records == done.published == len(left) < 30 and "missing" not in done.clips
    assert record["target_utterance"]["text"] not in repr(samples(done.folder))
    assert '"meld-train-0-1"' not in (done.folder / "hydrated.jsonl").read_text()


def _utterances(folder):
    files = sorted((folder / "utterances").glob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def test_what_was_hydrated_is_a_build_that_can_be_exported(publish, back, tmp_path):
    publish(audio="no")
    folder = back().folder
    ended = hearten("export", folder, "--format", "trl", "--to", tmp_path / "trl")
    assert ended.code == 0, ended.err


def test_replies_that_may_not_be_published_are_said_to_be_missing(publish, back, built):
    publish(**dict.fromkeys(KINDS, "no"))
    done = back()
    assert done.records == 0 and done.utterances == 31
    assert done.clips == {"not_published": 31}
    assert "replies: draft them with build --corpus meld" in " ".join(done.missing)
    assert not (done.folder / "manifest.json").exists()
    rows = {
        row["id"]: row
        for path in (done.folder / "utterances").iterdir()
        for row in pq.read_table(path).to_pylist()
    }
    made = {"desired_response", "drafting", "checks", "safety"}
    for sample in samples(built):
        row = rows[sample["id"]]
        assert row["desired_response"] is None and row["drafting"] is None
        assert {k: v for k, v in row.items() if k not in made} == {
            k: v for k, v in sample.items() if k not in made
        }


def test_a_changed_clip_is_different_and_the_others_are_there(publish, back, corpus):
    publish(audio="no")
    clips = sorted((corpus / "train" / "train_splits").iterdir())
    clips[0].write_bytes(clips[1].read_bytes())
    done = back()
    assert done.clips == {"source_equal": 30, "different": 1}
    assert done.records == 30 and done.same_bytes is False
    with pytest.raises(VerificationError, match="1 different, such as meld-train-0-0"):
        done.check()
    told = [json.loads(line) for line in (done.folder / "hydrated.jsonl").open()]
    assert [t["detail"] for t in told if t["clip"] == "different"] == [
        "train/train_splits/dia0_utt0.mp4 is another file, with other samples"
    ]


def test_a_build_that_was_drafted_again_under_what_reviewers_hear_comes_back(
    publish, back, built, release
):
    publish()
    record = next(r for r in samples(built) if r["id"] == "meld-train-0-0")
    heard = HeardEmotion(emotion="grief", votes={"grief": 2})
    notes = {"meld-train-0-0": (Note(reply=reply_of(record), reasons=(), heard=heard),)}
    again = Redraft(of=built.name, prompt_version="", notes=notes, which="ids")
    name = f"{built.name}@2"
    config = make_config(
        corpus="meld", source=SAMPLE, name=name, output=built.parent, redraft=again
    )
    build_dataset(config, {}, quiet=True)
    published = release(built.with_name(name), allow_phrasebook=True)
    assert published.staged.tally.corrected == 1
    done = back()
    assert done.same_bytes is True
    row = next(r for r in samples(done.folder) if r["id"] == "meld-train-0-0")
    assert row["target_utterance"]["emotions"]["primary"] == "grief"
    assert (row["annotation"]["source"], row["annotation"]["raw"]) == (
        "review",
        record["annotation"]["raw"],
    )


def test_a_clip_in_another_wrapping_has_equal_samples(publish, back, corpus):
    publish(audio="no")
    path = next((corpus / "train" / "train_splits").iterdir())
    # A box that players skip: another file, the same sound.
    path.write_bytes(path.read_bytes() + (16).to_bytes(4) + b"free" + bytes(8))
    done = back()
    assert done.clips == {"source_equal": 30, "samples_equal": 1}
    assert done.records == 31
    done.check()


def test_a_clip_that_is_missing_is_counted(publish, back, corpus):
    publish(audio="no")
    next((corpus / "train" / "train_splits").iterdir()).unlink()
    done = back()
    assert done.clips == {"source_equal": 30, "missing": 1}
    with pytest.raises(VerificationError, match="1 missing"):
        done.check()


def test_another_version_of_the_annotation_files_is_one_line(publish, back, corpus, tmp_path):
    publish(audio="no")
    path = corpus / "dev_sent_emo.csv"
    path.write_bytes(path.read_bytes().replace(b"neutral", b"joy", 1))
    with pytest.raises(
        SourceError, match="annotation files are of another version.*the version it was built from"
    ):
        back()
    assert not list((tmp_path / "back").rglob("*.parquet"))
    shutil.copy(SAMPLE / "dev_sent_emo.csv", path)
    assert back().records == 31


def test_other_versions_of_the_libraries_are_named(publish, back, monkeypatch):
    publish(audio="no")
    here = hydrating.versions()
    monkeypatch.setattr(hydrating, "versions", lambda: here | {"soxr": "9.9"})
    done = back()
    assert len(done.other_versions) == 1 and "soxr 9.9 instead of" in done.other_versions[0]
    done.check()


def a_row(heard, published=None, **info):
    said = {"sha256_pcm": heard.sha256_pcm, "source_sha256": heard.source_sha256, **info}
    return {"audio_info": said, "audio": published and {"bytes": published, "path": "a.flac"}}


def test_a_clip_is_judged_by_its_file_its_samples_and_how_far_they_are_off():
    import io

    import soundfile

    heard = clip()
    pcm, rate = soundfile.read(io.BytesIO(heard.flac), dtype="int16")

    def shifted(by):
        stream = io.BytesIO()
        soundfile.write(stream, pcm + by, rate, format="FLAC", subtype="PCM_16")
        return stream.getvalue()

    other = {"sha256_pcm": "e" * 64}
    judged = {
        "source_equal": a_row(heard),
        "samples_equal": a_row(heard, source_sha256="f" * 64),
        "within_2_lsb": a_row(heard, shifted(2), **other),
        "different": a_row(heard, shifted(3), **other),
    }
    for name, row in judged.items():
        assert rebuilding.verdict_of(heard, row).name == name
    assert rebuilding.verdict_of(heard, a_row(heard, **other)).name == "source_equal"
    assert rebuilding.verdict_of(heard, a_row(heard, flac(0.1), **other)).name == "different"
    assert rebuilding.verdict_of(None, a_row(heard)).name == "no_clip"


def test_a_dataset_that_is_not_there_or_not_ours_is_one_line(hub, back):
    with pytest.raises(
        HubError, match="there is no dataset org/dataset on the Hub that you can read"
    ):
        back()
    repo = hub.create(REPO, "hf_test", private=False)
    with pytest.raises(HubError, match="org/dataset has no version yet"):
        back()
    repo.tags["v1"] = repo.refs["main"]
    with pytest.raises(HubError, match="org/dataset at v1 was not published by Hearten"):
        back()


def test_a_public_dataset_needs_no_token(hub, publish, back):
    publish(audio="no")
    hub.repos[REPO].private = False
    assert back(token=None).records == 31


def test_a_build_of_that_name_is_left_alone(publish, back):
    publish(audio="no")
    back()
    with pytest.raises(ConfigError, match="dataset already exists.*another --name"):
        back()
    assert back(name="other").records == 31


def test_a_hub_that_goes_away_leaves_nothing_and_the_next_run_completes(
    hub, publish, back, tmp_path
):
    publish(audio="no")
    hub.faults.append(Fault("(GET|HEAD) .*resolve.*parquet", 503, 10_000))
    with pytest.raises(StoppedEarly, match="the Hub failed"):
        back()
    assert not list((tmp_path / "back").rglob("*.parquet"))
    hub.faults.clear()
    assert back().same_bytes
