"""Ids that must not be used, and what is broken: as the shared reading code treats them."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builds import hearten, manifest, one_line_error, rejected, samples
from trees import make_meld_tree, meld_row

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError

HEADER = "id\treason\n"


def table(folder: Path, *ids: str) -> Path:
    path = folder / "exclusions.tsv"
    path.write_text(HEADER + "".join(f"{name}\tasked to be left out\n" for name in ids))
    return path


def build(cwd: Path, *more: str):
    return hearten("build", "--corpus", "meld", "--source", "corpus", "--text-only", *more, cwd=cwd)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    make_meld_tree(tmp_path / "corpus")
    return tmp_path


def test_an_excluded_utterance_is_a_count_and_nowhere_else(workplace):
    table(workplace, "meld-train-0-0")
    assert build(workplace).code == 0
    folder = workplace / "output" / "meld"
    result = manifest(folder)["result"]
    assert result["splits"]["train"]["not_selected"] == {"excluded": 1}
    assert result["counts"] == {"read": 12, "kept": 11, "rejected": 0, "held": 0, "not_selected": 1}
    said = "This is sentence 0 of dialogue 0."
    train = [row for row in samples(folder) if row["source"]["split"] == "train"]
    assert "meld-train-0-1" in {row["id"] for row in train}
    assert said not in repr(train)
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix == ".json":
            assert said not in path.read_text()


def test_an_excluded_dialogue_is_gone_whole_also_from_what_it_left_broken(tmp_path):
    rows = [meld_row(0, 0), meld_row(0, 1, StartTime="never"), meld_row(1, 0)]
    make_meld_tree(tmp_path / "corpus", {"train": rows})
    table(tmp_path, "meld-train-0")
    assert build(tmp_path).code == 0
    folder = tmp_path / "output" / "meld"
    assert rejected(folder) == []
    assert manifest(folder)["result"]["splits"]["train"]["not_selected"] == {"excluded": 2}


def test_an_excluded_id_that_the_corpus_has_not_stops_before_anything_is_drafted(workplace):
    table(workplace, "meld-train-0-0", "meld-train-0-99", "meld-dev-7")
    line = one_line_error(build(workplace, "--split", "train"))
    assert "not found in the corpus: meld-train-0-99 in " in line
    assert "exclusions.tsv; fix the ids in these rows or remove the rows" in line
    assert not (workplace / "output" / "meld").exists()


def test_an_id_of_another_corpus_excludes_nothing_and_changes_no_build(workplace):
    assert build(workplace).code == 0
    table(workplace, "crema_d-all-1001_DFA-ANG_XX")
    ended = build(workplace)
    assert ended.code == 0 and "complete already" in ended.out


def test_a_build_that_was_started_without_an_exclusion_is_not_gone_on_with(workplace):
    assert build(workplace).code == 0
    table(workplace, "meld-train-0-0")
    ended = build(workplace)
    assert ended.code == 1 and "excluded_ids changed" in one_line_error(ended)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\treason\n", r"wrong columns: name, reason in .*; expected id, reason"),
        ("", r"wrong columns: none in"),
        (HEADER + "meld-train-0-0\n", r"invalid row: .*:2; expected a sample id"),
        (HEADER + "meld-train-0-0\t\n", r"invalid row"),
        (HEADER + "dialogue 12\tasked\n", r"invalid row"),
        (HEADER + "CREMA-D-all-1006_TIE\tasked\n", r"corpora are crema_d, dailydialog"),
        (HEADER + "meld-trian-12\tasked\n", r"invalid row"),
        (HEADER + "empathetic_dialogues-dev-hit:4_conv:9\tasked\n", r"invalid row"),
    ],
)
def test_a_table_that_is_not_understood_stops_the_build(text, words, tmp_path):
    path = tmp_path / "exclusions.tsv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        Exclusions.load(path)


# What is broken


def test_a_table_saved_in_another_code_page_is_one_line(tmp_path):
    path = tmp_path / "exclusions.tsv"
    path.write_bytes(HEADER.encode() + "meld-train-0-1\tgefällt ihr nicht\n".encode("cp1252"))
    with pytest.raises(
        ConfigError, match=r"cannot be read.*exclusions\.tsv; expected .* UTF-8"
    ) as one:
        Exclusions.load(path)
    assert "\n" not in str(one.value)


def test_a_reason_may_be_of_any_length_and_have_quotation_marks(tmp_path):
    path = tmp_path / "exclusions.tsv"
    path.write_text(f'{HEADER}meld-train-0-1\t"{"asked " * 40_000}\r\nmeld-train-0-2\tthey asked\n')
    assert Exclusions.load(path).ids == {"meld-train-0-1", "meld-train-0-2"}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A corpus with one broken record, and one split whose file lacks columns."""
    rows = [meld_row(0, 0), meld_row(0, 1, StartTime="never")]
    make_meld_tree(tmp_path / "corpus", {"train": rows})
    (tmp_path / "corpus" / "dev_sent_emo.csv").write_text("Utterance,Speaker\nHello.,Marta\n")
    return tmp_path


def test_a_broken_file_stops_the_build_and_says_so(broken):
    line = one_line_error(build(broken))
    assert "Emotion" in line and " is missing in " in line and "dev_sent_emo.csv" in line


def test_with_quarantine_a_broken_file_is_a_reject_and_the_rest_is_built(broken):
    assert build(broken, "--on-error", "quarantine").code == 0
    folder = broken / "output" / "meld"
    found = {row["id"]: row for row in rejected(folder)}
    assert found["meld-dev-file-1"]["reason"] == "broken_file"
    assert "dev_sent_emo.csv" in found["meld-dev-file-1"]["detail"]
    assert found["meld-train-0-1"]["reason"] == "broken_time"
    assert {row["source"]["split"] for row in samples(folder)} == {"train", "test"}


def test_with_quarantine_a_label_without_a_row_is_a_reject(tmp_path):
    rows = [meld_row(0, 0), meld_row(0, 1, Emotion="glee"), meld_row(0, 2)]
    make_meld_tree(tmp_path / "corpus", {"train": rows})
    assert "'glee' (1 seen)" in one_line_error(build(tmp_path))
    assert build(tmp_path, "--on-error", "quarantine").code == 0
    (reject,) = rejected(tmp_path / "output" / "meld")
    assert (reject["id"], reject["stage"], reject["reason"]) == (
        *("meld-train-0-1", "map"),
        "unmapped_label",
    )
    assert "'glee' has no row in meld.sssom.tsv" in reject["detail"]


def test_with_stop_the_first_broken_record_stops_the_build(broken):
    line = one_line_error(build(broken, "--on-error", "stop"))
    assert line.startswith("error: meld-train-0-1 is broken (broken_time): train_sent_emo.csv:3")
    assert line.endswith("or skip it as a reject with --on-error quarantine")


def test_with_stop_a_clip_that_cannot_be_used_stops_the_build(tmp_path):
    make_meld_tree(tmp_path / "corpus")
    clips = tmp_path / "corpus" / "dev_splits_complete"
    clips.mkdir()
    (clips / "dia0_utt0.mp4").write_bytes(b"")
    more = ("--source", "corpus", "--split", "dev", "--on-error", "stop")
    line = one_line_error(hearten("build", "--corpus", "meld", *more, cwd=tmp_path))
    assert "meld-dev-0-0 is broken (clip_empty)" in line


def test_a_broken_file_is_said_with_the_way_to_set_it_aside(broken):
    assert one_line_error(build(broken)).endswith("or set it aside with --on-error quarantine")


def test_an_exclusion_made_later_is_obeyed_by_export_and_publication(workplace):
    assert build(workplace).code == 0
    table(workplace, "meld-train-0-0")
    said, folder = "This is sentence 0 of dialogue 0.", workplace / "output" / "meld"
    more = ("--format", "ms-swift", "--to", "exported")
    ended = hearten("export", folder, *more, cwd=workplace)
    assert ended.code == 0 and "  left out: 1 excluded\n" in ended.out
    assert "  left out: 1 after_an_unfit_turn\n" in ended.out
    assert said not in (workplace / "exported" / "train.jsonl").read_text()
    more = ("--repo", "org/name", "--dry-run", "--allow-phrasebook")
    ended = hearten("publish", folder, *more, cwd=workplace)
    assert ended.code == 0, ended.err
    assert "1 excluded" in ended.out
    staged = [
        p for p in (workplace / "output" / ".publish").rglob("*.parquet") if "train" in p.name
    ]
    assert staged
    for path in staged:
        assert said not in repr(pq.read_table(path).to_pylist())
