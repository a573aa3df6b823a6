"""What saving a file again did to its texts: undone and counted, or flagged."""

from collections import Counter

import pytest
from builds import hearten, samples
from reading import read, utterances
from trees import make_meld_tree, meld_row

from builders.corpora import open_reader
from builders.corpora.damage import DAMAGED, flag_damage, repaired
from builders.corpora.files import BrokenRecord
from builders.corpora.reading import Defects, read_split
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.record.types import Dialogue, Utterance


def stray(text: str, encoding: str = "cp1252") -> str:
    """Return a text as it is read when another program saved it in another encoding."""
    return text.encode(encoding).decode("utf-8", "surrogateescape")


def misread(text: str) -> str:
    """Return a text whose UTF-8 was taken for Windows-1252, where that has all the characters."""
    return "".join(
        bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode("utf-8")
    )


@pytest.mark.parametrize(
    "text",
    ["It’s late", "“Quite” … no", "Café – naïve", "a ’’ b", "Wait…”", "Ünal’s £5", "no\xa0break"],
)
@pytest.mark.parametrize(
    ("damage", "note"),
    [
        (stray, "windows_1252_repaired"),
        (misread, "misread_utf8_repaired"),
        (lambda text: text.encode("cp1252").decode("latin-1"), "c1_controls_repaired"),
    ],
)
def test_what_can_be_undone_is_undone_and_counted(text, damage, note):
    counts: Counter[str] = Counter()
    assert repaired([damage(text)], counts) == [text]
    # As Latin-1, only the marks are damaged.
    expected = note if damage(text) != text else None
    assert counts == ({expected: 1} if expected else {})


@pytest.mark.parametrize("text", ["Élodie Âge", "naïve façade", "Ça va… très bien", "Ã la", "日本"])
def test_what_is_right_stays_as_it_is(text):
    counts: Counter[str] = Counter()
    assert repaired([text], counts) == [text] and not counts


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Привет", "cp1251"), ("你好", "gbk"), ("Łódź", "cp1250"), ("日本", "shift_jis")],
)
def test_another_code_page_is_not_taken_for_windows_1252(text, encoding):
    with pytest.raises(BrokenRecord, match="neither UTF-8 nor Windows-1252"):
        repaired([stray(text, encoding)], Counter())


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("You must?ve had", "text_question_mark_in_word"),
        ("#NAME?", "text_spreadsheet_error"),
        ("see #REF! there", "text_spreadsheet_error"),
        ("16-Nov", "text_is_a_date"),
        (" May-04", "text_is_a_date"),
        ("I\ufffdm late", "text_misread"),
        ("You must聮ve had", "text_other_code_page"),
    ],
)
def test_what_cannot_be_undone_is_flagged(text, flag):
    said = Utterance("a", "0", 0, "Marta", text, "joy")
    flag_damage(said)
    assert said.flags == (flag,) and flag in DAMAGED


@pytest.mark.parametrize(
    "text",
    [
        "Really? No.",
        "What?!",
        "the 16-Nov party",
        "number #1",
        "well-known",
        "你好 Marta",
        "“so?” he",
    ],
)
def test_what_people_write_is_not(text):
    said = Utterance("a", "0", 0, "Marta", text, "joy")
    flag_damage(said)
    assert said.flags == ()


def test_a_file_saved_as_windows_1252_is_read_whole(tmp_path):
    rows = [meld_row(0, n, Utterance=f"It’s number {n}… isn’t it") for n in range(3)]
    make_meld_tree(tmp_path, {"train": rows})
    path = tmp_path / "train_sent_emo.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    reader = open_reader("meld", tmp_path, with_media=False)
    (item,) = read_split(reader, "meld", "train", Defects())
    assert isinstance(item, Dialogue)
    assert [u.text for u in item.utterances] == [row["Utterance"] for row in rows]
    assert {"note": "windows_1252_repaired", "split": "train", "count": 3} in reader.notes


def test_a_file_most_of_whose_rows_do_not_decode_stops_with_what_to_do(tmp_path):
    make_meld_tree(tmp_path, {"train": [meld_row(0, n, Utterance="Привет") for n in range(30)]})
    path = tmp_path / "train_sent_emo.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1251"))
    with pytest.raises(SourceError) as caught:
        read("meld", tmp_path, "train")
    line = str(caught.value)
    assert (
        "10 of the first 10 rows are in an encoding that is neither UTF-8 nor Windows-1252" in line
    )
    assert "train_sent_emo.csv" in line and "save it as UTF-8" in line


def test_a_few_rows_that_do_not_decode_cost_these_rows(tmp_path):
    rows = [meld_row(0, n, Utterance="Привет" if n in (3, 7) else "Hello.") for n in range(30)]
    make_meld_tree(tmp_path, {"train": rows})
    path = tmp_path / "train_sent_emo.csv"
    path.write_bytes(path.read_text(encoding="utf-8").encode("cp1251"))
    assert len(utterances(read("meld", tmp_path, "train"))) == 28


def test_a_build_and_verify_say_what_is_damaged(tmp_path):
    rows = [meld_row(0, 0, Utterance="It?s late"), meld_row(0, 1, Utterance="#NAME?")]
    make_meld_tree(tmp_path / "MELD", {"train": rows})
    where = ("--corpus", "meld", "--source", tmp_path / "MELD", "--text-only", "--split", "train")
    ended = hearten("build", *where, "--output", tmp_path)
    assert ended.code == 0, ended.err
    assert "flagged: 1 of 2 utterances text_question_mark_in_word" in ended.out + ended.err
    flags = [row["target_utterance"]["flags"] for row in samples(tmp_path / "meld")]
    assert flags == [["text_question_mark_in_word"], ["text_spreadsheet_error"]]
    found = verify("meld", tmp_path / "MELD", ("train",), text_only=True)
    assert found.damaged == {"text_question_mark_in_word": 1, "text_spreadsheet_error": 1}
    assert "damaged texts: 1 text_spreadsheet_error" in found.as_text()


def test_the_owners_meld_is_as_published_but_has_fourteen_damaged_texts(real_data):
    found = verify("meld", real_data / "meld", text_only=True)
    assert found.ok and found.damaged == {"text_question_mark_in_word": 14}
    assert "39 counts, as published, but texts are damaged" in found.as_text()
