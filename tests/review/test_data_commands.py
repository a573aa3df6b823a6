"""`review-status`, `review-export` and `review-import`, as a user runs them."""

import json
import re
import xml.etree.ElementTree as xml
from dataclasses import replace

import pytest
import soundfile
import yaml
from builds import hearten, one_line_error, samples
from test_merge import decide, edit

from builders.record.dataset import Build
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items
from builders.review.data.people import People
from builders.review.data.queue import Queue
from builders.review.data.settings import Settings, save_settings
from builders.store.database import Store

ACCEPT = Decision("accept", strategies=("validation",), ratings={"fit": 4}, comment="fits")


class Review:
    """What `test_merge.decide` takes, over the store beside a build."""

    def __init__(self, folder):
        self.store = Store(str(folder.parent / "hearten.sqlite"))
        self.name, self.build = folder.name, Build(folder)
        list(Items(self.store).register(self.build))
        self.people, self.reviews = People(self.store), Reviews(self.store)
        self.ann, self.bob = self.people.named("Ann Example"), self.people.named("Bob")
        save_settings(self.store, self.name, Settings(overlap=2, gold_share=0))
        self.items = Queue(self.store).next(self.name, self.ann, 4)


@pytest.fixture
def review(folder):
    """Four items: accepted by two, edited, flagged and rejected, disputed."""
    made = Review(folder)
    record = made.build.row(made.items[1].shard, made.items[1].row)
    accept = Decision("accept", ratings={"fit": 4}, comment="fits <b>&</b>")
    decide(made, made.items[0], made.ann, accept)
    decide(made, made.items[0], made.bob, accept)
    decide(made, made.items[1], made.ann, edit(record))
    reject = Decision("reject", reason="generic", flags=("unsafe",), emotion="grief")
    decide(made, made.items[2], made.ann, reject)
    decide(made, made.items[3], made.ann, accept)
    decide(made, made.items[3], made.bob, Decision("reject", reason="too_much"))
    made.store.close()
    return made


def test_the_status_says_what_is_decided_by_whom_and_how_far_they_agree(review, folder, tmp_path):
    ended = hearten("review-status", folder, cwd=tmp_path)
    assert ended.code == 0, ended.err
    count = len(samples(folder))
    for line in (
        f"meld: 4 of {count} samples have a decision",
        "2 of them by 2 people, as required",
        "  1 accepted",
        "  1 disputed",
        "  1 flagged unsafe",
        "Ann Example: 4 decided, 0 skipped",
        f"disputed: {review.items[3].item}",
        f"  {f'{review.items[2].emotion} to grief'.ljust(40)} 1 time, by the majority in 1",
    ):
        assert line in ended.out
    said = " ".join(ended.out.split())
    answered = r"2 items, 50% of the pairs equal\); 6 answered of 6 too few items to say how sure"
    assert re.search(rf"verdict \S+ \({answered}", said)
    assert "fit undefined (1 items, 100% of the pairs equal); 3 answered of 6 all answers" in said


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("inquiry", "seeing the draft moves answers towards it: +100 points (95 % interval +"),
        (None, "seeing the draft makes no significant difference: +0 points (95 % interval -"),
    ],
)
def test_the_status_says_whether_seeing_the_draft_moves_answers(folder, first, words):
    made = Review(folder)
    save_settings(made.store, made.name, Settings(overlap=2, gold_share=0))
    for given in Queue(made.store).next(made.name, made.ann, 20):
        drafted = tuple(given.strategies.split("_then_"))
        seen = Decision("accept", strategies=drafted, hidden=False)
        answer = [first] if first else list(drafted)
        decide(made, given, made.ann, seen)
        decide(made, given, made.bob, replace(seen, hidden=True, before={"strategies": answer}))
    made.store.close()
    said = hearten("review-status", folder).out
    assert max(map(len, said.splitlines())) <= 80
    said = " ".join(said.split())
    assert "same strategies as the draft: 100% of 20 with the draft visible" in said
    assert words in said


def test_the_status_as_json_has_pseudonyms_and_the_rules_of_publishing(review, folder, tmp_path):
    (tmp_path / "hearten.toml").write_text("[publish]\nreviewed_share = 0.9\nalpha_affect = 0.45\n")
    ended = hearten("review-status", folder, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    known = json.loads(ended.out)
    assert known["statuses"] == {"accepted": 1, "disputed": 1, "edited": 1, "rejected": 1}
    assert known["annotators"][review.ann.id]["decided"] == 4
    moved = {"label": review.items[2].emotion, "heard": "grief", "decisions": 1}
    assert known["moved"] == [moved | {"prevails": [review.items[2].item]}]
    assert "Ann Example" not in ended.out
    assert {r["rule"]: r["passed"] for r in known["rules"]} == {
        "reviewed_share": False,
        "alpha_affect": True,
    }


def test_events_are_exported_imported_and_the_same_again(review, folder, tmp_path):
    assert hearten("review-export", folder, "--to", tmp_path / "e.jsonl").code == 0
    imported = hearten(
        *("review-import", folder, tmp_path / "e.jsonl", "--store", tmp_path / "new.sqlite")
    )
    assert "6 events read, 6 of them new" in imported.out
    again = hearten("review-import", folder, tmp_path / "e.jsonl")
    assert "6 events read, 0 of them new" in again.out
    flags = ("--store", tmp_path / "new.sqlite", "--to", tmp_path / "f.jsonl")
    assert hearten("review-export", folder, *flags).code == 0
    text = (tmp_path / "e.jsonl").read_bytes()
    assert (tmp_path / "f.jsonl").read_bytes() == text and b"Ann Example" not in text


@pytest.mark.parametrize(("form", "lines"), [("merged", 4), ("preferences", 2)])
def test_merged_decisions_and_pairs_are_json_lines(review, folder, tmp_path, form, lines):
    ended = hearten("review-export", folder, "--format", form, "--to", tmp_path / "x" / "y.jsonl")
    assert f"{lines} lines" in ended.out
    read = [json.loads(line) for line in (tmp_path / "x" / "y.jsonl").read_text().splitlines()]
    assert len(read) == lines and all(row["id"].startswith("meld-") for row in read)
    heard = {row["id"]: row["emotion"]["heard"] for row in read if form == "merged"}
    assert form != "merged" or heard[review.items[2].item] == "grief"


def test_label_studio_gets_tasks_a_configuration_and_clips(review, folder, tmp_path):
    to = tmp_path / "ls"
    ended = hearten("review-export", folder, "--format", "label-studio", "--to", to)
    records = {record["id"]: record for record in samples(folder)}
    assert f"{len(records)} samples" in ended.out
    controls = {
        node.get("name"): node.tag
        for node in xml.parse(to / "config.xml").iter()
        if node.get("name")
    }
    fields = {
        node.get("value")[1:]
        for node in xml.parse(to / "config.xml").iter()
        if (node.get("value") or "").startswith("$")
    }
    tags = {"choices": "Choices", "textarea": "TextArea", "rating": "Rating"}
    tasks = json.loads((to / "tasks.json").read_text())
    assert {task["data"]["id"] for task in tasks} == records.keys()
    results = 0
    for task in tasks:
        assert fields <= task["data"].keys()
        for annotation in (*task["annotations"], *task["predictions"]):
            for result in annotation["result"]:
                assert controls[result["from_name"]] == tags[result["type"]]
                assert controls[result["to_name"]] == "Text"
                results += 1
        if task["data"]["audio"]:
            clip = to.parent / task["data"]["audio"].removeprefix("/data/local-files/?d=")
            assert soundfile.info(clip).samplerate == 16000
    assert results > 2 * len(records)
    by_id = {task["data"]["id"]: task for task in tasks}
    said = by_id[review.items[0].item]["annotations"]
    assert {one["meta"]["annotator"] for one in said} == {review.ann.id, review.bob.id}
    assert "Ann Example" not in (to / "tasks.json").read_text()


def test_potato_gets_data_a_configuration_and_what_each_annotator_said(review, folder, tmp_path):
    to = tmp_path / "potato"
    assert hearten("review-export", folder, "--format", "potato", "--to", to).code == 0
    config = yaml.safe_load((to / "config.yaml").read_text())
    rows = [json.loads(line) for line in (to / config["data_files"][0]).read_text().splitlines()]
    assert len(rows) == len(samples(folder))
    for row in rows:
        for field in config["instance_display"]["fields"]:
            assert field["key"] in row
        assert not row["audio"] or (to / row["audio"]).is_file()
    schemes = {scheme["name"]: scheme for scheme in config["annotation_schemes"]}
    path = to / config["output_annotation_dir"] / review.ann.id / "annotated_instances.jsonl"
    said = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(said) == 4
    for one in said:
        for name, chosen in one["label_annotations"].items():
            offered = schemes[name].get("labels")
            assert offered is None or set(chosen) <= set(offered)
    edits = [s for s in said if "edit" in s["label_annotations"]["verdict"]]
    assert edits[0]["label_annotations"]["reply"] == {
        "text_box": "That sounds like a lot to carry tonight."
    }


def test_a_store_that_is_not_there_is_named(folder, tmp_path):
    for command in (["review-status"], ["review-export", "--to", tmp_path / "x"]):
        ended = hearten(command[0], folder, *command[1:], "--store", tmp_path / "none.sqlite")
        assert ended.code == 1
        assert "there is no database" in one_line_error(ended)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_build_that_nobody_has_reviewed_says_so(folder, tmp_path):
    ended = hearten("review-status", folder, cwd=tmp_path)
    assert "meld: 0 of " in ended.out
    to = tmp_path / "x.jsonl"
    assert "0 lines" in hearten("review-export", folder, "--to", to).out
    assert to.read_bytes() == b""


def test_a_file_that_cannot_be_written_is_named(review, folder, tmp_path):
    (tmp_path / "file").write_text("")
    for form in ("events", "potato"):
        to = tmp_path / "file" / "below"
        ended = hearten("review-export", folder, "--format", form, "--to", to)
        assert ended.code == 1 and "choose another --to" in one_line_error(ended)
