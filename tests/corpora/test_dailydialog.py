from pathlib import Path

import pytest

from builders.corpora import open_reader
from builders.errors import SourceError
from builders.record.types import Dialogue, Reject


def tree(folder: Path, text: str, emotions: str, split: str = "train") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"dialogues_{split}.txt").write_text(text, "utf-8")
    (folder / f"dialogues_emotion_{split}.txt").write_text(emotions, "utf-8")
    return folder


def read(folder: Path) -> tuple[list[Dialogue], list[Reject]]:
    items = [*open_reader("dailydialog", folder, False, ("train",)).read("train")]
    dialogues = [item for item in items if isinstance(item, Dialogue)]
    return dialogues, [item for item in items if isinstance(item, Reject)]


def test_turns_alternate_and_marks_are_joined_to_their_words(tmp_path):
    text = "It ’ s late , isn ' t it ? __eou__ We ' ll walk ... 3 : 1 , then . __eou__\n"
    (dialogue,), rejects = read(tree(tmp_path, text, "0 4\n"))
    assert not rejects
    assert [(u.speaker, u.label, u.text) for u in dialogue.utterances] == [
        ("A", "no emotion", "It’s late, isn't it?"),
        ("B", "happiness", "We'll walk ... 3: 1, then."),
    ]


@pytest.mark.parametrize(
    ("text", "emotions", "said"),
    [
        ("a __eou__ b __eou__", "0", "there are 2 turns and 1 emotions"),
        ("a __eou__", "7", "'7'; expected a digit from 0 to 6"),
        ("a __eou__  __eou__ b", "0 0 0", "a turn has no words"),
        ("a __eou__", "", "there are 1 turns and 0 emotions"),
        ("", "0 0", "there are 0 turns and 2 emotions"),
    ],
)
def test_a_line_whose_labels_do_not_fit_is_a_reject_and_the_next_is_read(
    tmp_path, text, emotions, said
):
    folder = tree(tmp_path, f"{text}\nfine __eou__\n", f"{emotions}\n5\n")
    dialogues, (reject,) = read(folder)
    assert said in reject.detail and reject.id == "dailydialog-train-line-1"
    assert [(d.id, d.utterances[0].label) for d in dialogues] == [("2", "sadness")]


def test_the_files_may_be_in_a_folder_of_their_split_or_beside_each_other(tmp_path):
    one = tree(tmp_path / "one" / "ijcnlp_dailydialog" / "train", "a __eou__\n", "1\n")
    two = tree(tmp_path / "two", "a __eou__\n", "1\n")
    assert read(one.parents[1]) == read(two)


def test_a_split_that_was_not_unpacked_is_named(tmp_path):
    (tmp_path / "train.zip").write_bytes(b"")
    with pytest.raises(SourceError, match=r"dialogues_train\.txt and .* not found.*train\.zip"):
        read(tmp_path)
