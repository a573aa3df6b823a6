"""A turn that is missing, rejected or left out: its neighbours say so, and nothing is closed up."""

from pathlib import Path

import pytest
from builds import hearten, samples
from corpora.test_reading import TinyReader, defect, dialogue, utterance
from reading import only_reject, utterances
from reading import read as read_from
from trees_emowoz import dialogue as wozzed
from trees_emowoz import make_emowoz_tree, system, user

from builders.corpora import open_reader
from builders.corpora.exclusions import Exclusions
from builders.corpora.files import as_context
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.pipeline.context import reference_of
from builders.record.types import Dialogue

AS_EVER = ReadingRules()
AFTER, BEFORE = "turn_missing_after", "turn_missing_before"


def numbered(*numbers: int, first: int | None = 0, speakers: str = "AB") -> Dialogue:
    item = dialogue(*numbers)
    item.first_number = first
    for said in item.utterances:
        said.speaker = speakers[int(said.order) % len(speakers)]
    return item


def settled(item: Dialogue, *defects, rules: ReadingRules = AS_EVER) -> Dialogue:
    items = read_split(TinyReader(item), "tiny", "train", Defects(defects), rules)
    (found,) = [item for item in items if isinstance(item, Dialogue)]
    return found


def flags(item: Dialogue) -> dict[str, tuple[str, ...]]:
    return {u.utterance: u.flags for u in item.utterances if u.flags}


def references(item: Dialogue) -> list[str | None]:
    found = (reference_of(item.utterances, at) for at in range(len(item.utterances)))
    return [one and one.utterance for one in found]


def test_a_gap_in_the_numbers_is_flagged_on_both_sides_and_is_no_reference():
    item = settled(numbered(0, 1, 3, 4))
    assert flags(item) == {"1": (AFTER,), "3": (BEFORE,)}
    assert references(item) == ["1", None, "4", None]


def test_a_first_turn_that_is_missing_is_flagged_on_the_one_after_it():
    assert flags(settled(numbered(2, 3))) == {"2": (BEFORE,)}
    assert flags(settled(numbered(1, 2, first=1))) == {}


def test_where_order_is_a_time_a_gap_is_none():
    item = settled(numbered(0, 41, 90, first=None))
    assert flags(item) == {} and references(item) == ["41", "90", None]


def test_a_turn_of_the_same_speaker_does_not_hide_the_hole_after_it():
    item = settled(numbered(0, 2, 5, speakers="AAAAAB"))
    assert references(item) == [None, None, None]


def test_what_a_reject_leaves_is_context_and_no_reference():
    item = numbered(0, 1, 2)
    as_context(item.utterances[1])
    item = settled(item)
    assert [u.utterance for u in item.utterances] == ["0", "1", "2"]
    assert flags(item) == {"0": (AFTER,), "2": (BEFORE,)}
    assert references(item)[0] is None
    said = item.utterances[1]
    assert (said.rejected, said.targetable, said.label, said.media) == (True, False, None, None)


def test_a_defect_whose_effect_is_reject_leaves_a_hole_also_where_order_is_a_time():
    item = settled(numbered(0, 1, 2, first=None), defect(1, "wrong_text", "reject"))
    assert flags(item) == {"0": (AFTER,), "2": (BEFORE,)}


def test_a_person_who_is_left_out_leaves_a_hole():
    rules = ReadingRules(Exclusions(frozenset({"tiny-train-a-1"})))
    item = settled(numbered(0, 1, 2), rules=rules)
    assert item.excluded == 1
    assert flags(item) == {"0": (AFTER,), "2": (BEFORE,)}
    assert references(item) == [None, None]


def test_the_same_id_twice_is_no_hole():
    item = Dialogue("train", "a", [utterance(0), utterance(1), utterance(1)], first_number=0)
    assert flags(settled(item)) == {}


def test_an_empty_system_turn_of_emowoz_is_no_answer_to_the_user_before(tmp_path):
    turns = (user("One ."), system(), user("Two ."), system(text=" "), user("Three ."), system())
    make_emowoz_tree(tmp_path, {"MUL7": wozzed(*turns)}, {})
    items = read_from("emowoz", tmp_path, "train")
    assert only_reject(items).id == "emowoz-train-MUL7-3"
    found = {u.utterance: u.flags for u in utterances(items).values() if u.flags}
    assert found == {"2": (AFTER,), "4": (BEFORE,)}


@pytest.mark.parametrize(
    ("slug", "split", "beyond"), [("emorynlp", "dev", 165), ("meld", "all three", 100)]
)
def test_no_reference_of_the_real_files_lies_beyond_a_hole(real_data: Path, slug, split, beyond):
    """The numbers of those that did are what was counted in the files by another script."""
    source = real_data / slug
    splits = ("train", "dev", "test") if slug == "meld" else (split,)
    closed_up = 0
    for part in splits:
        reader = open_reader(slug, source, with_media=False, splits=splits)
        for item in read_split(reader, slug, part, Defects.load(slug).without_clips()):
            if not isinstance(item, Dialogue):
                continue
            said = item.utterances
            for at, target in enumerate(said):
                after = next((u for u in said[at + 1 :] if u.speaker != target.speaker), None)
                whole = after is None or {*range(int(target.order), int(after.order))} <= {
                    int(u.order) for u in said
                }
                closed_up += not whole
                assert reference_of(said, at) is (after if whole else None)
    assert closed_up == beyond


def test_a_build_says_so_in_its_records_and_in_its_last_lines(tmp_path):
    ended = hearten(
        "build", "--corpus", "emorynlp", "--sample", "--text-only", "--output", tmp_path
    )
    assert ended.code == 0, ended.err
    rows = {row["id"]: row for row in samples(tmp_path / "emorynlp-sample")}
    flagged = {name: row["target_utterance"]["flags"] for name, row in rows.items()}
    before, after = "emorynlp-dev-sea1_ep9_sc2-2", "emorynlp-dev-sea1_ep9_sc2-4"
    assert (flagged[before], flagged[after]) == ([AFTER], [BEFORE])
    assert rows[before]["reference_response"] is None
    assert AFTER in rows[after]["text_context"][-1]["flags"]
    assert f"utterances {AFTER}" in ended.out + ended.err
