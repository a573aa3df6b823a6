import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import reading
from builds import hearten, one_line_error
from reading import only_reject, utterances
from trees_emowoz import (
    FILES,
    choice,
    dialogue,
    emotion,
    make_emowoz_tree,
    system,
    user,
    write_json,
)

from builders import resources
from builders.corpora import open_reader
from builders.corpora.published_counts import read_counts
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.errors import SourceError
from builders.labels.aggregation import load_labelling
from builders.record.types import Dialogue, Emotions, Utterance

SAMPLE = resources.corpora() / "emowoz" / "sample"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:cfc5d48f\nsize 18098247\n"
TREE = "the folder that holds emowoz-multiwoz.json, emowoz-dialmage.json and data-split.json"
QUARANTINE = ReadingRules(on_error="quarantine")
read = partial(reading.read, "emowoz")
refused = partial(reading.refused, "emowoz")


def only_turn(folder: Path, **changes: Any) -> Utterance:
    make_emowoz_tree(folder, {"SNG1": dialogue(user(**changes))}, {})
    (found,) = utterances(read(folder)).values()
    return found


def understood(utterance: Utterance) -> Emotions:
    labelling = load_labelling("emowoz")
    labelling.settle(utterance)
    meaning = labelling.emotions(utterance)
    assert meaning is not None
    return meaning


def notes(source: Path) -> dict[tuple[str, str], int]:
    reader = open_reader("emowoz", source, False)
    for split in reader.splits:
        list(read_split(reader, "emowoz", split, Defects(), QUARANTINE))
    return {(note["split"], note["note"]): note["count"] for note in reader.notes}


# The sample


def test_the_sample_shows_every_label_in_both_parts_and_all_splits():
    items = [item for item in read(SAMPLE) if isinstance(item, Dialogue)]
    assert {item.split for item in items} == {"train", "dev", "test"}
    assert {u.label for item in items for u in item.utterances} == {None, *"0123456"}
    with_goal = {item.id for item in items if item.background_origin == "goal"}
    assert with_goal == {"SNG9001", "PMUL9002", "MUL9003", "SNG9004"}
    assert {item.id for item in items} - with_goal == {"DMAGE901", "DMAGE902", "DMAGE903"}


def test_every_published_count_is_a_measure_or_a_note_that_the_reader_makes():
    made = {note for _, note in notes(SAMPLE)}
    assert {count.what for count in read_counts("emowoz")} <= made | {
        "dialogues",
        "emotion",
        "targets",
    }


def test_the_published_labels_are_those_of_all_user_turns():
    total = {c.what + c.label: c.count for c in read_counts("emowoz") if c.split == "total"}
    assert total.pop("targets") == sum(total.values()) == 83_617


def test_a_dialogue_in_two_splits_is_refused(tmp_path):
    make_emowoz_tree(tmp_path)
    path = tmp_path / "data-split.json"
    split = json.loads(path.read_text())
    split["dev"]["multiwoz"] = split["train"]["multiwoz"]
    path.write_text(json.dumps(split))
    with pytest.raises(
        SourceError, match=r"is in both train and dev in .*; expected each dialogue"
    ):
        read(tmp_path)


# What is read


def test_user_turns_are_targets_and_system_turns_are_context_without_an_emotion(tmp_path):
    turns = [user("One .", 6), system("Two ."), user("Three ."), system("Four .")]
    make_emowoz_tree(tmp_path, {"MUL7": dialogue(*turns)}, {})
    (item,) = read(tmp_path, "train")
    assert item.assistant == "system"
    seen = [(u.id, u.speaker, u.targetable, u.label) for u in item.utterances]
    assert seen == [
        ("emowoz-train-MUL7-0", None, True, "6"),
        ("emowoz-train-MUL7-1", "system", False, None),
        ("emowoz-train-MUL7-2", None, True, "0"),
        ("emowoz-train-MUL7-3", "system", False, None),
    ]
    labelling = load_labelling("emowoz")
    assert [labelling.emotions(u) is None for u in item.utterances] == [False, True, False, True]


def test_the_three_annotators_are_kept_beside_the_final_label(tmp_path):
    found = only_turn(tmp_path, emotion=emotion(2, (2, 0, 2)))
    assert (found.label, found.sentiment) == ("2", "negative")
    assert found.annotation.votes == [
        {"rater": "k3v9q0wz", "label": "2", "count": 1},
        {"rater": "b71xmt2e", "label": "0", "count": 1},
        {"rater": "p0d4hh8s", "label": "2", "count": 1},
    ]
    assert understood(found).secondary is None
    assert found.annotation.agreement == pytest.approx(2 / 3, abs=1e-4)


def test_one_annotator_of_three_is_enough_for_a_second_emotion(tmp_path):
    meaning = understood(only_turn(tmp_path, emotion=emotion(3, (3, 2, 3))))
    assert (meaning.primary, meaning.secondary) == ("apologetic", "dissatisfaction")


def test_a_label_settled_by_hand_against_all_annotators_stands(tmp_path):
    found = only_turn(tmp_path, emotion=emotion(6, (0, 2, 5)))
    meaning = understood(found)
    assert (found.label, meaning.primary, meaning.secondary) == ("6", "satisfaction", None)
    assert meaning.alternatives == ("excitement", "dissatisfaction")


def test_an_overruled_vote_for_the_opposite_is_no_second_emotion(tmp_path):
    meaning = understood(only_turn(tmp_path, emotion=emotion(2, (0, 2, 6))))
    assert (meaning.primary, meaning.secondary) == ("dissatisfaction", None)
    assert meaning.alternatives == ("satisfaction",)


def test_the_two_compound_labels_keep_their_other_readings(tmp_path):
    afraid = understood(only_turn(tmp_path / "1", emotion=emotion(1)))
    assert (afraid.primary, afraid.root) == ("distress", "sadness")
    assert set(afraid.alternatives) == {"fear", "sadness", "disappointment"}
    excited = understood(only_turn(tmp_path / "5", emotion=emotion(5)))
    assert (excited.primary, excited.root) == ("excitement", "happiness")
    assert set(excited.alternatives) == {"happiness", "anticipation"}


@pytest.mark.parametrize(
    ("code", "elicitor", "conduct"),
    [
        (0, None, "polite"),
        (1, "event", "polite"),
        (2, "operator", "polite"),
        (3, "user", "polite"),
        (4, "operator", "impolite"),
        (5, "event", "polite"),
        (6, "operator", "polite"),
    ],
)
def test_elicitor_and_conduct_follow_from_the_label(code, elicitor, conduct, tmp_path):
    said = only_turn(tmp_path, emotion=emotion(code)).annotation
    assert (said.elicitor, said.conduct) == (elicitor, conduct)


def test_annotations_by_name_with_a_final_field_are_read_alike(tmp_path):
    by_name = {"k3v9q0wz": choice(5), "b71xmt2e": choice(6), "final": choice(5)}
    found = only_turn(tmp_path, emotion=by_name)
    assert (found.label, found.sentiment) == ("5", "positive")
    voted = [(vote["rater"], vote["label"]) for vote in found.annotation.votes]
    assert voted == [("k3v9q0wz", "5"), ("b71xmt2e", "6")]


@pytest.mark.parametrize("field", ["annotator", "annotator_id", "worker"])
def test_an_annotator_is_known_by_the_only_text_in_the_annotation(field, tmp_path):
    chosen = [choice(0, **{field: who}) for who in ("aa11bb22", "cc33dd44", "ee55ff66")]
    found = only_turn(tmp_path, emotion=[*chosen, choice(0)])
    assert [vote["rater"] for vote in found.annotation.votes] == [
        "aa11bb22",
        "cc33dd44",
        "ee55ff66",
    ]


def test_an_annotation_that_says_no_emotion_is_counted_and_costs_nothing(tmp_path):
    found = only_turn(tmp_path, emotion=[{}, choice(6), None, choice(6)])
    assert (found.label, len(found.annotation.votes)) == ("6", 1)
    assert notes(tmp_path)["train", "votes_without_emotion"] == 2


def test_the_goal_is_the_background_in_plain_text(tmp_path):
    message = ["You want a <span class='emphasis'>bed &amp; breakfast</span>", "Keep calm. ", ""]
    make_emowoz_tree(tmp_path, {"MUL7": dialogue(user(), system(), message=message)})
    with_goal, without = read(tmp_path, "train")
    assert with_goal.background == "You want a bed & breakfast. Keep calm."
    assert (with_goal.background_origin, without.background_origin) == ("goal", None)
    assert (without.id, without.background) == ("DMAGE7", None)


def test_text_is_as_written_but_for_blanks_around_it_and_line_breaks(tmp_path):
    assert only_turn(tmp_path, text=" No ,  not\n that one . ").text == "No ,  not that one ."


def test_dialogues_are_in_the_order_of_the_files_and_in_the_splits_listed(tmp_path):
    made = {name: dialogue(user(name), system()) for name in ("C", "A", "B")}
    split = {"train": {"multiwoz": ["A", "C"]}, "test": {"multiwoz": ["B"]}}
    make_emowoz_tree(tmp_path, made, {}, split)
    ids = [(item.split, item.id) for item in read(tmp_path)]
    assert ids == [("train", "C"), ("train", "A"), ("test", "B")]


def test_ids_without_a_dialogue_and_dialogues_in_no_split_are_counted(tmp_path):
    split = {"train": {"multiwoz": ["SNG0101", "SNG0102"]}, "dev": {"dialmage": ["DMAGE8"]}}
    make_emowoz_tree(tmp_path, split=split)
    assert notes(tmp_path) == {
        ("train", "dialogues_of_multiwoz"): 1,
        ("train", "user_turns_of_multiwoz"): 1,
        ("train", "ids_without_dialogue"): 1,
        ("dev", "ids_without_dialogue"): 1,
        ("all", "dialogues_in_no_split"): 1,
    }


# Where it lies


@pytest.mark.parametrize("inside", ["", "EmoWOZ", "emowoz", "data"])
@pytest.mark.parametrize("split_file", ["data-split.json", "data_split.json"])
def test_the_folder_or_the_one_around_it_is_read_with_either_name_of_the_split(
    inside, split_file, tmp_path
):
    root = make_emowoz_tree(tmp_path / inside)
    (root / "data-split.json").rename(root / split_file)
    reader = open_reader("emowoz", tmp_path, False)
    assert reader.root == root
    assert [path.name for path in reader.files] == [*FILES.values(), split_file]
    assert len(utterances(read(tmp_path))) == 4


def test_a_wrong_folder_is_answered_with_what_was_looked_for(tmp_path):
    assert refused(tmp_path) == (
        "emowoz-multiwoz.json and emowoz-dialmage.json not found in "
        f"{tmp_path}; expected {TREE}; check the path given with --source"
    )


def test_a_folder_two_levels_up_is_no_source(tmp_path):
    make_emowoz_tree(tmp_path / "downloads" / "EmoWOZ")
    assert refused(tmp_path).startswith("emowoz-multiwoz.json and emowoz-dialmage.json not found")


def test_an_archive_that_is_not_unpacked_is_named(tmp_path):
    (tmp_path / "data.zip").write_bytes(b"PK")
    assert refused(tmp_path).endswith("; unpack data.zip there")
    assert refused(tmp_path / "data.zip").endswith("; unpack it and pass the folder with --source")


def test_a_missing_list_of_splits_is_named(tmp_path):
    (make_emowoz_tree(tmp_path) / "data-split.json").unlink()
    assert refused(tmp_path).startswith(f"data-split.json not found in {tmp_path}; expected {TREE}")


# What is refused


@pytest.mark.parametrize("name", [*FILES.values(), "data-split.json"])
def test_a_pointer_of_git_lfs_is_answered_as_one(name, tmp_path):
    (make_emowoz_tree(tmp_path) / name).write_text(POINTER)
    assert refused(tmp_path) == (
        f"the file is a Git LFS pointer in {tmp_path / name}; expected the JSON file itself;"
        " fetch it with git lfs pull, or download it from https://zenodo.org/record/6506504"
    )


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b'"MUL2.json"') + 40])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "emowoz-multiwoz.json not found in "),
        (cut_in_half, "the file is not a complete JSON object ("),
        (lambda path: path.write_text("<html>Sign in</html>"), "the file is not a JSON object in "),
        (
            lambda path: path.write_text("{}", encoding="utf-16"),
            "the file is not a JSON object in ",
        ),
        (lambda path: path.write_text(POINTER), "the file is a Git LFS pointer in "),
    ],
)
def test_a_file_that_cannot_be_read_stops_or_leaves_the_other_one(spoil, said, tmp_path):
    made = {name: dialogue(user(), system()) for name in ("MUL1", "MUL2")}
    spoil(make_emowoz_tree(tmp_path, made) / FILES["multiwoz"])
    assert refused(tmp_path).startswith(said)
    items = read(tmp_path, "train", rules=QUARANTINE)
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emowoz-train-file-1", "broken_file")
    assert reject.detail.startswith(said)
    read_on = ["MUL1", "DMAGE7"] if spoil is cut_in_half else ["DMAGE7"]
    assert [item.id for item in items if isinstance(item, Dialogue)] == read_on
    assert notes(tmp_path)["train", "ids_without_dialogue"] == 3 - len(read_on)


def test_a_file_saved_as_windows_1252_is_read_whole(tmp_path):
    made = {"MUL1": dialogue(user("Café ."), system("It’s full .")), "MUL2": dialogue(user())}
    path = make_emowoz_tree(tmp_path, made) / FILES["multiwoz"]
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    items = read(tmp_path, "train")
    assert [u.text for u in utterances(items).values()][:2] == ["Café .", "It’s full ."]


def test_bytes_of_no_encoding_cost_the_turn_that_holds_them(tmp_path):
    made = {"MUL1": dialogue(user("caf##"), system()), "MUL2": dialogue(user())}
    path = make_emowoz_tree(tmp_path, made) / FILES["multiwoz"]
    path.write_bytes(path.read_bytes().replace(b"##", b"\xed\xed"))
    items = read(tmp_path, "train")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emowoz-train-MUL1-0", "not_utf8")
    assert r"caf\xed\xed" in reject.raw["row"]
    assert [*utterances(items)][:2] == ["emowoz-train-MUL1-1", "emowoz-train-MUL2-0"]


@pytest.mark.parametrize(
    ("listed", "missing"),
    [
        ({"train": {"multiwoz": [], "dialmage": []}}, "no list of multiwoz ids under dev in "),
        ({"train": {"multiwoz": []}}, "no list of dialmage ids under train in "),
        ({"train": ["SNG0101.json"]}, "no list of multiwoz ids under train in "),
        ({"train": {"multiwoz": [7], "dialmage": []}}, "no list of multiwoz ids under train in "),
    ],
)
def test_a_list_of_splits_in_another_form_is_refused(listed, missing, tmp_path):
    write_json(make_emowoz_tree(tmp_path) / "data-split.json", listed)
    message = refused(tmp_path)
    assert message.startswith(missing)
    assert message.endswith(
        "; expected train, dev, test, each with multiwoz and dialmage; "
        "use the file as originally distributed"
    )


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"text": " "}, "broken_turn", "it has no text"),
        ({"text": None}, "broken_turn", "it has no text"),
        ({"emotion": []}, "broken_emotion", "emotion is []; expected 3 annotations and the final"),
        ({"emotion": emotion()[:3]}, "broken_emotion", "annotations and the final one"),
        ({"emotion": [*emotion()[:3], {"emotion": 6}]}, "broken_emotion", "emotion and sentiment"),
        ({"emotion": {"final": 6}}, "broken_emotion", 'emotion is {"final": 6}; expected'),
        ({"emotion": [*emotion()[:3], {"emotion": 6, "sentiment": 3}]}, "unknown_sentiment", "3; "),
    ],
)
def test_a_broken_turn_is_a_reject_under_its_own_id(changes, reason, detail, tmp_path):
    turns = (user("One ."), system(), user(**changes), system())
    make_emowoz_tree(tmp_path, {"MUL7": dialogue(*turns)}, {})
    items = read(tmp_path, "train")
    reject = only_reject(items)
    assert (reject.id, reject.split, reject.stage) == ("emowoz-train-MUL7-2", "train", "read")
    assert reject.reason == reason
    assert reject.detail.startswith("emowoz-multiwoz.json:MUL7: ") and detail in reject.detail
    assert "dialog_act" in reject.raw["row"]
    assert list(utterances(items)) == [f"emowoz-train-MUL7-{n}" for n in (0, 1, 3)]


def test_a_system_turn_with_an_emotion_is_a_reject_and_no_target(tmp_path):
    turns = (user(), system(emotion=emotion(6)), user())
    make_emowoz_tree(tmp_path, {"MUL7": dialogue(*turns)}, {})
    items = read(tmp_path, "train")
    assert "it has an emotion, but by its position it is a system turn" in only_reject(items).detail
    assert list(utterances(items)) == ["emowoz-train-MUL7-0", "emowoz-train-MUL7-2"]


@pytest.mark.parametrize("value", [{}, {"log": []}, {"log": {"0": user()}}, [user()], None])
def test_a_dialogue_without_turns_is_one_reject(value, tmp_path):
    make_emowoz_tree(tmp_path, {"MUL1": value, "MUL2": dialogue(user())}, {})
    items = read(tmp_path, "train")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emowoz-train-MUL1-log", "broken_dialogue")
    assert list(utterances(items)) == ["emowoz-train-MUL2-0"]


def test_a_dialogue_that_comes_twice_is_used_once(tmp_path):
    path = make_emowoz_tree(tmp_path, {"MUL1": dialogue(user("First ."))}, {}) / FILES["multiwoz"]
    twice = (json.dumps({"MUL1.json": dialogue(user(t))})[1:-1] for t in ("First .", "Second ."))
    path.write_text(f"{{{','.join(twice)}}}")
    items = read(tmp_path, "train")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emowoz-train-MUL1-log", "duplicate_id")
    assert "Second ." in reject.raw["row"]
    assert [u.text for u in utterances(items).values()] == ["First ."]


@pytest.mark.parametrize(("vote", "final"), [(8, 0), (0, -1)])
def test_a_vote_or_a_label_without_a_row_stops_the_build_with_its_name(vote, final, tmp_path):
    codes = [0, 0, vote, final]
    strange = [{"emotion": code, "sentiment": 0} for code in codes]
    make_emowoz_tree(tmp_path / "a", {"MUL1": dialogue(user(emotion=strange))}, {})
    ended = hearten("build", "--corpus", "emowoz", "--source", tmp_path / "a", cwd=tmp_path)
    assert ended.code == 1
    line = one_line_error(ended)
    assert f"emotion labels without a row: '{vote or final}' (1 seen) in " in line
    assert "emowoz.sssom.tsv; expected one of 0, 1, 2, 3, 4, 5, 6; add a row" in line
