"""A build drafts no reply to a crisis: the line is held for people, counted, and goes nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import hearten, manifest, rejected, samples
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

CRISIS = "I want to kill myself tonight, heron."
ROWS = {
    "train": [
        meld_row(0, 0, Utterance="They sold the orchard.", Emotion="sadness"),
        meld_row(0, 1, Utterance="I used to play there."),
        meld_row(1, 0, Utterance=CRISIS, Emotion="sadness"),
        meld_row(2, 0, Utterance="Das ist nicht gut, weil ich das nicht will und wir nicht gehen."),
        meld_row(3, 0, Utterance="I'm not going to hurt myself.", Emotion="sadness"),
    ],
    "dev": [meld_row(0, 0)],
    "test": [meld_row(0, 0)],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder with a build by a model, what the build said, and what the model was sent."""
    here = tmp_path_factory.mktemp("held")
    source = make_meld_tree(here / "source", ROWS)
    with TestEndpoint(any_model=True, keep_bodies=True) as endpoint:
        ended = hearten(
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "m"),
            *("--model", "m", "--base-url", endpoint.base_url),
            cwd=here,
        )
        bodies = json.dumps(endpoint.log()["bodies"])
    assert ended.code == 0, ended.err
    return here / "output/m", ended.out, bodies


def told_by(file: Path) -> str:
    """Return what is in a file, its Parquet unpacked."""
    if file.suffix == ".parquet":
        return str(pq.read_table(file).to_pylist())
    return file.read_bytes().decode("utf-8", "replace")


def test_it_is_held_with_its_reasons_and_counted(made):
    folder, said, bodies = made
    (row,) = pq.read_table(folder / "held_for_people.parquet").to_pylist()
    assert (row["id"], row["route"], row["text"]) == ("meld-train-1-0", "crisis", CRISIS)
    assert "suicide_intent" in row["codes"] and row["by"].startswith("patterns ")
    assert row["emotion"] == "sadness" and row["text_context"] == []
    result = manifest(folder)["result"]
    counts = {"read": 7, "kept": 5, "rejected": 1, "held": 1, "not_selected": 0}
    assert result["counts"] == counts
    assert result["splits"]["train"]["held"] == {"crisis": 1}
    (file,) = [f for f in result["files"] if f["path"] == "held_for_people.parquet"]
    assert file["rows"] == 1
    assert "7 read = 5 kept + 1 rejected + 1 held for people + 0 not selected" in said
    assert "heron" not in bodies


def test_status_and_report_say_so(made):
    folder, *_ = made
    assert "1 held for people" in hearten("status", folder).out
    assert "+ held for people" in (folder / "report.html").read_text()


def test_a_line_in_another_language_is_rejected_with_what_to_do(made):
    (row,) = rejected(made[0])
    assert (row["stage"], row["reason"]) == ("route", "unknown_language")
    assert "--route-model" in row["detail"]


def test_each_record_says_where_it_was_routed(made):
    routes = {row["id"]: row["safety"] for row in samples(made[0])}
    assert routes["meld-train-0-0"]["route"] == "normal"
    assert routes["meld-train-3-0"]["route"] == "sensitive"
    assert "self_harm" in routes["meld-train-3-0"]["codes"]


def test_no_file_but_that_of_people_and_no_export_holds_the_words(made, tmp_path):
    folder, *_ = made
    hearten("export", folder, "--format", "trl", "--task", "sft", "--to", tmp_path / "out")
    files = [file for at in (folder, tmp_path) for file in at.rglob("*") if file.is_file()]
    assert any(file.is_relative_to(tmp_path) for file in files)
    assert {file.name for file in files if "heron" in told_by(file)} == {"held_for_people.parquet"}


def test_a_changed_file_of_people_is_found(made, tmp_path):
    folder = tmp_path / "m"
    folder.mkdir()
    for path in made[0].rglob("*"):
        if path.is_file() and ".lock" not in path.name:
            to = folder / path.relative_to(made[0])
            to.parent.mkdir(exist_ok=True)
            to.write_bytes(path.read_bytes())
    (folder / "held_for_people.parquet").write_bytes(b"PAR1")
    assert hearten("status", folder).code == 4


def test_no_number_or_service_is_given_to_a_sensitive_line(tmp_path):
    said = "My brother killed himself last year."
    rows = [
        {"id": "number", "utterance": said, "reply": "Please call 988 tonight and talk to them."},
        {"id": "service", "utterance": said, "reply": "The Samaritans would listen to you."},
    ]
    file = tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for row in map(json.loads, hearten("check", file).out.splitlines()):
        assert row["verdict"] == "reject"
        assert "contact_details" in {one["code"] for one in row["codes"]}
