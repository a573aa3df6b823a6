from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import reading
from builds import hearten, one_line_error
from reading import only_reject
from trees_empathetic_dialogues import COLUMNS, FILES, make_tree, row

from builders import resources
from builders.corpora import open_reader
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.labels.aggregation import load_labelling
from builders.labels.vocabulary import label_map, vocabulary
from builders.record.types import LABEL_OF_DIALOGUE, Dialogue, Reject, Utterance

SLUG = "empathetic_dialogues"
SAMPLE = resources.corpora() / SLUG / "sample"
TREE = "the folder empatheticdialogues that empatheticdialogues.tar.gz unpacks to"
QUARANTINE = ReadingRules(on_error="quarantine")
read = partial(reading.read, SLUG)
refused = partial(reading.refused, SLUG)


def dialogues(items: list[Dialogue | Reject]) -> list[Dialogue]:
    return [item for item in items if isinstance(item, Dialogue)]


def utterances(items: list[Dialogue | Reject]) -> list[Utterance]:
    return [u for item in dialogues(items) for u in item.utterances]


def only_conversation(folder: Path, *rows: dict[str, str]) -> Dialogue:
    (item,) = read(make_tree(folder, {"dev": rows}), "dev")
    assert isinstance(item, Dialogue)
    return item


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    path.write_bytes(how(path.read_bytes()))


# The sample and the map


def test_the_sample_has_all_splits_and_many_of_the_words():
    items = dialogues(read(SAMPLE))
    assert {item.split for item in items} == {"train", "dev", "test"}
    assert len({u.label for item in items for u in item.utterances if u.label}) == 17


def test_all_32_words_have_a_row_and_none_is_neutral_or_unknown():
    words = label_map(SLUG)
    assert len(words.labels) == 32
    roots = {vocabulary().root_of(words.emotions(word).primary) for word in words.labels}
    assert roots == {"happiness", "sadness", "anger", "fear", "disgust", "surprise", "mixed"}


# What is read


def test_the_speaker_is_replied_to_with_the_conversations_word_and_the_listener_is_context(
    tmp_path,
):
    rows = [row(9, n, context="grateful", prompt="He came back.") for n in (1, 2, 3)]
    item = only_conversation(tmp_path, *rows)
    assert (item.id, item.assistant) == ("hit:4_conv:9", "12")
    assert (item.background, item.background_origin) == ("He came back.", "situation")
    seen = [(u.id, u.speaker, u.targetable, u.label) for u in item.utterances]
    assert seen == [
        (f"{SLUG}-dev-hit%3A4_conv%3A9-1", "7", True, "grateful"),
        (f"{SLUG}-dev-hit%3A4_conv%3A9-2", "12", False, None),
        (f"{SLUG}-dev-hit%3A4_conv%3A9-3", "7", True, "grateful"),
    ]
    labelling = load_labelling(SLUG)
    meanings = [labelling.emotions(u) for u in item.utterances]
    assert [m and m.primary for m in meanings] == ["gratitude", None, "gratitude"]


def test_the_marker_of_a_comma_becomes_one_in_turn_and_situation(tmp_path):
    texts = {"utterance": " Well_comma_ no_comma_ thanks. ", "prompt": "A_comma_ then B."}
    item = only_conversation(tmp_path, row(1, 1, **texts))
    assert item.utterances[0].text == "Well, no, thanks."
    assert item.background == "A, then B."


def test_a_conversation_without_a_situation_has_no_background(tmp_path):
    item = only_conversation(tmp_path, row(1, 1, prompt=""))
    assert (item.background, item.background_origin) == (None, None)


@pytest.mark.parametrize("text", ['He said "no" and left', '"', '"Never', 'Ends so: "'])
def test_quotation_marks_are_text_and_cost_no_row(text, tmp_path):
    item = only_conversation(tmp_path, row(1, 1, utterance=text), row(1, 2), row(1, 3))
    assert [u.text for u in item.utterances][0] == text
    assert len(item.utterances) == 3


@pytest.mark.parametrize("candidates", ["", "Yes_comma_ really?|No way.", "One|Two,Three"])
def test_columns_beyond_the_header_cost_no_row_and_are_counted(candidates, tmp_path):
    rows = [row(1, 1), row(1, 2, candidates=candidates), row(1, 3)]
    reader = open_reader(SLUG, make_tree(tmp_path, {"test": rows}), False)
    (item,) = read_split(reader, SLUG, "test", Defects())
    assert [u.text for u in item.utterances] == [
        f"This is turn {n} of conversation 1." for n in (1, 2, 3)
    ]
    assert reader.notes == [{"note": "rows_with_more_columns", "split": "test", "count": 1}]


def test_columns_are_known_by_name_where_the_header_moves_them(tmp_path):
    make_tree(tmp_path)
    moved = [COLUMNS[-1], *COLUMNS[:-1]]
    lines = [",".join(moved), ",".join(row(1, 1, tags="t")[name] for name in moved)]
    (tmp_path / "valid.csv").write_text("\n".join(lines))
    (found,) = utterances(read(tmp_path, "dev"))
    assert (found.text, found.speaker) == ("This is turn 1 of conversation 1.", "7")


def test_turns_are_in_order_of_their_number(tmp_path):
    item = only_conversation(tmp_path, *(row(1, n) for n in (10, 2, 9)))
    assert [u.utterance for u in item.utterances] == ["2", "9", "10"]


@pytest.mark.parametrize(
    ("written", "speakers", "listener"),
    [
        (("72", "72", "72"), ["72", "72 (listener)", "72"], "72 (listener)"),
        (("7", "12", "99"), ["7", "12", "7"], "12"),
        (("7", "12", "12"), ["7", "12", "7"], "12"),
    ],
)
def test_the_order_of_turns_decides_who_speaks_where_numbers_contradict(
    written, speakers, listener, tmp_path
):
    rows = [row(1, n, speaker_idx=who) for n, who in enumerate(written, start=1)]
    reader = open_reader(SLUG, make_tree(tmp_path, {"dev": rows}), False)
    (item,) = read_split(reader, SLUG, "dev", Defects())
    assert [u.speaker for u in item.utterances] == speakers
    assert item.assistant == listener
    assert reader.notes == [{"note": "speakers_by_turn", "split": "dev", "count": 1}]


def test_a_conversation_of_the_speaker_alone_has_no_listener(tmp_path):
    item = only_conversation(tmp_path, row(1, 1))
    assert (item.utterances[0].speaker, item.assistant) == ("7", None)


# Where it lies


@pytest.mark.parametrize("inside", ["", "empatheticdialogues"])
def test_the_folder_or_the_one_around_it_is_read(inside, tmp_path):
    root = make_tree(tmp_path / inside)
    reader = open_reader(SLUG, tmp_path, False)
    assert reader.root == root
    assert [path.name for path in reader.files] == list(FILES.values())
    assert len(utterances(read(tmp_path))) == 12


def test_a_wrong_folder_is_answered_with_what_was_looked_for(tmp_path):
    assert refused(tmp_path) == (
        f"train.csv, valid.csv, test.csv not found in {tmp_path}; expected {TREE}; check the "
        "path given with --source"
    )


def test_an_archive_that_is_not_unpacked_is_named(tmp_path):
    (tmp_path / "empatheticdialogues.tar.gz").write_bytes(b"")
    assert refused(tmp_path).endswith("; unpack empatheticdialogues.tar.gz there")
    do = "; unpack it and pass the folder with --source"
    assert refused(tmp_path / "empatheticdialogues.tar.gz").endswith(do)


def test_a_folder_two_levels_up_is_no_source(tmp_path):
    make_tree(tmp_path / "data" / "empatheticdialogues")
    assert refused(tmp_path).startswith("train.csv, valid.csv, test.csv not found in ")


# What is refused


def test_a_file_that_is_missing_stops_or_leaves_the_others(tmp_path):
    (make_tree(tmp_path) / "valid.csv").unlink()
    assert refused(tmp_path).startswith(f"valid.csv not found in {tmp_path}; expected {TREE}")
    items = read(tmp_path, rules=QUARANTINE)
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"{SLUG}-dev-file-1", "broken_file")
    assert {item.split for item in dialogues(items)} == {"train", "test"}


@pytest.mark.parametrize("content", [b"", "conv_id,utterance_idx\n".encode("utf-16"), b"<html>"])
def test_a_file_that_is_none_of_these_tables_is_refused_in_one_line(content, tmp_path):
    path = make_tree(tmp_path) / "test.csv"
    path.write_bytes(content)
    assert f"column {', '.join(COLUMNS)} is missing in {path}" in refused(tmp_path)
    assert len(utterances(read(tmp_path, rules=QUARANTINE))) == 8


def test_a_missing_column_is_named(tmp_path):
    path = make_tree(tmp_path) / "train.csv"
    change(path, lambda content: content.replace(b"speaker_idx", b"speaker", 1))
    assert refused(tmp_path).startswith(
        f"column speaker_idx is missing in {path}; expected conv_id"
    )


def test_a_row_of_a_conversation_that_comes_back_is_a_reject_and_the_rest_is_read(tmp_path):
    make_tree(tmp_path, {"train": [row(0, 1), row(1, 1), row(0, 2), row(1, 2)]})
    items = read(tmp_path, "train")
    (reject,) = [item for item in items if isinstance(item, Reject)]
    assert reject.reason == "out_of_place"
    assert len(utterances(items)) == 3
    for words in (
        "train.csv:4: dialogue hit:0_conv:0 continues after",
        "sort the file by conv_id and",
    ):
        assert words in reject.detail


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"utterance": "  "}, "broken_row", "context, speaker_idx or utterance is empty"),
        ({"context": ""}, "broken_row", "context, speaker_idx or utterance is empty"),
        ({"speaker_idx": ""}, "broken_row", "context, speaker_idx or utterance is empty"),
        ({"prompt": "First, this"}, "broken_row", "a comma that is not written as _comma_"),
        ({"utterance": "First, this"}, "broken_row", "a comma that is not written as _comma_"),
        (
            {"utterance": "Caf\udce9\udce8"},
            "not_utf8",
            "bytes that are neither UTF-8 nor Windows-1252",
        ),
    ],
)
def test_a_broken_row_is_a_reject_under_its_own_id(changes, reason, detail, tmp_path):
    make_tree(tmp_path, {"dev": [row(3, 1), row(3, 2, **changes), row(3, 3)]})
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"{SLUG}-dev-hit%3A1_conv%3A3-2", reason)
    assert reject.detail.startswith("valid.csv:3: ") and detail in reject.detail
    assert [u.utterance for u in utterances(items)] == ["1", "3"]


@pytest.mark.parametrize(
    "changes", [{"conv_id": ""}, {"utterance_idx": "x1"}, {"utterance_idx": "0"}]
)
def test_a_row_without_an_id_is_a_reject_under_its_line(changes, tmp_path):
    make_tree(tmp_path, {"dev": [row(3, 1), row(3, 2, **changes)]})
    reject = only_reject(read(tmp_path, "dev"))
    assert (reject.id, reject.reason) == (f"{SLUG}-dev-line-3", "broken_id")
    assert "expected a name and a number" in reject.detail


def test_a_number_that_comes_twice_is_used_once(tmp_path):
    rows = [row(3, 1), row(3, 2), row(3, 2, utterance="Another one.")]
    items = read(make_tree(tmp_path, {"dev": rows}), "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"{SLUG}-dev-hit%3A1_conv%3A3-2", "duplicate_id")
    assert reject.raw["text"] == "Another one."


@pytest.mark.parametrize(("cut", "name"), [(20, "hit%3A0_conv%3A1-2"), (110, "line-5")])
def test_a_file_cut_in_the_middle_of_a_row_costs_that_row(cut, name, tmp_path):
    path = make_tree(tmp_path) / "valid.csv"
    change(path, lambda content: content[:-cut])
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"{SLUG}-dev-{name}", "broken_row")
    assert len(utterances(items)) == 3


def test_a_word_without_a_row_stops_the_build_with_its_name(tmp_path):
    make_tree(tmp_path / "a", {"dev": [row(1, 1, context="smug")]})
    ended = hearten("build", "--corpus", "ed", "--source", tmp_path / "a", cwd=tmp_path)
    assert ended.code == 1
    line = one_line_error(ended)
    assert "emotion labels without a row: 'smug' (1 seen) in " in line
    assert "empathetic_dialogues.sssom.tsv; expected one of afraid, angry, annoyed," in line


def test_the_label_of_the_conversation_is_a_lower_match_on_later_turns():
    labelling = load_labelling("empathetic_dialogues")
    matches = []
    for flags in ((), (LABEL_OF_DIALOGUE,)):
        said = Utterance("c", "1", 1, "10", "Hm.", "afraid", flags=flags)
        found = labelling.emotions(said)
        matches.append((found.primary, found.match_leaf, found.match_root))
    assert matches == [("fear", "exact", "exact"), ("fear", "close", "close")]


def test_only_turns_after_the_first_have_a_label_of_the_conversation():
    items = [item for item in read(SAMPLE, "train") if isinstance(item, Dialogue)]
    said = [u for item in items for u in item.utterances if u.targetable]
    assert {u.utterance == "1" for u in said if LABEL_OF_DIALOGUE in u.flags} == {False}
    assert {u.utterance == "1" for u in said if LABEL_OF_DIALOGUE not in u.flags} == {True}
