"""The emotion tables as code reads them: look-ups, a corpus's labels, what a broken cell says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tables import edited_tables

from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.labels.vocabulary import (
    LabelMap,
    Vocabulary,
    allowed_emotions,
    label_map,
    unmapped_error,
    vocabulary,
)
from builders.record.types import Emotions

MAP_HEADER = (
    '#mapping_set_version: "2.1.0"\n'
    "subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label"
    "\tmapping_justification\tcomment\tmatch_root\n"
)


def map_of(folder: Path, *rows: tuple[str, ...]) -> LabelMap:
    """Return a map of (label, predicate, object id, our emotion, reason, match_root) rows."""
    lines = [
        "\t".join((f"toy:{raw}", raw, predicate, object_id, node, "semapv:x", comment, root))
        for raw, predicate, object_id, node, comment, root in rows
    ]
    path = folder / "toy.sssom.tsv"
    path.write_text(MAP_HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return LabelMap(path, vocabulary())


@pytest.mark.parametrize("word", ["joy", "happy", "Happiness", " JOYFUL "])
def test_words_of_one_emotion_become_that_emotion(word: str):
    assert vocabulary().resolve(word) == "happiness"


@pytest.mark.parametrize("word", ["grief-stricken", "Grief stricken", "grief_stricken"])
def test_blanks_hyphens_and_underscores_are_alike(word: str):
    assert vocabulary().resolve(word) == "grief"


def test_a_word_nobody_listed_becomes_nothing():
    assert vocabulary().resolve("quixotic") is None
    assert vocabulary().resolve("") is None


def test_a_node_has_its_root_valence_arousal_words_and_definition():
    words = vocabulary()
    assert words.root_of("frustration") == "anger"
    assert words.root_of("anger") == "anger"
    assert (words.valence("surprise"), words.arousal("surprise")) == ("ambiguous", "high")
    assert words.resolve("disappointed") == "disappointment"
    assert words.definition("grief") == "Deep sorrow over a loss."


def test_the_line_of_a_leaf_is_itself_and_its_root():
    assert vocabulary().line("anxiety") == {"anxiety", "fear"}


def test_the_line_of_a_root_is_itself_and_its_leaves():
    assert vocabulary().line("fear") == {"fear", "anxiety", "terror"}


def test_an_unknown_node_is_a_key_error():
    with pytest.raises(KeyError):
        vocabulary().root_of("joy")


def test_a_label_gets_our_emotion_and_both_qualities(tmp_path: Path):
    rows = ("exc", "skos:exactMatch", "emotion:excitement", "excitement", "lively", "close")
    assert map_of(tmp_path, rows).emotions("exc") == Emotions(
        "excitement", "happiness", "positive", "high", match_leaf="exact", match_root="close"
    )


def test_a_label_that_means_no_emotion_gives_none(tmp_path: Path):
    rows = ("xxx", "skos:exactMatch", "sssom:NoTermFound", "", "no majority", "none")
    labels = map_of(tmp_path, rows)
    assert labels.labels == ("xxx",)
    assert labels.emotions("xxx") is None
    assert labels.emotions("xxx", "negative") is None


@pytest.mark.parametrize("label", ["bored", "xyzzy", ""])
def test_a_label_without_a_row_is_a_key_error_each_time(label: str):
    for _ in range(2):
        with pytest.raises(KeyError):
            label_map("meld").emotions(label)


@pytest.mark.parametrize("label", ["Joy", "joy ", "Happiness", "HAPPY"])
def test_a_label_in_another_spelling_or_by_an_alias_has_the_row_it_stands_for(label: str):
    assert label_map("meld").row_of(label) == "joy"
    assert label_map("meld").emotions(label) == label_map("meld").emotions("joy")


def test_the_sentiment_decides_the_valence_that_an_emotion_leaves_open():
    labels = label_map("meld")
    valences = [labels.emotions("surprise", s).valence for s in (None, "positive", "negative")]
    assert valences == ["ambiguous", "positive", "negative"]


def test_the_sentiment_does_not_change_a_valence_that_is_known():
    assert label_map("meld").emotions("joy", "negative").valence == "positive"


def test_a_repeated_look_up_gives_the_same_object():
    labels = label_map("meld")
    assert labels.emotions("surprise", "positive") is labels.emotions("surprise", "positive")


def test_the_version_is_the_declared_one_and_the_digest_of_the_file(tmp_path: Path):
    labels = map_of(tmp_path)
    digest = hashlib.sha256(labels.path.read_bytes()).hexdigest()
    assert labels.version == f"2.1.0+{digest[:12]}"


def test_unmapped_labels_are_named_with_counts_known_labels_and_the_file():
    labels = label_map("meld")
    assert str(unmapped_error({"smug": 2, "bored": 1300}, labels)) == (
        f"emotion labels without a row: 'bored' (1,300 seen), 'smug' (2 seen) in {labels.path}; "
        "expected one of anger, disgust, fear, joy, neutral, sadness, surprise; "
        "add a row for each to that file (sssom:NoTermFound and a reason if the label is not "
        "an emotion)"
    )


def test_a_corpus_without_a_map_is_told_which_file_is_missing():
    with pytest.raises(LabelError) as error:
        label_map("no_such_corpus")
    assert "no_such_corpus.sssom.tsv" in str(error.value)
    assert "cannot read a table (No such file or directory)" in str(error.value)
    assert "see label_maps/README.md" in str(error.value)


def test_allowed_emotions_are_all_in_line_with_a_reading_primary_first():
    emotions = Emotions(
        "disappointment", "sadness", "negative", "low", secondary="fear", alternatives=("rage",)
    )
    assert allowed_emotions(emotions) == (
        *("disappointment", "sadness", "anger", "fear", "rage", "anxiety", "terror"),
    )


GOOD_ROW = ("joy", "skos:exactMatch", "emotion:happiness", "happiness", "same", "exact")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "", "subject_label is ''"),
        (1, "skos:relatedMatch", "predicate_id is 'skos:relatedMatch'"),
        (2, "emotion:sadness", "object_id is 'emotion:sadness'"),
        (3, "joy", "object_label is 'joy'"),
        (4, "", "comment is ''"),
        (5, "good", "match_root is 'good'"),
        (2, "sssom:NoTermFound", "match_root is 'exact'"),
    ],
)
def test_a_wrong_cell_of_a_map_is_named_with_file_and_line(
    tmp_path: Path, column: int, value: str, message: str
):
    bad = (*GOOD_ROW[:column], value, *GOOD_ROW[column + 1 :])
    fine = ("sad", "skos:exactMatch", "emotion:sadness", "sadness", "same", "exact")
    with pytest.raises(LabelError) as error:
        map_of(tmp_path, fine, bad)
    assert str(error.value).startswith(f"{message} in {tmp_path / 'toy.sssom.tsv'}:4; expected ")
    assert str(error.value).endswith("; change that cell")


def test_a_label_with_two_rows_is_an_error(tmp_path: Path):
    with pytest.raises(
        LabelError, match="subject_label is 'joy' in .*:4; expected each label once"
    ):
        map_of(tmp_path, GOOD_ROW, GOOD_ROW)


def test_a_map_without_a_version_is_an_error(tmp_path: Path):
    path = tmp_path / "toy.sssom.tsv"
    path.write_text(MAP_HEADER.split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(LabelError, match="no mapping_set_version in .*toy.sssom.tsv"):
        LabelMap(path, vocabulary())


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("_vocabulary.tsv", "terror\tfear\t", "terror\tfright\t", "root is 'fright'"),
        ("_vocabulary.tsv", "grief\tsadness\tnegative", "grief\tsadness\tbad", "valence is 'bad'"),
        ("_vocabulary.tsv", "\tmedium\tproud", "\tmild\tproud", "arousal is 'mild'"),
        ("_vocabulary.tsv", "\tlonely\t", "\tproud\t", "adjective is 'proud'"),
        ("_vocabulary.tsv", "\nterror\t", "\nanxiety\t", "emotion is 'anxiety'"),
        ("_aliases.tsv", "lonely\t", "joy\t", "alias is 'joy'"),
        ("_aliases.tsv", "mad\tanger", "mad\tmadness", "emotion is 'madness'"),
        ("_aliases.tsv", "mad\tanger", "Fear\tanger", "alias is 'Fear'"),
    ],
)
def test_a_wrong_cell_of_the_vocabulary_is_named_with_file_and_line(
    tmp_path: Path, name: str, old: str, new: str, message: str
):
    path, line = edited_tables(tmp_path, f"emotion/{name}", old, new)
    with pytest.raises(LabelError) as error:
        Vocabulary(path.parent)
    assert str(error.value).startswith(f"{message} in {path}:{line}; expected ")


def test_the_line_number_counts_comments_and_blank_lines(tmp_path: Path):
    path = tmp_path / "t.tsv"
    path.write_text("# who wrote this\nname\tkind\n\na\tb\nc\n", encoding="utf-8")
    with pytest.raises(LabelError) as error:
        read_rows(path, ("name", "kind"), key=())
    assert str(error.value) == (
        f"1 cells in {path}:5; expected 2, as in the first row; check the tabs in that line"
    )


def test_quotes_and_a_byte_order_mark_are_read_as_people_meant_them(tmp_path: Path):
    path = tmp_path / "t.tsv"
    path.write_bytes('\ufeffname\tkind\r\n"a\tb"c \r\n'.encode())
    (row,) = read_rows(path, ("name",), key=())
    assert row.cells == {"name": '"a', "kind": 'b"c'}


def test_a_missing_column_is_named(tmp_path: Path):
    path = tmp_path / "t.tsv"
    path.write_text("name\n", encoding="utf-8")
    with pytest.raises(
        LabelError, match=r"no column kind in .*t\.tsv; expected the columns name, "
    ):
        read_rows(path, ("name", "kind"), key=())


def test_a_table_in_another_encoding_is_an_error_and_not_garbled_text(tmp_path: Path):
    path = tmp_path / "t.tsv"
    path.write_bytes("name\nnaïve\n".encode("latin-1"))
    with pytest.raises(LabelError, match=r"byte 7 is not UTF-8 in .*t\.tsv; .* save it as UTF-8"):
        read_rows(path, ("name",), key=())
