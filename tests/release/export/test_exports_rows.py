"""Each format's rows keep their trainer's own rules, said again here as checks.

`test_exports_trainers.py` runs the trainers' own code where it can be installed.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import soundfile
from builds import describe
from exporting import lines, small_build, spoken, written
from invented import flac

import builders.release.export
from builders.release.export.format_table import formats, profiles
from builders.release.export.options import Options

MARKED = [name for name, facts in formats().items() if facts.mark and name != "chat"]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build with spoken and written records, with and without context."""
    rows = [
        spoken(0),
        spoken(1, earlier=[0]),
        written(2, earlier=[0, 1]),
        spoken(3, earlier=[0, 1, 2]),
        written(0, dialogue="2.json", split="dev"),
        spoken(0, dialogue="5.json", split="test"),
    ]
    return small_build(tmp_path_factory.mktemp("builds") / "trial", rows)


def export(build: Path, to: Path, format: str, **options: Any) -> Path:
    builders.release.export.export(build, to, Options(format, **options))
    return to


def rows(folder: Path) -> list[dict[str, Any]]:
    names = ("train.jsonl", "dev.jsonl", "test.jsonl")
    return [row for name in names if (folder / name).exists() for row in lines(folder / name)]


def alternates(messages: list[dict[str, str]], ends_with: str = "assistant") -> None:
    """Check that roles alternate from the user on, after at most one system turn."""
    turns = messages[1:] if messages[0]["role"] == "system" else messages
    roles = [turn["role"] for turn in turns]
    assert roles == ["user", "assistant"][: len(roles)]
    assert roles[-1] == ends_with
    assert all(turn["content"].strip() for turn in messages)


def heard(folder: Path, path: str) -> None:
    """Check that a path is relative and names a clip that can be read."""
    assert not Path(path).is_absolute()
    pcm, rate = soundfile.read(folder / path)
    assert rate == 16000 and len(pcm) == 1600


@pytest.mark.parametrize("context", [False, True])
def test_ms_swift_rows_have_as_many_marks_as_clips(build, tmp_path, context):
    folder = export(build, tmp_path / "out", "ms-swift", context_audio=context)
    told = rows(folder)
    for row in told:
        assert set(row) == {"id", "messages", "audios"}
        alternates(row["messages"])
        marks = sum(turn["content"].count("<audio>") for turn in row["messages"])
        assert marks == len(row["audios"])
        for path in row["audios"]:
            heard(folder, path)
    by_id = {row["id"]: len(row["audios"]) for row in told}
    assert by_id["meld-train-1-1"] == (2 if context else 1)
    assert by_id["meld-train-1-2"] == (2 if context else 0)
    # The turn before it is written, and stays in words.
    assert by_id["meld-train-1-3"] == (3 if context else 1)


def test_ms_swift_grpo_rows_end_on_the_user_turn_and_carry_rewards(build, tmp_path):
    for row in rows(export(build, tmp_path / "out", "ms-swift", task="grpo")):
        alternates(row["messages"], ends_with="user")
        assert row["emotion"] == "happiness"
        assert row["strategies"] == ["celebration"]
        assert row["solution"].startswith("What a lovely surprise")
        # Names that ms-swift reads as something of its own.
        assert not {"label", "channel", "response", "images", "videos"} & set(row)


def test_llama_factory_rows_are_registered_under_the_columns_they_have(build, tmp_path):
    folder = export(build, tmp_path / "out", "llama-factory", context_audio=True)
    known = json.loads((folder / "dataset_info.json").read_text())
    assert set(known) == {"train", "dev", "test"}
    for entry in known.values():
        assert entry["formatting"] == "sharegpt"
        for row in lines(folder / entry["file_name"]):
            messages, audios = (row[entry["columns"][n]] for n in ("messages", "audios"))
            assert set(messages[0]) == {entry["tags"]["role_tag"], entry["tags"]["content_tag"]}
            alternates(messages)
            assert len(messages) % 2 == 0
            assert sum(t["content"].count("<audio>") for t in messages) == len(audios)
            for path in audios:
                heard(folder, path)


def test_trl_rows_are_conversational_and_in_words_alone(build, tmp_path):
    for row in rows(export(build, tmp_path / "out", "trl")):
        assert set(row) == {"id", "prompt", "completion", "audios"}
        assert [turn["role"] for turn in row["prompt"]] == ["user"]
        assert [turn["role"] for turn in row["completion"]] == ["assistant"]
        assert "<audio>" not in row["prompt"][0]["content"]
        assert "The boat left at" in row["prompt"][0]["content"]


def test_trl_grpo_rows_are_prompts_with_reward_columns(build, tmp_path):
    for row in rows(export(build, tmp_path / "out", "trl", task="grpo")):
        assert set(row) == {"id", "prompt", "emotion", "strategies", "solution", "audios"}


@pytest.mark.parametrize("profile", profiles())
def test_chat_blocks_are_spelt_as_the_model_reads_them(build, tmp_path, profile):
    key = {"qwen2-audio": "audio_url"}.get(profile, "audio")
    folder = export(build, tmp_path / "out", "chat", profile=profile, context_audio=True)
    found = {}
    for row in rows(folder):
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        blocks = [block for turn in row["messages"] for block in turn["content"]]
        for block in blocks:
            assert set(block) == {"type", "text" if block["type"] == "text" else key}
            assert block.get("text") != "" and "<audio>" not in block.get("text", "")
        clips = [block[key] for block in blocks if block["type"] == "audio"]
        for path in clips:
            heard(folder, path)
        assert row["seconds"] == pytest.approx(0.1 * len(clips))
        found[row["id"]] = clips
    own = [f"audio/train/meld-train-1-{n}.flac" for n in (0, 1, 3)]
    assert found["meld-train-1-3"] == own


def test_chat_clips_stand_where_they_are_said(build, tmp_path):
    folder = export(build, tmp_path / "out", "chat", profile="qwen3-omni", context_audio=True)
    row = next(row for row in rows(folder) if row["id"] == "meld-train-1-1")
    kinds = [block.get("text", "(clip)") for block in row["messages"][0]["content"]]
    assert kinds[:4] == ["Earlier: Ada: ", "(clip)", "\nNow: Bo: ", "(clip)"]
    assert kinds[4].startswith("\n") and len(kinds) == 5


def test_nemo_turns_name_clips_relative_to_the_manifest(build, tmp_path):
    folder = export(build, tmp_path / "out", "nemo", context_audio=True)
    for row in rows(folder):
        assert set(row) == {"id", "conversations", "custom"}
        for turn in row["conversations"]:
            assert turn["from"] in ("User", "Assistant")
            assert turn["value"] and turn["value"] == turn["value"].strip()
            if turn["type"] == "audio":
                heard(folder, turn["value"])
                assert turn["duration"] == pytest.approx(0.1)
            else:
                assert turn["type"] == "text" and "<audio>" not in turn["value"]
        assert [turn["from"] for turn in row["conversations"]][-2:] == ["User", "Assistant"]


def test_webdataset_members_of_a_row_lie_side_by_side_under_one_key(build, tmp_path):
    folder = export(build, tmp_path / "out", "webdataset", context_audio=True)
    keys: dict[str, dict[str, bytes]] = {}
    for shard in sorted(folder.glob("*.tar")):
        with tarfile.open(shard) as tar:
            order = []
            for member in tar:
                assert (member.mtime, member.uid, member.uname) == (0, 0, "")
                key, _, extension = member.name.partition(".")
                keys.setdefault(key, {})[extension] = tar.extractfile(member).read()
                if key not in order[-1:]:
                    order.append(key)
            assert len(order) == len(set(order))
    assert set(keys) == {
        *(f"meld-train-1-{n}" for n in range(4)),
        "meld-dev-2%2Ejson-0",
        "meld-test-5%2Ejson-0",
    }
    for members in keys.values():
        row = json.loads(members.pop("json"))
        assert sorted(row["audios"]) == sorted(members)
        marks = sum(turn["content"].count("<audio>") for turn in row["messages"])
        assert marks == len(row["audios"])
        for content in members.values():
            assert soundfile.info(io.BytesIO(content)).samplerate == 16000
    assert not (folder / "audio").exists()


def test_webdataset_shards_end_before_a_row_that_does_not_fit(build, tmp_path, monkeypatch):
    monkeypatch.setattr("builders.release.export.formats.webdataset.SHARD_BYTES", 5000)
    folder = export(build, tmp_path / "out", "webdataset")
    assert [path.name for path in sorted(folder.glob("train-*.tar"))] == [
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
    ]


def test_lhotse_cuts_agree_with_their_clips_and_written_records_stay_behind(build, tmp_path):
    folder = export(build, tmp_path / "out", "lhotse")
    cuts = rows(folder)
    assert [cut["id"] for cut in cuts] == [
        *(f"meld-train-1-{n}" for n in (0, 1, 3)),
        "meld-test-5.json-0",
    ]
    for cut in cuts:
        recording, (supervision,) = cut["recording"], cut["supervisions"]
        info = soundfile.info(folder / recording["sources"][0]["source"])
        assert recording["num_samples"] == info.frames
        assert recording["duration"] == cut["duration"] == supervision["duration"] == 0.1
        assert supervision["text"].startswith("The boat left at")
        assert cut["custom"]["messages"][-1]["role"] == "assistant"
    left = lines(folder / "left_out.jsonl")
    assert [(row["id"], row["reason"]) for row in left] == [
        ("meld-train-1-2", "no_audio"),
        ("meld-dev-2.json-0", "no_audio"),
    ]


@pytest.mark.parametrize("format", MARKED)
def test_a_text_that_holds_the_mark_is_left_out_with_the_reason(tmp_path, format):
    rows_in = [spoken(0), spoken(1), spoken(2)]
    rows_in[1][0]["target_utterance"]["text"] = "They call the tag <audio> there."
    rows_in[1][0]["desired_response"]["text"] = "The tag <audio> it is, then, and nothing else."
    rows_in[2][0]["desired_response"]["text"] = "What is <|im_end|> to you, I wonder today?"
    build = small_build(tmp_path / "trial", rows_in)
    folder = export(build, tmp_path / "out", format)
    left = lines(folder / "left_out.jsonl")
    assert [row["reason"] for row in left] == ["marks_differ", "reserved_words"]


def test_the_spoken_reply_stands_in_the_assistant_turn(tmp_path):
    sample, heard_bytes = spoken(0)
    sample["reply_audio"] = {"path": "reply.flac", "bytes": None}
    build = small_build(tmp_path / "trial", [(sample, heard_bytes), spoken(1)])
    set_reply_audio(build, flac(0.2))
    options = {"profile": "qwen3-omni", "reply_audio": True}
    folder = export(build, tmp_path / "out", "chat", **options)
    (row,) = lines(folder / "train.jsonl")
    text, clip = row["messages"][1]["content"]
    assert text["type"] == "text"
    assert clip == {"type": "audio", "audio": "audio/train/meld-train-1-0.reply.flac"}
    assert soundfile.info(folder / clip["audio"]).frames == 3200
    (left,) = lines(folder / "left_out.jsonl")
    assert (left["id"], left["reason"]) == ("meld-train-1-1", "no_reply_audio")


def set_reply_audio(build: Path, clip: bytes) -> None:
    """Put a clip into the first record's reply, as a build with a voice would hold it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (shard,) = (build / "data").glob("*.parquet")
    table = pq.read_table(shard)
    rows_of = table.to_pylist()
    rows_of[0]["reply_audio"]["bytes"] = clip
    pq.write_table(pa.Table.from_pylist(rows_of, table.schema), shard)
    describe(build)
