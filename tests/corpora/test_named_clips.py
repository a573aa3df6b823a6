"""The corpora whose labels are in the names of their files, and the tables that say how."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest
from builds import hearten

from builders import resources
from builders.corpora import load_card, named_clips, open_reader, slugs
from builders.corpora.name_tables import read_table
from builders.errors import ConfigError, SourceError
from builders.labels.vocabulary import label_map
from builders.record.types import Dialogue, Reject

NAMED = [s for s in slugs() if (resources.corpora() / s / named_clips.TABLE).is_file()]
EVERY = pytest.mark.parametrize("slug", NAMED)
RAVDESS = resources.corpora() / "ravdess" / named_clips.TABLE


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"RIFF")
    return folder


def read(slug: str, folder: Path, *splits: str) -> tuple[list[Dialogue | Reject], dict[str, int]]:
    reader = open_reader(slug, folder, False, splits)
    items = [item for split in reader.splits for item in reader.read(split)]
    return items, {note["note"]: note["count"] for note in reader.notes}


def said(items: list[Dialogue | Reject]) -> list[tuple[str | None, str | None, str]]:
    turns = [u for item in items if isinstance(item, Dialogue) for u in item.utterances]
    return [(u.speaker, u.label, u.text) for u in turns]


def test_there_are_five_of_them_and_none_has_a_program():
    assert NAMED == ["emodb", "esd", "ravdess", "savee", "tess"]
    for slug in NAMED:
        assert not [*(resources.corpora() / slug).glob("*.py")]


def test_no_module_knows_the_name_of_one():
    for path in resources.corpora().parent.rglob("*.py"):
        words = {
            n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)
        }
        assert not words & set(NAMED), path


@EVERY
def test_the_example_of_each_table_is_read_as_it_says(slug):
    table = read_table(resources.corpora() / slug / named_clips.TABLE)
    assert table.name.fullmatch(table.example.split(" or ")[0].removesuffix(".wav"))


@EVERY
def test_every_code_of_an_emotion_has_a_row_in_the_map_and_no_row_is_left_over(slug):
    table = read_table(resources.corpora() / slug / named_clips.TABLE)
    assert set(table.codes["emotion"].values()) == set(label_map(slug).labels)


@EVERY
def test_renderings_of_the_same_words_are_minimal_pairs_of_one_speaker(slug):
    card = load_card(slug)
    items, _ = read(slug, resources.corpora() / slug / "sample")
    assert card.contrast and card.fixed_words and card.label_source == "intended"
    if card.contrast.within == "dialogue":
        for item in items:
            if isinstance(item, Dialogue):
                assert len({(u.speaker, u.text) for u in item.utterances}) == 1


@EVERY
def test_unknown_rights_publish_and_send_nothing(slug):
    card = load_card(slug)
    if "CC-BY-NC-SA" not in card.licence:
        assert "yes" not in (*card.rights.model_dump().values(),)
        assert "yes" not in (*card.send_to_third_party.model_dump().values(),)


def test_a_folder_that_holds_everything_twice_is_read_once(tmp_path):
    inner = "OAF_angry/OAF_back_angry.wav"
    files(
        tmp_path, f"TESS/{inner}", f"TESS/TESS/{inner}", "._OAF_back_sad.wav", ".git/OAF_a_sad.wav"
    )
    items, notes = read("tess", tmp_path)
    assert said(items) == [("OAF", "angry", "Say the word back")]
    assert notes == {"copies_of_clips": 1}


def test_a_name_with_the_old_spelling_of_a_speaker_is_the_same_speaker(tmp_path):
    files(tmp_path, "OA_bite_neutral.WAV", "OAF_bite_ps.wav")
    items, _ = read("tess", tmp_path)
    assert [one[0] for one in said(items)] == ["OAF", "OAF"] and len(items) == 1


def test_names_in_one_folder_are_read_as_those_in_folders(tmp_path):
    lines = "a01\tWords of an angry man.\nsu15\tWords of another.\n"
    files(tmp_path / "one", "AudioData/DC/a01.wav", "AudioData/KL/su15.wav")
    files(tmp_path / "two", "DC_a01.wav", "KL_su15.wav")
    (tmp_path / "one" / "AudioData" / "sentences.tsv").write_text(lines)
    (tmp_path / "two" / "sentences.tsv").write_text(lines)
    one, two = (said(read("savee", tmp_path / name)[0]) for name in ("one", "two"))
    assert (
        one
        == two
        == [
            ("DC", "anger", "Words of an angry man."),
            ("KL", "surprise", "Words of another."),
        ]
    )


def test_without_its_sentences_a_corpus_says_which_file_to_write(tmp_path):
    with pytest.raises(SourceError, match=r"no sentences\.tsv in .*; write sentences\.tsv into"):
        read("savee", files(tmp_path, "DC_a01.wav"))


def test_song_and_pictures_are_left_out_and_counted(tmp_path):
    names = ("03-01-06-02-02-01-12.wav", "03-02-06-01-02-01-12.wav", "01-02-06-01-02-01-12.wav")
    items, notes = read("ravdess", files(tmp_path, *names))
    assert said(items) == [("12", "fearful", "Dogs are sitting by the door")]
    assert notes == {"song_left_out": 2}


def test_the_number_of_a_file_says_its_sentence_and_its_split(tmp_path):
    numbers = {"dev": (351, 370), "test": (371, 400), "train": (401, 700)}
    for numbered in numbers.values():
        files(tmp_path, *(f"0013/Angry/0013_{n:06d}.wav" for n in numbered))
    rows = [f"0013_{n:06d}\tSentence {n}.\tangry" for two in numbers.values() for n in two]
    (tmp_path / "0013" / "0013.txt").write_text("\n".join(rows), "utf-16")
    for split, numbered in numbers.items():
        items, _ = read("esd", tmp_path, split)
        assert [text for _, _, text in said(items)] == [f"Sentence {n}." for n in numbered]


def test_what_no_table_knows_is_a_reject_that_says_what_was_expected(tmp_path):
    names = ("03a01Wa.wav", "03a01Xa.wav", "03a99Wa.wav", "holiday.wav")
    items, _ = read("emodb", files(tmp_path, *names))
    rejects = [item for item in items if isinstance(item, Reject)]
    assert [r.reason for r in rejects] == ["unknown_emotion", "unknown_sentence", "broken_id"]
    assert "expected one of W, L, E, A, F, N, T" in rejects[0].detail
    assert "expected 03a01Fa.wav" in rejects[2].detail
    assert said(items) == [("03", "anger", "Der Lappen liegt auf dem Eisschrank.")]


def test_a_folder_of_other_sound_says_what_names_it_should_have(tmp_path):
    with pytest.raises(
        SourceError, match=r"named like OAF_back_angry\.wav not found among 1 files"
    ):
        read("tess", files(tmp_path, "clip1.wav"))


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("?P<emotion>", "?P<feeling>", "name has no group emotion"),
        ('"{actor}_{sentence}"', '"{actor}_{words}"', "there is no group words in name"),
        ("[sentences]", 'says = "hello"\n[texts_]', "Extra inputs"),
        ("[levels]", "[level]", "level: Extra inputs"),
        ("tree =", "tree", "not valid TOML"),
    ],
)
def test_a_table_that_is_wrong_is_refused_by_field(tmp_path, old, new, wrong):
    path = tmp_path / named_clips.TABLE
    shutil.copy(RAVDESS, path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=wrong):
        read_table(path)


def test_the_list_of_corpora_says_whose_files_were_seen():
    listed = hearten("corpora").out
    assert listed.count("  shape         ") == len(slugs())
    table = hearten("corpora", "--markdown").out.splitlines()
    assert len(table) == len(slugs()) + 2
    for slug in slugs():
        (row,) = [line for line in table if line.startswith(f"| `{slug}` |")]
        assert row.endswith(f"| {load_card(slug).shape} |")


def test_a_clip_that_is_there_in_two_formats_is_read_once(tmp_path):
    files(tmp_path, "YAF_back_sad.mp3", "YAF_back_sad.flac", "YAF_bar_sad.MP3")
    reader = open_reader("tess", tmp_path, True)
    turns = [u for item in reader.read("all") for u in item.utterances]
    assert [u.media.path.name for u in turns] == ["YAF_back_sad.flac", "YAF_bar_sad.MP3"]


def test_who_speaks_says_the_language_of_an_utterance(tmp_path):
    files(tmp_path, "0010/Sad/0010_001051.wav", "0011/Sad/0011_001051.wav")
    (tmp_path / "0010" / "0010.txt").write_text("0010_001051\t小船回来了。\t伤心", "utf-8")
    (tmp_path / "0011" / "0011.txt").write_text("0011_001051\tIt rains.\tSad", "utf-8")
    items, notes = read("esd", tmp_path, "dev")
    turns = [u for item in items if isinstance(item, Dialogue) for u in item.utterances]
    assert [(u.language, u.sex, u.text) for u in turns] == [
        ("zh", "male", "小船回来了。"),
        (None, "male", "It rains."),
    ]
    assert notes == {}
