"""The main job, run as users run it, without a model."""

from __future__ import annotations

import io
import json
import re

import pytest
import soundfile
from builds import hearten, manifest, one_line_error, rejected, result_bytes, samples
from trees import hum, make_meld_tree, meld_row, recording, stereo, surround

import builders
from builders.record.dataset import Build
from builders.record.schema import validator, violations


@pytest.fixture(scope="module")
def sample_build(tmp_path_factory):
    output = tmp_path_factory.mktemp("sample")
    ended = hearten("build", "--corpus", "meld", "--sample", "--output", output)
    assert ended.code == 0, ended.err
    return output / "meld-sample", ended


def test_sample_build_says_first_and_last_that_it_is_for_trying_out(sample_build):
    _, ended = sample_build
    lines = ended.out.rstrip().splitlines()
    assert lines[0] == lines[-1] == "phrasebook: for trying out, not for training"


def test_sample_build_shows_three_samples_the_folder_and_two_commands(sample_build):
    folder, ended = sample_build
    titles = re.findall(r"^(meld-\S+) \(", ended.out, re.M)
    assert len(titles) == 3 and {*titles} < {record["id"] for record in Build(folder).rows(["id"])}
    assert ended.out.count("  says ") == ended.out.count("  reply ") == 3
    assert f"dataset: {folder}" in ended.out
    following = ended.out.split("next:\n")[1]
    assert f"hearten show {folder}\n" in following and "--corpus meld --source DIR" in following


def test_sample_build_accounts_for_every_utterance(sample_build):
    folder, _ = sample_build
    result = manifest(folder)["result"]
    counts = result["counts"]
    assert counts["read"] == counts["kept"] + counts["rejected"] + counts["not_selected"]
    assert counts["kept"] == len(samples(folder)) and counts["rejected"] == len(rejected(folder))
    assert result["rejected"] == {"broken_time": 1}
    assert rejected(folder)[0]["detail"].startswith("train_sent_emo.csv:")


def test_sample_records_are_valid_and_say_who_drafted(sample_build):
    folder, _ = sample_build
    for record in samples(folder):
        record["audio"]["bytes"] = None
        assert violations(validator("sample"), record) == []
        assert record["drafting"]["provider"] == "phrasebook"
        assert record["drafting"]["model"].startswith("phrasebook-")


def test_sample_audio_plays(sample_build):
    folder, _ = sample_build
    for record in samples(folder):
        sound, rate = soundfile.read(io.BytesIO(record["audio"]["bytes"]))
        assert rate == 16000 and sound.ndim == 1
        assert len(sound) == record["audio_info"]["samples"]
        assert abs(sound).max() > 0.05


def test_recut_twin_is_used_and_said(sample_build):
    folder, _ = sample_build
    notes = {note["note"]: note["count"] for note in manifest(folder)["result"]["notes"]}
    assert notes["recut_twin_used"] == 1
    used = [
        r["audio_info"]
        for r in samples(folder)
        if "recut_twin_used" in [f["code"] for f in r["audio_info"]["findings"]]
    ]
    assert [info["source_file"].rsplit("/", 1)[-1][:17] for info in used] == ["final_videos_test"]


def test_context_audio_is_the_digest_of_the_turns_own_clip(sample_build):
    folder, _ = sample_build
    records = samples(folder)
    own = {record["id"]: record["audio_info"]["sha256_pcm"] for record in records}
    turns = [turn for record in records for turn in record["text_context"] if turn["id"] in own]
    assert turns and all(turn["audio_sha256"] == own[turn["id"]] for turn in turns)


def test_a_second_run_asks_nothing_and_says_so(sample_build):
    folder, _ = sample_build
    before = (folder / "manifest.json").read_bytes()
    ended = hearten("build", "--corpus", "meld", "--sample", "--output", folder.parent)
    assert ended.code == 0 and "complete already" in ended.out
    assert (folder / "manifest.json").read_bytes() == before


def test_two_builds_of_the_same_answers_are_the_same_bytes(sample_build, tmp_path):
    folder, _ = sample_build
    hearten("build", "--corpus", "meld", "--sample", "--output", tmp_path)
    assert result_bytes(folder) == result_bytes(tmp_path / "meld-sample")


def test_larger_limit_contains_the_smaller_one(tmp_path):
    kept = []
    for limit in (5, 12):
        ended = hearten(
            "build",
            "--corpus",
            "MELD",
            "--sample",
            "--text-only",
            "--output",
            tmp_path,
            "--limit",
            limit,
        )
        assert ended.code == 0, ended.err
        kept.append({json.dumps(record) for record in samples(tmp_path / "meld-sample")})
    assert len(kept[0]) == 5 and len(kept[1]) == 12 and kept[0] < kept[1]
    assert manifest(tmp_path / "meld-sample")["result"]["splits"]["train"]["not_selected"]["limit"]


def test_build_reads_as_pandas(sample_build):
    folder, _ = sample_build
    build = Build(folder)
    table = build.to_pandas("dev", columns=["id", "annotation"])
    assert list(table.columns) == ["id", "annotation"]
    assert len(table) == manifest(folder)["result"]["splits"]["dev"]["kept"]
    assert {row["reason"] for row in build.rejects(["reason"])} == {"broken_time"}


def test_a_build_is_made_from_python_without_a_word(tmp_path, capfd, sample_build):
    made = builders.build("meld", sample=True, output=tmp_path)
    assert capfd.readouterr() == ("", "")
    assert list(made.rows()) == list(Build(sample_build[0]).rows())
    again = builders.build("meld", sample=True, output=tmp_path)
    assert again.manifest == made.manifest and again.name == "meld-sample"
    assert all(hasattr(builders, name) for name in builders.__all__)


def test_json_output_is_one_object(tmp_path):
    ended = hearten(
        "build", "--corpus", "meld", "--sample", "--text-only", "--output", tmp_path, "--json"
    )
    assert json.loads(ended.out)["result"]["counts"]["kept"]


def test_the_real_annotations_build_completely(real_data, tmp_path):
    ended = hearten(
        "build",
        "--corpus",
        "meld",
        "--source",
        real_data / "meld",
        "--text-only",
        "--output",
        tmp_path,
    )
    assert ended.code == 0, ended.err
    result = manifest(tmp_path / "meld")["result"]
    codes = {
        finding["code"]
        for record in samples(tmp_path / "meld")
        for finding in record["audio_info"]["findings"]
    }
    assert "leak_across_splits" in codes
    assert not codes & {"clip_missing", "clip_corrupt", "very_short_clip"}
    assert result["counts"]["read"] == 13708
    assert result["counts"]["kept"] > 13000
    assert result["counts"]["held"] <= 0.005 * 13708
    counted = (result["counts"][name] for name in ("kept", "rejected", "held"))
    assert sum(counted) == 13708


def test_real_annotations_without_media_stop_in_one_line(real_data, tmp_path):
    ended = hearten(
        "build", "--corpus", "meld", "--source", real_data / "meld", "--output", tmp_path
    )
    line = one_line_error(ended)
    assert ended.code == 1
    for words in (
        "media are missing",
        "train_splits",
        "output_repeated_splits_test",
        "--text-only",
    ):
        assert words in line


def test_a_tree_of_real_speech_builds_with_audio_that_plays(real_data, tmp_path):
    speech = sorted((real_data / "real_speech").glob("*.wav"))[:6]
    clips = {}
    for number, path in enumerate(speech):
        shape = surround if number % 2 else stereo
        split = ("train", "dev", "test")[number % 3]
        clips[f"{split}/dia{number // 3}_utt0"] = shape(recording(path))
    rows = {split: [meld_row(d, 0) for d in (0, 1)] for split in ("train", "dev", "test")}
    source = make_meld_tree(tmp_path / "MELD.Raw", rows, clips, one_level_down=True)
    ended = hearten("build", "--corpus", "meld", "--source", source, "--output", tmp_path / "out")
    assert ended.code == 0, ended.err
    built = {record["id"]: record for record in samples(tmp_path / "out" / "meld")}
    for number, path in enumerate(speech):
        record = built[f"meld-{('train', 'dev', 'test')[number % 3]}-{number // 3}-0"]
        sound, _ = soundfile.read(io.BytesIO(record["audio"]["bytes"]))
        original, _ = soundfile.read(path)
        assert abs(len(sound) - len(original)) < 0.1 * 16000
        assert abs(sound).max() == pytest.approx(abs(original).max(), rel=0.25)


def test_broken_clips_are_rejects_with_a_reason_and_the_rest_builds(tmp_path):
    names = ["dia0_utt0", "dia0_utt1", "dia1_utt0", "dia1_utt1"]
    clips = {f"{split}/{n}": stereo(hum(1.0)) for split in ("train", "dev", "test") for n in names}
    source = make_meld_tree(tmp_path / "MELD.Raw", clips=clips)
    train = source / "train_splits"
    whole = (train / "dia0_utt0.mp4").read_bytes()
    (train / "dia0_utt0.mp4").write_bytes(whole[: len(whole) // 2])
    (train / "dia0_utt1.mp4").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    (train / "dia1_utt0.mp4").unlink()
    ended = hearten("build", "--corpus", "meld", "--source", source, "--output", tmp_path / "out")
    assert ended.code == 0, ended.err
    found = {row["id"]: (row["stage"], row["reason"]) for row in rejected(tmp_path / "out/meld")}
    assert found.pop("meld-train-0-0") in {
        ("audio", "clip_truncated"),
        ("audio", "clip_unreadable"),
    }
    assert found == {
        "meld-train-0-1": ("audio", "lfs_pointer"),
        "meld-train-1-0": ("audio", "clip_missing"),
    }
    lfs = next(r for r in rejected(tmp_path / "out/meld") if r["reason"] == "lfs_pointer")
    assert "git lfs pull" in lfs["detail"] and json.loads(lfs["raw"])["label"] == "neutral"


def test_a_source_named_from_where_one_stands_has_its_clips(tmp_path):
    make_meld_tree(tmp_path / "corpus", clips={"dev/dia0_utt0": stereo(hum(0.5))})
    more = ("--source", "corpus", "--split", "dev")
    assert hearten("build", "--corpus", "meld", *more, cwd=tmp_path).code == 0
    (kept,) = samples(tmp_path / "output" / "meld")
    assert kept["audio_info"]["source_file"] == "dev_splits_complete/dia0_utt0.mp4"
