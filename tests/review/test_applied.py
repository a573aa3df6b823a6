"""Publishing and exporting take a build as its reviewers want it; the build stays as it is."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builds import describe, hearten, manifest, samples
from test_data_commands import Review
from test_merge import decide, edit

from builders.record.dataset import Build
from builders.record.schema import validator, violations
from builders.release.rules import reaches
from builders.review.data.events import Decision
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.applied import FOLDER, applied


@pytest.fixture
def review(folder):
    made = Review(folder)
    yield made
    made.store.close()


def address(folder: Path) -> str:
    return str(folder.parent / "hearten.sqlite")


def decided(review):
    record = review.build.row(review.items[1].shard, review.items[1].row)
    accept = Decision("accept", ratings={"fit": 5}, emotion="grief")
    decide(review, review.items[0], review.ann, accept)
    decide(review, review.items[1], review.ann, edit(record))
    decide(review, review.items[2], review.ann, Decision("reject", reason="generic"))


def test_a_build_that_nobody_reviewed_is_taken_as_it_is(review, folder, tmp_path):
    assert applied(folder, address(folder)) == folder
    assert applied(folder, str(tmp_path / "none.sqlite")) == folder
    assert not (folder.parent / FOLDER).exists()


def test_the_copy_has_what_was_decided_and_the_build_is_untouched(review, folder):
    decided(review)
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    copy = applied(folder, address(folder))
    assert copy == folder.parent / FOLDER / "meld"
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == before
    old, new = ({r["id"]: r for r in samples(place)} for place in (folder, copy))
    assert [*old] == [*new]
    accepted, edited, rejected, _ = (item.item for item in review.items)
    assert {n: r["review"]["status"] for n, r in new.items() if r["review"]} == {
        accepted: "accepted",
        edited: "edited",
        rejected: "rejected",
    }
    assert new[accepted]["review"]["emotion"]["heard"] == "grief"
    assert new[edited]["desired_response"]["text"] == "That sounds like a lot to carry tonight."
    assert new[edited]["checks"] is None, "they were of the draft"
    for name, record in new.items():
        assert record["audio"] == old[name]["audio"]
        changed = {"review", "desired_response", "audio"} | (
            {"checks"} if name == edited else set()
        )
        kept = {k: v for k, v in record.items() if k not in changed}
        assert kept == {k: old[name][k] for k in kept}
        assert violations(validator("sample"), {**record, "audio": None}) == []


def test_the_manifest_of_the_copy_names_its_files_and_the_agreement(review, folder):
    decided(review)
    copy = applied(folder, address(folder))
    result = manifest(copy)["result"]
    assert result["counts"] == manifest(folder)["result"]["counts"]
    assert {file["path"] for file in result["files"]} == {
        file["path"] for file in manifest(folder)["result"]["files"]
    }
    assert result["agreement"]["affect"]["items"] == 0
    Build(copy).to_pandas()


def test_the_copy_is_made_anew_only_when_a_decision_changed(review, folder):
    decided(review)
    written = (applied(folder, address(folder)) / "manifest.json").stat().st_mtime_ns
    assert (applied(folder, address(folder)) / "manifest.json").stat().st_mtime_ns == written
    review.reviews.undo(review.ann.id, "meld")
    copy = applied(folder, address(folder))
    assert (copy / "manifest.json").stat().st_mtime_ns > written
    assert sum(record["review"] is not None for record in samples(copy)) == 2


def test_an_export_has_the_edited_reply_and_leaves_the_rejected_out(review, folder, tmp_path):
    decided(review)
    to = tmp_path / "rows"
    ended = hearten("export", folder, "--format", "ms-swift", "--to", to)
    assert ended.code == 0, ended.err
    assert "left out: 1 review_rejected" in ended.out
    text = "".join(path.read_text() for path in to.rglob("*.jsonl"))
    assert "That sounds like a lot to carry tonight." in text
    flags = ("--format", "ms-swift", "--task", "dpo", "--to", tmp_path / "dpo", "--json")
    ended = hearten("export", folder, *flags)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["written"] == 1


def test_an_export_says_what_reviewers_hear_beside_the_label(review, folder, tmp_path):
    decided(review)
    labels = {r["id"]: r["target_utterance"]["emotions"]["primary"] for r in samples(folder)}
    flags = ("--format", "chat", "--profile", "qwen2-audio", "--to", tmp_path / "rows")
    ended = hearten("export", folder, *flags)
    assert ended.code == 0, ended.err
    paths = (tmp_path / "rows").glob("*.jsonl")
    lines = [line for p in paths if p.name != "left_out.jsonl" for line in p.open()]
    rows = {row["id"]: row for row in map(json.loads, lines)}
    accepted, edited, *_ = (item.item for item in review.items)
    assert {name: row["emotion"] for name, row in rows.items()} == {n: labels[n] for n in rows}
    heard = {name: row["emotion_heard"] for name, row in rows.items()}
    assert (heard.pop(accepted), heard.pop(edited)) == ("grief", "not_said")
    assert {*heard.values()} == {"not_reviewed"}


def test_the_report_of_a_reviewed_build_is_that_of_its_copy(review, folder):
    assert hearten("report", folder).out == f"{folder / 'report.html'}\n"
    before = (folder / "report.html").read_bytes()
    assert b"What reviewers decided" not in before
    decided(review)
    place = folder.parent / FOLDER / "meld" / "report.html"
    assert hearten("report", folder).out == f"{place}\n"
    page = place.read_text("utf-8")
    assert "What reviewers decided" in page
    assert f"<li>1 from {review.items[0].emotion} to grief</li>" in page
    assert (folder / "report.html").read_bytes() == before


def test_a_build_from_before_a_field_was_there_is_reviewed_like_any_other(review, folder):
    old = next(iter(sorted((folder / "data").glob("train*.parquet"))))
    table = pq.read_table(old)
    place = table.schema.get_field_index("review")
    kept = [field for field in table.schema.field("review").type if field.name != "emotion"]
    nothing = pa.nulls(table.num_rows, pa.struct(kept))
    pq.write_table(table.set_column(place, pa.field("review", nothing.type), nothing), old)
    describe(folder)
    decided(review)
    reviewed = {r["id"]: r["review"] for r in samples(applied(folder, address(folder)))}
    assert reviewed[review.items[0].item]["emotion"]["heard"] == "grief"


def test_the_rules_of_publishing_ask_only_where_there_is_enough():
    few = Alpha(0.1, None, None, 49, 98, 0.5)
    many = Alpha(0.1, 0.0, 0.2, 50, 100, 0.5)
    alike = Alpha(None, None, None, 60, 120, 1.0)
    assert reaches(few, 0.67) and reaches(alike, 0.67) and not reaches(many, 0.67)
