"""Whatever a file holds, it costs the record that it is in, or one line. Found by the fuzzer."""

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from corpora.test_reading import TinyReader, dialogue
from reading import only_reject, utterances
from reading import read as read_from
from trees import make_meld_tree, meld_row
from trees_emowoz import FILES, make_emowoz_tree, user
from trees_emowoz import dialogue as wozzed

from builders import resources
from builders.corpora import load_card, open_reader, slugs
from builders.corpora.empathetic_dialogues.reader import _is_quoted
from builders.corpora.files import BrokenRecord, as_json, csv_rows, printable
from builders.corpora.json_members import json_items
from builders.corpora.mosei.folds import read_folds
from builders.corpora.opening import LONGEST_LINE, read_whole
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.errors import SourceError
from builders.pipeline.plan import digest_of_files
from builders.record.types import Annotation, Dialogue, Reject

QUARANTINE = ReadingRules(on_error="quarantine")
CLIPS = {".wav", ".mp4"}


def copied(slug: str, place: Path) -> Path:
    return Path(shutil.copytree(resources.corpora() / slug / "sample", place / slug))


def rows(path: Path, text: str | bytes, *, quoted: bool = True) -> list[tuple[int, str, str]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    found = csv_rows(path, ("a", "b"), quoted=quoted)
    return [(row.number, row.fields.get("b", "?"), row.fault) for row in found]


# Rows


def test_a_quotation_mark_that_is_not_closed_costs_its_row(tmp_path):
    text = 'a,b,c\n1,x,y\n2,"never,closed\n3,z,w\n4,"v, v",u\n5,t,s\n'
    found = rows(tmp_path / "t.csv", text)
    assert [(n, b) for n, b, _ in found] == [(2, "x"), (3, "?"), (4, "z"), (5, "v, v"), (6, "t")]
    assert found[1][2] == "a quotation mark is not closed"


def test_one_that_is_never_closed_costs_its_row_too(tmp_path):
    text = 'a,b\n1,"x\n' + "2,y\n" * 60_000
    found = rows(tmp_path / "t.csv", text)
    assert len(found) == 60_001 and {b for _, b, _ in found[1:]} == {"y"}
    assert found[0] == (2, "?", "a quotation mark is not closed")


def test_a_cell_of_several_lines_is_one_row(tmp_path):
    found = rows(tmp_path / "t.csv", 'a,b\n1,"x\ny"\n"2\n3,z",w\n4,u\n')
    assert [b for _, b, _ in found] == ["x\ny", "w", "u"]


@pytest.mark.parametrize("size", [131_073, LONGEST_LINE - 2, LONGEST_LINE, 3 * LONGEST_LINE])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_cell_of_any_size_costs_its_row(size, quoted, tmp_path):
    found = rows(tmp_path / "t.csv", f"a,b\n1,x\n2,{'y' * size}\n3,z\n", quoted=quoted)
    assert found == [(2, "x", ""), (3, "?", "the line is too long"), (4, "z", "")]


# JSON


def members(path: Path, text: str) -> dict[str, object]:
    path.write_text(text, encoding="utf-8")
    return dict(json_items(path))


def test_members_come_one_at_a_time_wherever_the_file_is_cut_in_reading(tmp_path, monkeypatch):
    value = {"text": 'a "b" \\ é 😀 [', "n": [1, -2.5, 1e3, True, None, {}, []], "m": "9"}
    text = json.dumps({f"k{n}": value for n in range(40)} | {"last": 12345}, ensure_ascii=False)
    for chunk in (1, 7, 64, 10_000):
        monkeypatch.setattr("builders.corpora.json_members._CHUNK", chunk)
        found = members(tmp_path / "t.json", text)
        assert len(found) == 41 and found["k39"] == value and found["last"] == 12345


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"a"', '{"a":', '{"a": 1', '{"a": 1,', '{"a" 1}', '{"a": 1 "b": 2}', "{1: 2}",
     '{"a": 1} x', '{"a": tru}', '{"a": "x}', '{"a": [1, 2}', '{"a": {"b": 1}', '{"a": ]}'],
)  # fmt: skip
def test_what_is_no_whole_object_is_refused_in_one_line(text, tmp_path):
    with pytest.raises(SourceError, match="not a (complete )?JSON object") as error:
        members(tmp_path / "t.json", text)
    assert "t.json" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("depth", [3_000, 100_000])
@pytest.mark.parametrize(("begin", "end"), ["[]", ('{"a":', "}")])
def test_depth_costs_the_member_that_is_nested(depth, begin, end, tmp_path):
    deep = begin * depth + '"]}"' + end * depth
    found = members(tmp_path / "t.json", f'{{"a": 1, "b": {deep}, "c": {{"d": 2}}}}')
    assert isinstance(found["b"], BrokenRecord) and found["b"].reason == "nested_too_deeply"
    assert (found["a"], found["c"]) == (1, {"d": 2})


def test_a_number_without_bounds_is_no_whole_number(tmp_path):
    found = members(tmp_path / "t.json", f'{{"a": {"9" * 5000}, "b": NaN, "c": 1}}')
    assert (found["a"], found["b"], found["c"]) == (float("inf"), None, 1)


def test_a_value_that_cannot_be_shown_is_described():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert as_json(deep) == "(list that cannot be shown)"
    while deep:  # taken apart from outside: freeing it at once would take as much stack
        deep = deep[0]


# What every reader shares


def settled(item: Dialogue) -> tuple[list[Reject], dict]:
    items = list(read_split(TinyReader(item), "tiny", "train", Defects()))
    return [i for i in items if isinstance(i, Reject)], utterances(items)


def test_a_number_in_the_thousand_millions_is_one_gap():
    rejects, found = settled(dialogue(0, 999_999_999))
    assert not rejects and [u.flags for u in found.values()] == [(), ()]
    item = dialogue(0, 999_999_999)
    item.first_number = 0
    _, found = settled(item)
    assert [u.flags for u in found.values()] == [("turn_missing_after",), ("turn_missing_before",)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": "x" * 20_001}, "text_too_long"),
        ({"text": " \n"}, "empty_text"),
        ({"text": "half \ud83d of one"}, "not_utf8"),
        ({"speaker": "M\udcff"}, "not_utf8"),
        ({"label": "joy\udcff"}, "not_utf8"),
        ({"utterance": "9" * 101}, "broken_id"),
        ({"utterance": "\udcff"}, "not_utf8"),
        ({"start": float("inf")}, "broken_number"),
        ({"end": float("nan")}, "broken_number"),
        ({"order": float("nan")}, "broken_number"),
        ({"annotation": Annotation(intensity=float("nan"))}, "broken_number"),
        (
            {"annotation": Annotation(votes=[{"rater": "\udcff", "label": "joy", "count": 1}])},
            "not_utf8",
        ),
        (
            {
                "annotation": Annotation(
                    dimensions=[
                        {
                            **{"name": "valence", "value": float("inf"), "rater": None},
                            **{"minimum": 1, "maximum": 5},
                        }
                    ]
                )
            },
            "broken_number",
        ),
    ],
)
def test_what_no_utterance_can_be_is_a_reject_and_leaves_a_hole(changes, reason):
    item = dialogue(0, 1, 2)
    for name, value in changes.items():
        setattr(item.utterances[1], name, value)
    (reject,), found = settled(item)
    assert reject.reason == reason
    json.dumps(reject.raw).encode()
    reject.id.encode("ascii")
    assert len(reject.id) < 150
    assert len(found) == 2
    if changes.keys() != {"order"}:
        flags = [u.flags for u in found.values()]
        assert flags == [("turn_missing_after",), ("turn_missing_before",)]


def test_a_dialogue_that_has_no_name_is_rejected_turn_by_turn():
    item = dialogue(0, 1)
    item.id = "\udcff" * 300
    for said in item.utterances:
        said.dialogue = item.id
    rejects, found = settled(item)
    assert len({reject.id for reject in rejects}) == 2 and not found


def test_what_is_no_character_is_written_out():
    assert printable("a\udcffb") == r"a\xffb" and printable("a\ud800b") == r"a\ud800b"


# Files that are none


@pytest.mark.parametrize("slug", slugs())
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_a_device_or_a_pipe_in_place_of_a_file_ends_in_one_line(slug, kind, tmp_path):
    root = copied(slug, tmp_path)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    media = load_card(slug).audio_origin != "none"
    # A few of many that are alike; a clip stands for the others.
    chosen = {(path.suffix, path.parent.name, len(path.name)): path for path in files}
    for path in chosen.values():
        whole = path.read_bytes()
        path.unlink()
        path.symlink_to("/dev/zero") if kind == "device" else os.mkfifo(path)
        try:
            reader = open_reader(slug, root, media)
            for split in reader.splits:
                list(read_split(reader, slug, split, Defects(), QUARANTINE))
            digest_of_files(reader.files)
        except SourceError as error:
            assert "\n" not in str(error)
        path.unlink()
        path.write_bytes(whole)


def test_a_file_that_is_read_at_once_has_a_largest_size(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as stream:
        stream.truncate(65 << 20)
    with pytest.raises(OSError, match="larger than 64 MB"):
        read_whole(path)


# One corpus


def test_ids_of_thousands_of_digits_cost_their_rows(tmp_path):
    long = {"Utterance_ID": "7" * 5_000}
    make_meld_tree(tmp_path, {"dev": [meld_row(0, 0), meld_row(0, 1, **long), meld_row(0, 2)]})
    items = read_from("meld", tmp_path, "dev")
    assert only_reject(items).reason == "broken_id"
    assert [*utterances(items)] == ["meld-dev-0-0", "meld-dev-0-2"]


@pytest.mark.parametrize(
    "message", ["&#" + "9" * 5_000 + ";", "<" * 19_000, ["go"] * 3], ids=["number", "tags", "list"]
)
def test_a_goal_of_any_kind_is_read_at_once(message, tmp_path):
    make_emowoz_tree(tmp_path, {"MUL1": wozzed(user(), message=message)}, {})
    assert len(utterances(read_from("emowoz", tmp_path, "train"))) == 1


@pytest.mark.parametrize("name", ["half \\ud800", "caf\\udced\\udced"])
def test_half_a_character_costs_its_turn(name, tmp_path):
    path = make_emowoz_tree(tmp_path, {"MUL1": wozzed(user("##"), user("Two ."))}, {})
    file = path / FILES["multiwoz"]
    file.write_text(file.read_text().replace("##", name))
    reject = only_reject([i for i in read_from("emowoz", tmp_path, "train") if "-0" in str(i)])
    assert reject.reason == "not_utf8"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("standard_folds.json", "[" * 3_000 + "]" * 3_000),
        ("cmu_mosei_std_folds.py", "standard_train_fold = " + "-" * 100_000 + "1"),
        ("cmu_mosei_std_folds.py", "standard_train_fold = " + "[" * 3_000),
        ("cmu_mosei_std_folds.py", "standard_train_fold = {[]: 1}"),
    ],
)
def test_folds_of_any_depth_are_refused_in_one_line(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=name):
        read_folds(tmp_path / name)


@pytest.mark.parametrize("shape", [(10**9, 7), (10**12,)])
def test_a_sequence_that_claims_to_be_huge_costs_its_video(shape, tmp_path):
    root = copied("mosei", tmp_path)
    before = len(utterances(read_from("mosei", root)))
    with h5py.File(root / "CMU_MOSEI_Labels.csd", "r+") as file:
        data = next(iter(file.values()))["data"]
        video = next(iter(data))
        del data[video]["features"]
        chunks = tuple(min(n, 64) for n in shape)
        data[video].create_dataset("features", shape=shape, dtype="f4", chunks=chunks)
    items = read_from("mosei", root)
    assert "broken_video" in {i.reason for i in items if isinstance(i, Reject)}
    assert 0 < len(utterances(items)) < before


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, -1e308])
def test_a_time_that_is_none_costs_its_segment(value, tmp_path):
    root = copied("mosei", tmp_path)
    with h5py.File(root / "CMU_MOSEI_Labels.csd", "r+") as file:
        group = next(iter(next(iter(file.values()))["data"].values()))
        times = group["intervals"][()].astype("f8")
        times[0] = value
        del group["intervals"]
        group["intervals"] = times
    reasons = {i.reason for i in read_from("mosei", root) if isinstance(i, Reject)}
    assert "broken_time" in reasons


CELLS = {
    "nan as a level": ("crema_d", "processedResults/summaryTable.csv", "broken_level"),
    "a rater without an answer": ("msp_podcast", "Labels/Labels.txt", None),
    "a name in braces": ("emorynlp", "emorynlp_dev_final.csv", "broken_speaker"),
    "a byte in an id": ("empathetic_dialogues", "empatheticdialogues/train.csv", "not_utf8"),
}
CHANGES = {
    "nan as a level": (rb'"A","(\d+[.\d]*)"', b'"A","nan"'),
    "a rater without an answer": (rb"\nWORKER(\d+);[^\n]*", rb"\nWORKER\1"),
    "a name in braces": (rb"\"?\['[^\]]*\]\"?", b"{[]: 1}"),
    "a byte in an id": (rb"\nhit", b"\nhit\xff"),
}


@pytest.mark.parametrize("case", CELLS)
def test_one_cell_costs_one_record(case, tmp_path):
    slug, name, reason = CELLS[case]
    root = copied(slug, tmp_path)
    before = len(utterances(read_from(slug, root)))
    changed, times = re.subn(*CHANGES[case], (root / name).read_bytes(), count=1)
    assert times == 1
    (root / name).write_bytes(changed)
    items = read_from(slug, root)
    reasons = [item.reason for item in items if isinstance(item, Reject)]
    assert len(reasons) == 1 + (reason is not None) and (reason is None or reason in reasons)
    assert len(utterances(items)) == before - (reason is not None)


def test_a_turn_of_nothing_but_space_takes_no_time(tmp_path):
    root = copied("dailydialog", tmp_path)
    path = next(root.rglob("dialogues_train.txt"))
    path.write_text("a" + " " * 500_000 + "b __eou__ c __eou__\n", encoding="utf-8")
    next(root.rglob("dialogues_emotion_train.txt")).write_text("0 0\n")
    (reject,) = (i for i in read_from("dailydialog", root, "train") if isinstance(i, Reject))
    assert reject.reason == "text_too_long"


def test_a_line_with_commas_and_an_endless_cell_does_not_say_how_a_file_is_quoted(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("a" + "," * 9 + '"' + "x" * 140_000 + "\n")
    assert not _is_quoted(path)
