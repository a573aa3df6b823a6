"""Files that another program saved again: read and noted, or refused by name, never misread."""

import pytest
from reading import left_of_rejects, only_reject, read, utterances
from trees import make_meld_tree, meld_row

from builders.corpora import open_reader
from builders.corpora.reading import Defects, read_split
from builders.labels.aggregation import load_labelling
from builders.record.types import Annotation, Dialogue, Utterance

HEADER = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags"


def dialogues_tree(folder, *rows: str):
    folder.mkdir(exist_ok=True)
    for name in ("train", "valid", "test"):
        text = "\n".join((HEADER, *(rows if name == "train" else ()), ""))
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_quotation_marks_around_cells_are_no_text(tmp_path):
    tree = dialogues_tree(
        tmp_path,
        '"hit:1_conv:1","1","proud","I won, twice","10","They said ""soon"", and I did","5|5","x"',
        '"hit:1_conv:1","2","proud","I won, twice","20","Well done.","5|5","x"',
    )
    reader = open_reader("empathetic_dialogues", tree, with_media=False)
    (item,) = read_split(reader, "empathetic_dialogues", "train", Defects())
    assert isinstance(item, Dialogue)
    assert [u.text for u in item.utterances] == ['They said "soon", and I did', "Well done."]
    assert item.background == "I won, twice"
    assert {"note": "file_saved_with_quotes", "split": "train", "count": 1} in reader.notes


def test_quotation_marks_that_are_text_stay(tmp_path):
    row = 'hit:1_conv:1,1,proud,"I won",10,"Soon"_comma_ they said "twice",5|5,'
    (item,) = read("empathetic_dialogues", dialogues_tree(tmp_path, row), "train")
    assert isinstance(item, Dialogue) and item.background == '"I won"'
    assert [u.text for u in item.utterances] == ['"Soon", they said "twice"']


def test_words_where_ratings_belong_are_a_reject(tmp_path):
    row = "hit:1_conv:1,1,proud,I won.,10,I won.,I won the race.,5|5"
    items = read("empathetic_dialogues", dialogues_tree(tmp_path, row), "train")
    assert "selfeval holds words" in only_reject(items).detail


def test_ids_saved_as_fractions_are_whole_numbers_again(tmp_path):
    rows = [meld_row(3, n, Dialogue_ID="3.0", Utterance_ID=f"{n}.0") for n in (0, 1)]
    make_meld_tree(tmp_path, {"train": rows})
    reader = open_reader("meld", tmp_path, with_media=False)
    (item,) = read_split(reader, "meld", "train", Defects())
    assert isinstance(item, Dialogue)
    assert [u.id for u in item.utterances] == ["meld-train-3-0", "meld-train-3-1"]
    assert {"note": "ids_saved_as_fractions", "split": "train", "count": 4} in reader.notes


def test_an_id_that_is_a_true_fraction_is_a_reject(tmp_path):
    make_meld_tree(tmp_path, {"train": [meld_row(3, 0, Utterance_ID="0.5")]})
    assert only_reject(read("meld", tmp_path, "train")).reason == "broken_id"


def test_labels_and_sentiments_in_capitals_are_read_and_flagged(tmp_path):
    make_meld_tree(tmp_path, {"train": [meld_row(3, 0, Emotion="Joy", Sentiment="Positive")]})
    (said,) = utterances(read("meld", tmp_path, "train")).values()
    labelling = load_labelling("meld")
    labelling.settle(said)
    assert (said.label, said.sentiment, said.flags) == ("Joy", "positive", ("label_by_alias",))
    assert labelling.emotions(said).primary == "happiness"


def test_the_words_of_a_row_with_a_broken_time_are_context(tmp_path):
    rows = [meld_row(3, 0), meld_row(3, 1, StartTime="soon"), meld_row(3, 2)]
    make_meld_tree(tmp_path, {"train": rows})
    items = read("meld", tmp_path, "train")
    assert only_reject(items).reason == "broken_time"
    (left,) = left_of_rejects(items).values()
    assert (left.id, left.text) == ("meld-train-3-1", rows[1]["Utterance"])


@pytest.mark.parametrize(
    ("label", "sentiment", "flagged"),
    [
        ("joy", "negative", True),
        ("joy", "positive", False),
        ("anger", "positive", True),
        ("surprise", "negative", False),
        ("neutral", "negative", False),
        ("joy", None, False),
    ],
)
def test_a_sentiment_against_the_label_is_flagged(label, sentiment, flagged):
    said = Utterance("a", "0", 0, "Marta", "Hm.", label, sentiment=sentiment)
    load_labelling("meld").settle(said)
    assert said.flags == (("sentiment_against_label",) if flagged else ())


@pytest.mark.parametrize("strongest", [2 / 3, 4 / 3, 2.0, 8 / 3])
def test_half_of_the_strongest_is_a_second_emotion_whatever_rounding_does(strongest):
    labelling, found = load_labelling("mosei"), []
    for second in (strongest / 2, strongest / 2 - 1 / 3):
        values = {"sentiment": 0.0, "happy": strongest, "sad": second}
        values |= dict.fromkeys(("anger", "disgust", "fear", "surprise"), 0.0)
        dimensions = [
            {"name": n, "value": round(v, 4), "minimum": 0.0, "maximum": 3.0, "rater": None}
            for n, v in values.items()
        ]
        said = Utterance(
            "v", "0", 0, "v", "Hm.", None, annotation=Annotation(dimensions=dimensions)
        )
        labelling.settle(said)
        found.append(labelling.emotions(said).secondary)
    assert found == ["sadness", None]
