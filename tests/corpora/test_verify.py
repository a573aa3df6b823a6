import json
from pathlib import Path

import pytest
from trees import hum, make_meld_tree, meld_row, stereo

from builders import resources
from builders.corpora.reading import Defect, Defects
from builders.corpora.verify import Verification, verify
from builders.errors import SourceError

CLIP = stereo(hum(0.5))


def states(found: Verification) -> dict[str, str]:
    return {f"{fault.id} {fault.defect}": fault.state for fault in found.faults}


@pytest.fixture
def copied(real_data, tmp_path) -> Path:
    """The real annotation files in a folder of the test's own."""
    for path in (real_data / "meld").glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_the_real_annotations_are_as_published(real_data):
    found = verify("meld", real_data / "meld")
    assert found.ok
    assert found.rejects == {}
    assert not any(count.what == "clips" for count in found.rows)
    text = found.as_text()
    assert "  train utterances                           9,989\n" in text
    assert "39 counts, as published" in text


def test_the_known_defects_of_the_real_annotations_are_found(real_data):
    found = verify("meld", real_data / "meld")
    assert not [fault for fault in found.faults if fault.state == "missing"]
    text = found.as_text()
    assert "leak_across_splits, 10 found: train-12-7 (test-85-0), " in text
    assert "same_span_as, 50 found: " in text
    assert "zero_span, 1 found: test-155-3" in text
    assert "clip_corrupt, 1 not checked: train-125-3" in text


def test_a_row_that_is_gone_is_a_count_that_is_off(copied):
    path = copied / "dev_sent_emo.csv"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    found = verify("meld", copied)
    assert not found.ok
    assert ("dev", "utterances", "", 1109, 1108) in [
        (c.split, c.what, c.label, c.expected, c.found) for c in found.off
    ]
    text = found.as_text()
    assert "  dev utterances                             1,108  differs: 1,109 published" in text
    assert "39 counts, 3 not as published" in text


def test_a_label_that_was_never_published_is_a_count_that_is_off(copied):
    path = copied / "test_sent_emo.csv"
    path.write_bytes(path.read_bytes().replace(b",joy,positive,", b",glee,positive,", 1))
    off = {(c.split, c.label): (c.expected, c.found) for c in verify("meld", copied).off}
    assert off == {("test", "joy"): (402, 401), ("test", "glee"): (0, 1)}


def test_a_repaired_defect_is_missing_and_does_not_matter(copied):
    path = copied / "test_sent_emo.csv"
    zero_span = b'"0:12:32,632","0:12:32,632"'
    content = path.read_bytes()
    assert content.count(zero_span) == 1
    path.write_bytes(content.replace(zero_span, b'"0:12:32,632","0:12:33,632"'))
    found = verify("meld", copied)
    assert states(found)["test-155-3 zero_span"] == "missing"
    assert "zero_span, 1 missing: test-155-3" in found.as_text()
    assert found.ok


def test_what_the_table_of_defects_rejects_is_counted_as_published(real_data, monkeypatch):
    known = Defects([Defect("dev", "0", "0", "wrong_text", "reject", "", "")])
    monkeypatch.setattr(Defects, "load", lambda slug: known)
    assert verify("meld", real_data / "meld").ok


def test_defects_of_clips_are_looked_for_where_there_are_clips(tmp_path):
    rows = {
        "train": [meld_row(4, 5), meld_row(71, 0), meld_row(125, 3), meld_row(125, 4)],
        "dev": [meld_row(110, 7), meld_row(110, 8)],
    }
    clips = {
        "train/dia4_utt5": stereo(hum(0.05)),
        "train/dia71_utt0": CLIP,
        "dev/dia110_utt8": CLIP,
    }
    make_meld_tree(tmp_path, rows, clips | {"train/dia125_utt3": CLIP, "test/dia0_utt0": CLIP})
    broken = tmp_path / "train_splits" / "dia125_utt3.mp4"
    broken.write_bytes(broken.read_bytes()[:-500])
    found = states(verify("meld", tmp_path))
    assert found["dev-110-7 clip_missing"] == "found"
    assert found["train-125-3 clip_corrupt"] == "found"
    assert found["train-4-5 very_short_clip"] == "found"
    assert found["train-71-0 very_short_clip"] == "missing"
    assert found["train-71-1 reported_inconsistent"] == "missing"


def test_clips_are_counted_where_there_are_clips_and_not_with_text_only(tmp_path):
    clips = {f"{split}/dia0_utt0": CLIP for split in ("train", "dev", "test")}
    make_meld_tree(tmp_path, clips=clips)
    counted = {(c.split, c.found) for c in verify("meld", tmp_path).rows if c.what == "clips"}
    assert counted == {("train", 1), ("dev", 1), ("test", 1)}
    found = verify("meld", tmp_path, text_only=True)
    assert not found.with_media
    assert not [count for count in found.rows if count.what == "clips"]


def test_broken_records_are_counted_by_reason_and_choices_are_said():
    found = verify("meld", resources.corpora() / "meld" / "sample")
    assert found.rejects == {"broken_time": 1}
    text = found.as_text()
    assert "rejected: 1 broken_time" in text
    assert "recut_twin_used: split test, count 1" in text


def test_all_of_it_is_plain_json():
    found = verify("meld", resources.corpora() / "meld" / "sample")
    read = json.loads(json.dumps(found.as_json()))
    assert read["ok"] is False
    assert read["rows"][0] == {
        "split": "train",
        "what": "utterances",
        "label": "",
        "expected": 9989,
        "found": 17,
    }
    assert {"id", "defect", "value", "state"} == read["faults"][0].keys()


def test_a_folder_that_is_no_corpus_is_refused_as_reading_refuses_it(tmp_path):
    with pytest.raises(SourceError, match=r"train_sent_emo\.csv, .* not found in"):
        verify("meld", tmp_path)
