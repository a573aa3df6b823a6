"""Exports of what people really answered: rows in words, and rows with speech on both sides."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from builds import hearten
from deciding import decide
from exporting import lines

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError, UsageError
from builders.pipeline.run import build as build_dataset
from builders.record.human_replies import HumanReplies
from builders.release.export import Exported, export
from builders.release.export.options import make_options
from builders.release.mining import mine
from builders.resources import corpora
from builders.review.data.events import Decision
from builders.settings import make_config


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mined build of MELD's sample."""
    output = tmp_path_factory.mktemp("made") / "output"
    source = corpora() / "meld" / "sample"
    build_dataset(
        make_config(corpus="meld", source=source, name="meld", output=output), {}, quiet=True
    )
    mine(output / "meld", str(output / "hearten.sqlite"), Exclusions())
    return output / "meld"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may change."""
    return shutil.copytree(made, tmp_path / "output" / "meld")


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Callable[..., Exported]:
    def with_options(excluded: Callable[[str], bool] = lambda _: False, **given: Any) -> Exported:
        given = {"format": "ms-swift", "replies": "people", **given}
        return export(folder, tmp_path / "out", make_options(**given), None, excluded)

    return with_options


def test_the_reply_of_a_row_is_the_persons(run, folder, tmp_path):
    counts = run().counts
    mined = {row["id"]: row for row in HumanReplies(folder).rows()}
    assert counts.totals == {"read": 31, "written": 17, "left_out": 14}
    assert counts.reasons() == {"no_human_reply": 14} and counts.providers == {"people": 31}
    paths = [tmp_path / "out" / f"{split}.jsonl" for split in ("train", "dev", "test")]
    told = [row["messages"][-1]["content"] for path in paths for row in lines(path)]
    assert told == [row["reply"] for row in mined.values()]
    assert json.loads((tmp_path / "out/export.json").read_text())["options"]["replies"] == "people"


def test_rows_for_speech_to_speech_have_both_voices(run, folder, tmp_path):
    run(format="chat", profile="qwen2.5-omni", reply_audio=True)
    mined = {row["id"]: row for row in HumanReplies(folder).rows()}
    assert len([*(tmp_path / "out/audio").rglob("*.reply.flac")]) == len(mined) == 17
    for name, row in mined.items():
        for clip, end in (("audio", ""), ("reply_audio", ".reply")):
            path = tmp_path / "out/audio" / row["split"] / f"{name}{end}.flac"
            assert path.read_bytes() == row[clip]["bytes"]
        assert soundfile.info(io.BytesIO(row["reply_audio"]["bytes"])).samplerate == 16_000


def test_rows_with_and_without_the_replys_voice_are_not_mixed(folder, run, tmp_path):
    shutil.rmtree(folder)
    config = make_config(
        corpus="meld",
        source=corpora() / "meld" / "sample",
        name="meld",
        output=folder.parent,
        limit=12,
    )
    build_dataset(config, {}, quiet=True)
    silent = mine(folder, str(folder.parent / "hearten.sqlite"), Exclusions()).manifest["counts"]
    counts = run(format="chat", profile="qwen2.5-omni", reply_audio=True).counts
    assert counts.reasons()["no_reply_clip"] == silent["silent"] > 0
    assert counts.rows == silent["kept"] - silent["silent"]


def test_a_rejected_draft_is_none_of_peoples(run, folder, tmp_path):
    """Reviewers may have turned the whole sample down; then nothing of it is learnt from."""
    decide(folder, {"meld-dev-0-0": Decision("reject", reason="generic")})
    assert run().counts.reasons() == {"no_human_reply": 14, "rejected_in_review": 1}


def test_what_is_gated_is_a_draft(run, folder):
    (folder / "gated.tsv").write_text("id\treason\nmeld-dev-0-0\tset_same\n")
    assert run().counts.rows == 17


def test_who_asked_since_is_in_no_row(run, tmp_path):
    counts = run(Exclusions(frozenset({"meld-dev-0-1"})).covers).counts
    assert counts.rows == 15
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"meld-dev-0-1" not in written


def test_a_build_that_was_not_mined_says_so(run, folder):
    shutil.rmtree(folder / "human_replies")
    with pytest.raises(ConfigError, match=f"run hearten mine {folder}"):
        run()


def test_a_build_that_was_replaced_since_says_so(run, folder):
    path = folder / "human_replies/manifest.json"
    held = json.loads(path.read_text())
    held["identity"]["the build"] = "another"
    path.write_text(json.dumps(held))
    with pytest.raises(ConfigError, match="was replaced after its replies of people were mined"):
        run()


@pytest.mark.parametrize("task", ["dpo", "kto"])
def test_nobody_chose_among_peoples_replies(run, task):
    with pytest.raises(UsageError, match=f"--replies people has no task {task}"):
        run(task=task)


def test_the_command(folder, tmp_path):
    flags = ("--format", "trl", "--replies", "people", "--to", tmp_path / "rows")
    ended = hearten("export", folder, *flags, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "31 read = 17 written + 14 left out" in ended.out
    assert "phrasebook" not in ended.out + ended.err
