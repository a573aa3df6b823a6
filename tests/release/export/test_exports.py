"""An export as a whole: which records go out, what is counted, what happens when it cannot be."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from builds import hearten, one_line_error, samples
from datasets import load_dataset
from deciding import decide, edits
from exporting import Row, changed, lines, reviewed, small_build, spoken, written
from invented import record

import builders.release.export
from builders.cli import export as options
from builders.errors import ConfigError, OutputError, UsageError, VerificationError
from builders.record.messages import instruction
from builders.release.export.format_table import formats, profiles, start_line
from builders.release.export.options import SUBSETS, Options, make_options
from builders.review.data.events import Decision
from builders.store.database import Store

SFT = Options("ms-swift")


def export(build: Path, to: Path, **options: Any) -> builders.release.export.Exported:
    return builders.release.export.export(build, to, Options(**{"format": "ms-swift", **options}))


def left_out(folder: Path) -> dict[str, str]:
    """Return the reason why each record is left out, by id."""
    return {row["id"]: row["reason"] for row in lines(folder / "left_out.jsonl")}


def contribution(row: Row, kind: str) -> Row:
    return changed(
        row, audio_contribution={"text_votes": 1, "audio_votes": 0.8, "class": kind, "votes": []}
    )


# What goes out


def test_every_record_is_a_row_or_left_out_with_a_reason_in_every_split(tmp_path):
    route = {"codes": [], "by": "a test", "pii": {"text": None, "sound": None}}
    rows = [
        spoken(0),
        changed(spoken(1), safety={**route, "route": "crisis"}),
        changed(spoken(2), safety={**route, "route": "sensitive"}),
        reviewed(spoken(3), "rejected"),
        reviewed(spoken(4), "disputed"),
        reviewed(spoken(5), "accepted"),
        written(0, split="dev", dialogue="9"),
        changed(spoken(1, split="dev", dialogue="9"), safety={**route, "route": "exclude"}),
    ]
    done = export(small_build(tmp_path / "trial", rows), tmp_path / "out")
    assert done.counts.totals == {"read": 8, "written": 4, "left_out": 4}
    assert left_out(tmp_path / "out") == {
        "meld-train-1-1": "safety_crisis",
        "meld-train-1-3": "review_rejected",
        "meld-train-1-4": "review_disputed",
        "meld-dev-9-1": "safety_exclude",
    }
    told = json.loads((tmp_path / "out" / "export.json").read_text())
    assert told["splits"]["dev"] == {"read": 2, "written": 1, "left_out": {"safety_exclude": 1}}
    assert len(lines(tmp_path / "out" / "train.jsonl")) == told["splits"]["train"]["written"] == 3


def test_a_training_file_holds_only_what_the_corpus_calls_train(tmp_path):
    # As in a combined set, whose shards may be named otherwise than the corpora's own splits.
    rows = [spoken(0), spoken(1, split="all", dialogue="2"), spoken(2, split="test", dialogue="3")]
    export(small_build(tmp_path / "trial", rows), tmp_path / "out")
    for split in ("train", "all", "test"):
        (row,) = lines(tmp_path / "out" / f"{split}.jsonl")
        assert row["id"].split("-")[1] == split


def test_records_of_any_corpus_go_out(tmp_path):
    rows = [
        changed(spoken(0, corpus=slug, split="all", dialogue=f"Ses01%2D{slug}"), language="en")
        for slug in ("crema_d", "emowoz", "mosei")
    ]
    rows[1][0]["target_utterance"]["speaker"]["id"] = None
    export(small_build(tmp_path / "trial", rows), tmp_path / "out")
    assert len(lines(tmp_path / "out" / "all.jsonl")) == 3


def test_clips_lie_beside_the_rows_each_once(tmp_path):
    rows = [spoken(n, earlier=range(n)) for n in range(4)]
    build = small_build(tmp_path / "trial", rows)
    export(build, tmp_path / "out", context_audio=True)
    clips = sorted(path.name for path in (tmp_path / "out" / "audio" / "train").iterdir())
    assert clips == [f"meld-train-1-{n}.flac" for n in range(4)]
    named = Counter(p for row in lines(tmp_path / "out" / "train.jsonl") for p in row["audios"])
    assert named["audio/train/meld-train-1-0.flac"] == 4
    assert (tmp_path / "out" / "audio/train/meld-train-1-0.flac").read_bytes() == rows[0][1]


def test_an_earlier_turn_that_is_left_out_is_still_heard(tmp_path):
    rows = [reviewed(spoken(0), "rejected"), spoken(1, earlier=[0])]
    done = export(small_build(tmp_path / "trial", rows), tmp_path / "out", context_audio=True)
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert row["audios"] == [f"audio/train/meld-train-1-{n}.flac" for n in (0, 1)]
    assert (done.clips_found, done.clips_wanted) == (1, 1)


def test_what_is_unfit_does_not_come_back_as_an_earlier_turn(tmp_path):
    route = {"route": "exclude", "codes": [], "by": "a test", "pii": {"text": None, "sound": None}}
    rows = [changed(spoken(0), safety=route), spoken(1, earlier=[0]), spoken(2, earlier=[1])]
    export(small_build(tmp_path / "trial", rows), tmp_path / "out", context_audio=True)
    assert left_out(tmp_path / "out") == {
        "meld-train-1-0": "safety_exclude",
        "meld-train-1-1": "after_an_unfit_turn",
    }
    clips = (tmp_path / "out" / "audio" / "train").iterdir()
    assert sorted(path.name for path in clips) == [f"meld-train-1-{n}.flac" for n in (1, 2)]


def test_an_earlier_turn_whose_digest_differs_stays_in_words(tmp_path):
    second = spoken(1, earlier=[0])
    second[0]["text_context"][0]["audio_sha256"] = "e" * 64
    build = small_build(tmp_path / "trial", [spoken(0), second])
    done = export(build, tmp_path / "out", context_audio=True)
    row = lines(tmp_path / "out" / "train.jsonl")[1]
    assert row["audios"] == ["audio/train/meld-train-1-1.flac"]
    assert "Ada: The tide was at 0" in row["messages"][0]["content"]
    assert (done.clips_found, done.clips_wanted) == (0, 1)


def test_only_the_clips_of_one_dialogue_are_held(tmp_path):
    later = spoken(1, dialogue="2", earlier=[0])
    later[0]["text_context"][0]["id"] = "meld-train-1-0"
    later[0]["text_context"][0]["audio_sha256"] = None
    rows = [spoken(0, dialogue="1"), later]
    done = export(small_build(tmp_path / "trial", rows), tmp_path / "out", context_audio=True)
    assert (done.clips_found, done.clips_wanted) == (0, 1)


def test_instructions_differ_by_id_and_by_whether_there_is_a_clip(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0), written(1), spoken(2)])
    export(build, tmp_path / "out")
    for row, has_clip in zip(lines(tmp_path / "out" / "train.jsonl"), (1, 1, 0), strict=True):
        last = row["messages"][0]["content"].splitlines()[-1]
        assert last == instruction(row["id"], spoken=bool(has_clip))


def test_the_system_prompt_opens_every_row(tmp_path):
    (tmp_path / "system.txt").write_text("You are kind.\n")
    options = make_options(format="trl", system_prompt=tmp_path / "system.txt")
    builders.release.export.export(
        small_build(tmp_path / "trial", [spoken(0)]), tmp_path / "out", options
    )
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert row["prompt"][0] == {"role": "system", "content": "You are kind."}


def test_voice_words_go_out_when_asked_for(tmp_path):
    voice = {"descriptors": [], "reference": "none", "words": "softer", "caption": None}
    build = small_build(tmp_path / "trial", [changed(spoken(0), voice={**voice, "reliable": True})])
    for wanted in (True, False):
        export(build, tmp_path / "out", format="trl", voice_words=wanted)
        (row,) = lines(tmp_path / "out" / "train.jsonl")
        assert ("(softer)" in row["prompt"][0]["content"]) is wanted


@pytest.mark.parametrize(("word", "kept"), [("weak", "0"), ("strong", "1")])
def test_a_subset_is_chosen_by_what_the_audio_contributes(tmp_path, word, kept):
    rows = [
        contribution(spoken(0), "text_solvable"),
        contribution(spoken(1), "audio_solvable"),
        contribution(spoken(2), "unsupported"),
        spoken(3),
    ]
    export(small_build(tmp_path / "trial", rows), tmp_path / "out", subset=word)
    assert [row["id"][-1] for row in lines(tmp_path / "out" / "train.jsonl")] == [kept]
    assert Counter(left_out(tmp_path / "out").values()) == {"not_in_subset": 3}


def test_a_subset_that_nothing_has_measured_is_one_line(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    with pytest.raises(ConfigError, match=r"has not been measured .*; leave out --subset"):
        export(build, tmp_path / "out", subset="weak")
    assert not (tmp_path / "out").exists()


def test_strict_takes_labels_that_match_and_whose_votes_agree(tmp_path):
    votes = [{"rater": None, "label": "joy", "count": 2}]
    unknown = {"root": "unknown", "primary": "other"}
    rows = [
        spoken(0),
        changed(spoken(1), annotation={"match_root": "close"}),
        changed(spoken(2), annotation={"match_root": "broad"}),
        changed(spoken(3), annotation={"votes": votes, "agreement": 0.75}),
        changed(spoken(4), annotation={"votes": votes, "agreement": None}),
        spoken(5),
    ]
    rows[5][0]["target_utterance"]["emotions"] |= unknown
    export(small_build(tmp_path / "trial", rows), tmp_path / "out", strict=True)
    assert [row["id"][-1] for row in lines(tmp_path / "out" / "train.jsonl")] == ["0", "1", "3"]
    assert set(left_out(tmp_path / "out").values()) == {"not_strict"}


# What a model bears


def test_a_clip_that_the_model_would_cut_is_left_out(tmp_path):
    rows = [spoken(0, seconds=30.0), spoken(1, seconds=30.1)]
    build = small_build(tmp_path / "trial", rows)
    export(build, tmp_path / "out", format="chat", profile="qwen2-audio")
    assert left_out(tmp_path / "out") == {"meld-train-1-1": "clip_too_long"}
    export(build, tmp_path / "out", format="chat", profile="qwen2.5-omni")
    assert not left_out(tmp_path / "out")


def test_a_row_of_more_tokens_than_the_model_reads_is_left_out(tmp_path):
    long = spoken(1)
    long[0]["background"] = {"text": "sea " * 2048, "origin": "scene"}
    build = small_build(tmp_path / "trial", [spoken(0), long])
    export(build, tmp_path / "out", profile="qwen2-audio")
    assert left_out(tmp_path / "out") == {"meld-train-1-1": "too_many_tokens"}


def test_a_model_that_speaks_under_its_own_system_turn_gets_it(tmp_path):
    options = make_options(format="chat", profile="qwen2.5-omni", reply_audio=True)
    assert options.system == profiles()["qwen2.5-omni"].speech_system
    (tmp_path / "own.txt").write_text("Be brief.")
    with pytest.raises(
        UsageError, match="speech only with its own system prompt; leave out --system-prompt"
    ):
        make_options(
            format="chat",
            profile="qwen2.5-omni",
            reply_audio=True,
            system_prompt=tmp_path / "own.txt",
        )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"format": "llama-factory", "task": "grpo"}, "llama-factory has no task grpo"),
        ({"format": "chat"}, r"chat depends on the model; add --profile qwen2-audio\|"),
        ({"format": "trl", "context_audio": True}, "trl cannot hold the clips of earlier"),
        ({"format": "lhotse", "context_audio": True}, "lhotse cannot hold the clips"),
        ({"format": "ms-swift", "reply_audio": True}, "ms-swift cannot hold a spoken reply"),
        (
            {"format": "chat", "profile": "qwen2-audio", "reply_audio": True},
            r"answers in text only; choose another --profile \(qwen2.5-omni, qwen3-omni\)",
        ),
    ],
)
def test_options_that_do_not_go_together_are_one_line(given, words):
    with pytest.raises(UsageError, match=words):
        make_options(**given)


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), (b" \n", "is empty")])
def test_a_system_prompt_that_is_none_is_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "system.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        make_options(format="trl", system_prompt=tmp_path / "system.txt")


# What people preferred


WANTED = "You kept at it all year, and it shows."


@pytest.fixture
def reviews(tmp_path):
    """Return a build about whose replies people have decided, an edited one among them."""
    folder = small_build(tmp_path / "trial", [spoken(n) for n in range(5)])
    names = [f"meld-train-1-{n}" for n in range(5)]
    other = (
        ("celebration",) if record(4)["desired_response"]["strategies"] != ["celebration"] else ()
    )
    verdicts = (
        edits(folder, names[0], WANTED),
        Decision("accept"),
        Decision("reject", reason="generic"),
        None,
        Decision("accept", strategies=other),
    )
    decide(folder, {n: v for n, v in zip(names, verdicts, strict=True) if v})
    return folder


PAIRS = {
    "meld-train-1-1": "no_pair",
    "meld-train-1-2": "no_pair",
    "meld-train-1-3": "not_reviewed",
    "meld-train-1-4": "no_pair",
}


@pytest.mark.parametrize("format", ["ms-swift", "llama-factory", "trl"])
def test_a_pair_is_what_a_person_wrote_against_the_draft_they_edited(reviews, tmp_path, format):
    export(reviews, tmp_path / "out", format=format, task="dpo")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    chosen, rejected = {
        "ms-swift": lambda: (row["messages"][-1]["content"], row["rejected_response"]),
        "llama-factory": lambda: (row["chosen"]["content"], row["rejected"]["content"]),
        "trl": lambda: (row["chosen"][0]["content"], row["rejected"][0]["content"]),
    }[format]()
    assert chosen == WANTED and row["origin"] == "edit"
    assert rejected == samples(reviews)[0]["desired_response"]["text"]
    assert left_out(tmp_path / "out") == PAIRS


def test_ranked_rows_of_llama_factory_end_on_the_user_turn(reviews, tmp_path):
    export(reviews, tmp_path / "out", format="llama-factory", task="dpo")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert len(row["messages"]) % 2 == 1
    entry = json.loads((tmp_path / "out" / "dataset_info.json").read_text())["train"]
    assert entry["ranking"] is True and entry["columns"]["chosen"] == "chosen"


@pytest.mark.parametrize("format", ["ms-swift", "llama-factory", "trl"])
def test_verdicts_are_true_for_what_was_kept_and_false_for_what_was_rejected(
    reviews, tmp_path, format
):
    export(reviews, tmp_path / "out", format=format, task="kto")
    told = {row["id"][-1]: row["label"] for row in lines(tmp_path / "out" / "train.jsonl")}
    assert told == {"0": True, "1": True, "2": False, "4": True}
    assert left_out(tmp_path / "out") == {"meld-train-1-3": "not_reviewed"}


@pytest.mark.parametrize(
    ("task", "words"), [("dpo", "no preference pairs: no reply"), ("kto", "no verdicts: no reply")]
)
def test_a_build_that_nobody_reviewed_has_no_preferences(tmp_path, task, words):
    build = small_build(tmp_path / "trial", [spoken(0)])
    Store(str(tmp_path / "hearten.sqlite")).close()
    with pytest.raises(ConfigError, match=f"there are {words}"):
        export(build, tmp_path / "out", task=task)


def test_pairs_without_a_store_are_one_line(reviews, tmp_path):
    (tmp_path / "hearten.sqlite").unlink()
    with pytest.raises(ConfigError, match=r"there is no store .*hearten.sqlite; .* --store"):
        export(reviews, tmp_path / "out", task="dpo")
    assert not (tmp_path / "hearten.sqlite").exists()


# Bytes and folders


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("format", formats())
def test_the_same_build_makes_the_same_bytes(tmp_path, format):
    build = small_build(tmp_path / "trial", [spoken(0), spoken(1, earlier=[0])])
    profile = "qwen3-omni" if formats()[format].needs_profile else None
    found = []
    for name in ("one", "two"):
        export(build, tmp_path / name / "out", format=format, profile=profile)
        found.append(everything(tmp_path / name / "out"))
    assert found[0] == found[1]
    assert str(tmp_path).encode() not in b"".join(found[0].values())


def test_an_earlier_export_is_replaced_whole_and_anything_else_is_left_alone(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    export(build, tmp_path / "out", format="lhotse")
    export(build, tmp_path / "out", format="webdataset")
    assert not (tmp_path / "out" / "train.jsonl").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(
        OutputError, match=r"mine is neither empty nor an earlier export; expected an empty folder"
    ):
        export(build, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_a_folder_inside_the_build_is_refused(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    for to in (build, build / "data", build / "data" / ".." / "new"):
        with pytest.raises(OutputError, match="is inside the build"):
            export(build, to)


def test_an_export_that_fails_leaves_nothing_behind_and_the_earlier_one_as_it_was(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    export(build, tmp_path / "out")
    before = everything(tmp_path / "out")
    (shard,) = (build / "data").glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(VerificationError, match=r"train-00000\S* has [\d,]+ bytes .*; expected"):
        export(build, tmp_path / "out", format="trl")
    assert everything(tmp_path / "out") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "trial"]


def test_a_shard_of_another_length_than_the_manifest_says_is_refused(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    manifest = json.loads((build / "manifest.json").read_text())
    manifest["result"]["files"][0]["rows"] = 2
    (build / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(VerificationError, match="has 1 rows in .*; expected 2, as manifest"):
        export(build, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0)])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*; choose another --to"):
        export(build, tmp_path / "file" / "out")


def test_when_nothing_can_go_out_the_reasons_are_told(tmp_path):
    build = small_build(tmp_path / "trial", [written(0), written(1)])
    with pytest.raises(ConfigError, match=r"none of the 2 records can be exported \(2 no_audio\)"):
        export(build, tmp_path / "out", format="lhotse")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", formats())
def test_the_start_line_names_files_that_are_there(tmp_path, name):
    build = small_build(tmp_path / "trial", [spoken(0, split="all")])
    profile = "qwen3-omni" if formats()[name].needs_profile else None
    done = export(build, tmp_path / "out", format=name, profile=profile)
    files = re.findall(r"[\w.-]+\.(?:jsonl|tar)\b", done.start)
    assert all((tmp_path / "out" / file).is_file() for file in files)
    assert files or "all" in done.start or "unsplit" in done.start
    assert done.start in (tmp_path / "out" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", formats())
def test_no_start_line_trains_on_a_test_split(tmp_path, name):
    profile = "qwen3-omni" if formats()[name].needs_profile else None
    only = small_build(tmp_path / "only", [spoken(0, split="test")])
    done = export(only, tmp_path / "out", format=name, profile=profile)
    assert done.start is None
    page = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "measure on them, and train on none" in page and "From inside" not in page
    both = small_build(tmp_path / "both", [spoken(0, split="test"), spoken(1, split="dev")])
    done = export(both, tmp_path / "more", format=name, profile=profile)
    assert "dev" in done.start and "test" not in done.start


def test_whoever_exports_a_test_split_is_told(tmp_path):
    assert hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path).code == 0
    told = "the rows of test are the corpus's own test split: measure on them, do not train"
    ended = hearten("export", "output/meld-sample", "--format", "trl", "--to", "a", cwd=tmp_path)
    assert told in ended.out.splitlines()
    assert (
        hearten(
            *("build", "--corpus", "meld", "--sample", "--split", "test", "--name", "t"),
            cwd=tmp_path,
        ).code
        == 0
    )
    ended = hearten("export", "output/t", "--format", "trl", "--to", "b", cwd=tmp_path)
    assert ended.code == 0 and "next, from there" not in ended.out
    assert "All rows are of the corpus's own test split" in ended.out


def test_datasets_loads_an_export_by_its_folder(tmp_path, monkeypatch):
    rows = [spoken(0), spoken(1), spoken(0, split="all", dialogue="2"), spoken(2, split="dev")]
    build = small_build(tmp_path / "trial", rows)
    export(build, tmp_path / "out", format="trl")
    loaded = load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(split) for name, split in loaded.items()} == {
        "train": 2,
        "unsplit": 1,
        "dev": 1,
    }


@pytest.mark.parametrize("format", ["ms-swift", "trl"])
def test_datasets_loads_many_written_rows_before_the_first_spoken_one(tmp_path, format):
    # It takes the types of a column from the first 10 MB.
    many = [written(n) for n in range(1200)]
    for sample, _ in many:
        sample["background"] = {"text": "The tide turned once more. " * 400, "origin": "scene"}
    build = small_build(tmp_path / "trial", [*many, spoken(1200)])
    export(build, tmp_path / "out", format=format)
    path = tmp_path / "out" / "train.jsonl"
    assert path.stat().st_size > 12_000_000
    loaded = load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(loaded) == 1201
    assert loaded[0]["id"] == "meld-train-1-1200"


# The command


def test_the_command_says_what_became_of_every_record(tmp_path):
    assert hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path).code == 0
    flags = ("--format", "chat", "--profile", "qwen3-omni", "--context-audio", "--to", "out")
    ended = hearten("export", "output/meld-sample", *flags, cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = ended.out.splitlines()
    assert told[:4] == [
        "train: 17 of 17",
        "dev: 6 of 6",
        "test: 8 of 8",
        "31 read = 31 written + 0 left out",
    ]
    assert told[-1] == "phrasebook: for trying out, not for training"
    assert start_line("chat", "sft", profiles()["qwen3-omni"]) in ended.out
    assert len(list((tmp_path / "out" / "audio").rglob("*.flac"))) == 31


def test_the_command_prints_one_json_object_when_asked_to(tmp_path):
    build = small_build(tmp_path / "trial", [spoken(0), written(1)])
    ended = hearten("export", build, "--format", "lhotse", "--to", tmp_path / "out", "--json")
    told = json.loads(ended.out)
    assert (told["read"], told["written"], told["left_out"]) == (2, 1, 1)
    assert told["splits"]["train"]["left_out"] == {"no_audio": 1}


def test_a_folder_without_a_build_is_one_line(tmp_path):
    ended = hearten("export", tmp_path / "none", "--format", "trl", "--to", tmp_path / "out")
    assert ended.code == 1
    assert "there is no build" in one_line_error(ended)


def test_the_command_line_offers_what_the_tables_hold():
    assert set(options.Format.__args__) == set(formats())
    assert set(options.Profile.__args__) == set(profiles())
    assert set(options.Subset.__args__) == set(SUBSETS)
    tasks = {task for facts in formats().values() for task in facts.tasks}
    assert set(options.Task.__args__) == tasks


@pytest.fixture
def tiny_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, tiny_disk):
    build = small_build(tmp_path / "trial", [spoken(n, seconds=2.0) for n in range(4)])
    with pytest.raises(OutputError, match=r"the disk is full .*free some space"):
        export(build, tiny_disk / "out")
    assert not list(tiny_disk.iterdir())
