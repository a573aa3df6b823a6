from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import resources
from builders.corpora.reading import Defect, Defects, read_split
from builders.errors import ConfigError
from builders.record.types import Dialogue, Reject, Utterance

REJECT = Reject("tiny-train-9-9", "train", "read", "broken_time", "file:1: no time")


class TinyReader:
    """A reader of what it is given."""

    splits = ("train",)
    files: tuple[Path, ...] = ()
    notes: tuple = ()
    root = Path()

    def __init__(self, *items: Dialogue | Reject) -> None:
        self.items = items
        self.read_so_far = 0

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        for item in self.items:
            self.read_so_far += 1
            yield item


def utterance(number: int, dialogue: str = "a", text: str = "Hello.", **more) -> Utterance:
    return Utterance(dialogue, str(number), number, "Marta", text, "joy", **more)


def dialogue(*numbers: int, name: str = "a") -> Dialogue:
    return Dialogue("train", name, [utterance(n, name) for n in numbers])


def defect(number: int, code: str, effect: str = "note", name: str = "a") -> Defect:
    return Defect("train", name, str(number), code, effect, "", "why")


def read(*items: Dialogue | Reject, defects: tuple[Defect, ...] = ()) -> list[Dialogue | Reject]:
    return list(read_split(TinyReader(*items), "tiny", "train", Defects(defects)))


def test_utterances_come_in_order_with_their_ids():
    (item,) = read(dialogue(10, 2, 0))
    assert [u.id for u in item.utterances] == [f"tiny-train-a-{n}" for n in (0, 2, 10)]


def test_parts_of_an_id_are_encoded():
    (item,) = read(dialogue(1, name="a-b/c"))
    assert item.utterances[0].id == "tiny-train-a%2Db%2Fc-1"


def test_rejects_of_the_reader_pass_in_their_place():
    first, second = dialogue(0), dialogue(0, name="b")
    assert read(first, REJECT, second) == [first, REJECT, second]


def test_a_second_utterance_with_the_same_id_is_a_reject_that_keeps_its_text():
    twice = Dialogue("train", "a", [utterance(1), utterance(1, text="Hello again.")])
    reject, item = read(twice)
    assert (reject.id, reject.stage, reject.reason) == ("tiny-train-a-1", "read", "duplicate_id")
    assert reject.raw["text"] == "Hello again."
    assert [u.text for u in item.utterances] == ["Hello."]


def test_a_known_defect_is_added_to_the_findings_once():
    item = Dialogue("train", "a", [utterance(1, findings=("clip_missing",)), utterance(2)])
    known = (defect(1, "clip_missing", "reject_audio"), defect(1, "zero_span"))
    (item,) = read(item, defects=known)
    assert [u.findings for u in item.utterances] == [("clip_missing", "zero_span"), ()]


def test_a_text_only_build_sees_no_defects_of_clips():
    known = Defects([defect(1, "clip_corrupt", "reject_audio"), defect(1, "zero_span")])
    known = Defects([*known.rows, defect(1, "very_short_clip", "note_audio")]).without_clips()
    assert [row.defect for row in known.rows] == ["zero_span"]


def test_a_defect_of_another_split_or_dialogue_is_not_added():
    elsewhere = (defect(1, "zero_span", name="b"), Defect("dev", "a", "1", "leak", "note", "", ""))
    (item,) = read(dialogue(1), defects=elsewhere)
    assert item.utterances[0].findings == ()


def test_a_defect_whose_effect_is_reject_takes_the_utterance_out():
    reject, item = read(dialogue(1, 2), defects=(defect(1, "wrong_text", "reject"),))
    assert (reject.id, reject.reason, reject.detail) == ("tiny-train-a-1", "wrong_text", "why")
    assert [u.utterance for u in item.utterances] == ["2"]


def test_a_dialogue_without_a_usable_utterance_is_not_yielded():
    (only,) = read(dialogue(1), defects=(defect(1, "wrong_text", "reject"),))
    assert isinstance(only, Reject)


def test_reading_holds_one_dialogue_at_a_time():
    reader = TinyReader(dialogue(0), dialogue(0, name="b"), dialogue(0, name="c"))
    next(read_split(reader, "tiny", "train", Defects()))
    assert reader.read_so_far == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "split\tdialogue\n",
            r"wrong columns: split, dialogue in .*defects\.tsv; expected split,",
        ),
        (
            "train\t1\t2\tx\tdelete\t\t\n",
            r"in .*defects\.tsv:2; .* effect one of note, note_audio, reject_audio",
        ),
        ("train\t1\n", r"invalid row: \['train', '1'\] in .*defects\.tsv:2; expected 7 columns"),
    ],
)
def test_a_wrong_table_of_defects_is_refused_with_its_line(table, message, tmp_path, monkeypatch):
    header = "\t".join(Defect.__slots__) + "\n"
    (tmp_path / "tiny").mkdir()
    text = table if table.startswith("split") else header + table
    (tmp_path / "tiny" / "defects.tsv").write_text(text)
    monkeypatch.setattr(resources, "corpora", lambda: tmp_path)
    with pytest.raises(ConfigError, match=message):
        Defects.load("tiny")
