from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import reading
from reading import only_reject, utterances
from trees import MELD_COLUMNS, hum, make_meld_tree, meld_row, stereo

from builders import resources
from builders.corpora import open_reader
from builders.corpora.reading import Defects, read_split
from builders.errors import SourceError
from builders.record.types import Dialogue, Reject

SAMPLE = resources.corpora() / "meld" / "sample"
CLIP = stereo(hum(0.1))
read = partial(reading.read, "meld")
refused = partial(reading.refused, "meld")


def change_csv(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


# The sample


def test_the_sample_shows_every_emotion_and_split_in_eight_dialogues():
    items = [item for item in read(SAMPLE) if isinstance(item, Dialogue)]
    assert Counter(item.split for item in items) == {"train": 4, "dev": 2, "test": 2}
    assert {u.label for item in items for u in item.utterances if not u.rejected} == {
        *("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
    }


# What is read


def test_control_characters_become_the_punctuation_they_stood_for(tmp_path):
    text = "It\x92s \x93late\x94\x85 isn\x92t it\x97yes"
    make_meld_tree(tmp_path, {"train": [meld_row(0, 0, Utterance=text)]})
    reader = open_reader("meld", tmp_path, with_media=False)
    (item,) = read_split(reader, "meld", "train", Defects())
    assert item.utterances[0].text == "It’s “late”… isn’t it—yes"
    assert reader.notes == [{"note": "c1_controls_repaired", "split": "train", "count": 1}]


def test_a_next_line_character_does_not_cut_a_row(tmp_path):
    rows = [meld_row(0, 0, Utterance="Well\x85 no."), meld_row(0, 1, Utterance="Caf\xe9\u2028!")]
    make_meld_tree(tmp_path, {"train": rows})
    found = utterances(read(tmp_path, "train"))
    assert [u.text for u in found.values()] == ["Well… no.", "Caf\xe9\u2028!"]


def test_text_and_joint_speakers_are_kept_as_written(tmp_path):
    text = 'No.  No, "never", she said, (crying)'
    row = meld_row(0, 0, Utterance=text, Speaker="Marta and Priya")
    make_meld_tree(tmp_path, {"dev": [row]})
    (found,) = utterances(read(tmp_path, "dev")).values()
    assert (found.text, found.speaker) == (text, "Marta and Priya")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("00:16:16,059", 976.059),
        ("0:00:01,000", 1.0),
        ("00:06:47,28", 407.28),
        ("01:00:00,5", 3600.5),
    ],
)
def test_times_are_seconds_with_a_decimal_comma(written, seconds, tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(0, 0, StartTime=written)]})
    (found,) = utterances(read(tmp_path, "dev")).values()
    assert found.start == pytest.approx(seconds, abs=1e-9)


def test_an_end_before_its_start_is_a_finding(tmp_path):
    row = meld_row(0, 0, StartTime="00:00:09,000", EndTime="00:00:08,000")
    make_meld_tree(tmp_path, {"dev": [row]})
    (found,) = utterances(read(tmp_path, "dev")).values()
    assert found.findings == ("end_before_start",)


def test_the_order_is_by_utterance_id_as_a_number(tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(3, n) for n in (10, 9, 2)]})
    assert list(utterances(read(tmp_path, "dev"))) == [f"meld-dev-3-{n}" for n in (2, 9, 10)]


def test_the_scene_names_who_is_present_in_order_of_appearance(tmp_path):
    rows = [meld_row(0, n, Speaker=s) for n, s in enumerate(("Priya", "Jonas", "Priya", "Marta"))]
    make_meld_tree(tmp_path, {"dev": rows})
    (item,) = read(tmp_path, "dev")
    assert item.background == "Season 1, episode 2. Present: Priya, Jonas, Marta."
    assert item.background_origin == "scene"


def test_the_same_ids_in_two_splits_are_two_utterances(tmp_path):
    make_meld_tree(tmp_path)
    assert {"meld-train-0-0", "meld-dev-0-0", "meld-test-0-0"} <= utterances(read(tmp_path)).keys()


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path):
    make_meld_tree(tmp_path)
    path = tmp_path / "dev_sent_emo.csv"
    change_csv(path, lambda content: content.replace(b"Sr No.,", b"").replace(b"\n1,", b"\n"))
    change_csv(path, lambda content: b"\xef\xbb\xbf" + content)
    assert len(utterances(read(tmp_path, "dev"))) == 4


# Where it lies


@pytest.mark.parametrize("one_level_down", [False, True])
@pytest.mark.parametrize("inside", ["", "MELD.Raw"])
def test_each_known_shape_of_the_tree_is_read_alike(one_level_down, inside, tmp_path):
    clips = {f"{split}/dia0_utt0": CLIP for split in ("train", "dev", "test")}
    root = make_meld_tree(tmp_path / inside, clips=clips, one_level_down=one_level_down)
    reader = open_reader("meld", tmp_path, with_media=True)
    found = utterances(list(read_split(reader, "meld", "test", Defects())))
    assert (reader.root, len(reader.files)) == (root, 3)
    assert found["meld-test-0-0"].media.path.is_file()
    assert found["meld-test-0-1"].findings == ("clip_missing",)


def test_annotation_files_alone_serve_without_media(tmp_path):
    make_meld_tree(tmp_path)
    found = utterances(read(tmp_path))
    assert len(found) == 12
    assert all(u.media is None and u.findings == () for u in found.values())


def test_the_recut_twin_is_used_and_the_choice_recorded(tmp_path):
    names = ("dia0_utt0", "dia0_utt1", "final_videos_testdia0_utt1")
    root = make_meld_tree(tmp_path, clips={f"test/{name}": CLIP for name in names})
    reader = open_reader("meld", root, with_media=True)
    found = utterances(list(read_split(reader, "meld", "test", Defects())))
    assert found["meld-test-0-0"].media.path.name == "dia0_utt0.mp4"
    assert found["meld-test-0-1"].media.path.name == "final_videos_testdia0_utt1.mp4"
    assert found["meld-test-0-1"].media.findings == ("recut_twin_used",)
    assert reader.notes == [{"note": "recut_twin_used", "split": "test", "count": 1}]


def test_clips_without_a_row_are_counted_and_other_files_are_not(tmp_path):
    names = ("dia0_utt0", "dia9_utt9", "._dia9_utt8", "dia9_utt7_old", "holiday")
    root = make_meld_tree(tmp_path, clips={f"dev/{name}": CLIP for name in names})
    reader = open_reader("meld", root, with_media=True)
    for _ in range(2):
        found = utterances(list(read_split(reader, "meld", "dev", Defects())))
        assert found["meld-dev-0-0"].media is not None
        assert reader.notes == [{"note": "clips_without_row", "split": "dev", "count": 1}]


def test_only_the_files_of_the_splits_that_are_read_need_to_be_there(tmp_path):
    (make_meld_tree(tmp_path) / "train_sent_emo.csv").unlink()
    reader = open_reader("meld", tmp_path, False, ["dev"])
    assert (reader.splits, [path.name for path in reader.files]) == (("dev",), ["dev_sent_emo.csv"])


# What is refused


def test_a_missing_folder_is_named(tmp_path):
    assert refused(tmp_path / "gone") == (
        f"there is no folder {tmp_path / 'gone'}; "
        "expected the folder that MELD.Raw.tar.gz unpacks to; check the path given with --source"
    )


def test_a_wrong_folder_is_answered_with_what_was_looked_for(tmp_path):
    assert refused(tmp_path) == (
        "train_sent_emo.csv, dev_sent_emo.csv, test_sent_emo.csv, also in sub-folders, not found "
        f"in {tmp_path}; "
        "expected the folder that MELD.Raw.tar.gz unpacks to; check the path given with --source"
    )


def test_a_tree_that_is_not_unpacked_is_answered_with_its_archive(tmp_path):
    (tmp_path / "MELD.Raw.tar.gz").write_bytes(b"")
    assert refused(tmp_path).endswith("; unpack MELD.Raw.tar.gz there")


def test_the_annotation_file_of_one_split_that_is_missing_is_named(tmp_path):
    (make_meld_tree(tmp_path) / "dev_sent_emo.csv").unlink()
    assert refused(tmp_path).startswith(
        f"dev_sent_emo.csv, also in sub-folders, not found in {tmp_path};"
    )


def test_missing_media_are_answered_with_where_they_were_looked_for(tmp_path):
    make_meld_tree(tmp_path)
    assert refused(tmp_path, media=True) == (
        f"the media are missing: no clips of train, dev, test in {tmp_path} (looked in "
        "train_splits, train/train_splits, dev_splits_complete, dev/dev_splits_complete, "
        "output_repeated_splits_test, test/output_repeated_splits_test); "
        "unpack train.tar.gz, dev.tar.gz, test.tar.gz there, or use --text-only"
    )


def test_media_still_in_their_archives_are_answered_with_these(tmp_path):
    (make_meld_tree(tmp_path) / "train.tar.gz").write_bytes(b"")
    assert refused(tmp_path, media=True).endswith("; unpack train.tar.gz there, or use --text-only")


def test_missing_media_of_one_split_stop_that_split(tmp_path):
    make_meld_tree(tmp_path, clips={"train/dia0_utt0": CLIP})
    (tmp_path / "dev_splits_complete").mkdir()
    assert utterances(read(tmp_path, "train", media=True))
    with pytest.raises(SourceError, match=r"no clips of dev in .*; unpack dev\.tar\.gz there, or"):
        read(tmp_path, "dev", media=True)


def test_a_missing_column_is_named_with_the_columns_found(tmp_path):
    make_meld_tree(tmp_path)
    path = tmp_path / "dev_sent_emo.csv"
    change_csv(path, lambda content: content.replace(b"Emotion", b"Feeling", 1))
    message = refused(tmp_path)
    assert message.startswith(f"column Emotion is missing in {path}; expected Utterance, Speaker,")
    assert "'Speaker', 'Feeling', 'Sentiment'" in message


@pytest.mark.parametrize("content", [b"", "Sr No.,Utterance\r\n".encode("utf-16")])
def test_an_empty_or_foreign_file_is_refused_in_one_line(content, tmp_path):
    make_meld_tree(tmp_path)
    (tmp_path / "test_sent_emo.csv").write_bytes(content)
    message = refused(tmp_path)
    assert "column Utterance, Speaker" in message
    assert message.encode("ascii")


def test_a_row_of_a_dialogue_that_comes_back_is_a_reject_and_the_rest_is_read(tmp_path):
    rows = [meld_row(0, 0), meld_row(1, 0), meld_row(0, 1), meld_row(1, 1), meld_row(2, 0)]
    make_meld_tree(tmp_path, {"train": rows})
    items = read(tmp_path, "train")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("meld-train-0-1", "out_of_place")
    assert len(utterances(items)) == 4
    for words in (
        "train_sent_emo.csv:4: dialogue 0 continues after another one has begun",
        "sort the file by Dialogue_ID",
    ):
        assert words in reject.detail


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"EndTime": "00:00:5x,340"}, "broken_time", "EndTime is '00:00:5x,340'; expected h:mm:ss"),
        ({"StartTime": "00:61:00,000"}, "broken_time", "StartTime is '00:61:00,000'"),
        ({"StartTime": "00:01:00,0000"}, "broken_time", "StartTime is '00:01:00,0000'"),
        ({"Sentiment": "mild"}, "unknown_sentiment", "'mild'; expected one of positive, neutral"),
        ({"Utterance": ""}, "broken_row", "one is empty"),
        ({"Utterance": "One\nline"}, "broken_row", "a quotation mark is not closed"),
    ],
)
def test_a_broken_row_is_a_reject_under_its_own_id(changes, reason, detail, tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(7, 0), meld_row(7, 1, **changes), meld_row(7, 2)]})
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.split, reject.stage) == ("meld-dev-7-1", "dev", "read")
    assert reject.reason == reason
    assert reject.detail.startswith("dev_sent_emo.csv:") and detail in reject.detail
    assert list(utterances(items)) == ["meld-dev-7-0", "meld-dev-7-2"]


@pytest.mark.parametrize("column", ["Dialogue_ID", "Utterance_ID"])
def test_a_row_without_an_id_is_a_reject_under_its_line(column, tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(7, 0), meld_row(7, 1, **{column: "x1"})]})
    reject = only_reject(read(tmp_path, "dev"))
    assert (reject.id, reject.reason) == ("meld-dev-line-3", "broken_id")
    assert "x1" in reject.detail and "x1" in reject.raw["row"]


@pytest.mark.parametrize("shift", [b"one, more", b""])
def test_a_row_with_a_field_too_many_or_too_few_is_a_reject_under_its_line(shift, tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(7, 0, Utterance="ONE"), meld_row(7, 1)]})
    old = b"ONE" if shift else b"ONE,"
    change_csv(tmp_path / "dev_sent_emo.csv", lambda content: content.replace(old, shift, 1))
    reject = only_reject(read(tmp_path, "dev"))
    assert (reject.id, reject.reason) == ("meld-dev-line-2", "broken_row")


def test_bytes_that_are_not_utf8_cost_one_row_and_are_kept_readable(tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(7, 0, Utterance="CAFE"), meld_row(7, 1)]})
    path = tmp_path / "dev_sent_emo.csv"
    change_csv(path, lambda content: content.replace(b"CAFE", b"Caf\xe9\xe8"))
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("meld-dev-7-0", "not_utf8")
    assert "Caf\\xe9\\xe8" in reject.raw["row"]
    assert list(utterances(items)) == ["meld-dev-7-1"]


def test_a_file_cut_in_the_middle_of_a_row_costs_that_row(tmp_path):
    make_meld_tree(tmp_path)
    change_csv(tmp_path / "dev_sent_emo.csv", lambda content: content[:-20])
    items = read(tmp_path, "dev")
    assert only_reject(items).reason == "broken_row"
    assert len(utterances(items)) == 3


def test_a_blank_line_is_no_record(tmp_path):
    make_meld_tree(tmp_path)
    change_csv(tmp_path / "dev_sent_emo.csv", lambda content: content + b"\r\n")
    assert len(read(tmp_path, "dev")) == 2


def test_a_quotation_mark_that_never_closes_costs_its_row(tmp_path):
    make_meld_tree(tmp_path, {"dev": [meld_row(0, 0, Utterance="OPEN"), meld_row(0, 1)]})
    path = tmp_path / "dev_sent_emo.csv"
    change_csv(path, lambda content: content.replace(b"OPEN", b'"open'))
    items = read(tmp_path, "dev")
    assert only_reject(items).reason == "broken_row"
    assert list(utterances(items)) == ["meld-dev-0-1"]


def test_a_cell_of_any_size_costs_its_row(tmp_path):
    rows = [meld_row(0, 0), meld_row(0, 1, Utterance="x" * 200_000), meld_row(0, 2)]
    make_meld_tree(tmp_path, {"dev": rows})
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("meld-dev-line-3", "broken_row")
    assert reject.detail == "dev_sent_emo.csv:3: the line is too long"
    assert [*utterances(items)] == ["meld-dev-0-0", "meld-dev-0-2"]


def test_the_columns_of_the_trees_are_those_of_the_release(real_data):
    header = (real_data / "meld" / "dev_sent_emo.csv").open(encoding="utf-8").readline().strip()
    assert header.split(",") == list(MELD_COLUMNS)


# The real annotation files

LABELS = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
REAL = {
    "train": (9989, 1038, (1109, 271, 268, 1743, 4710, 683, 1205), (2334, 4710, 2945), 260),
    "dev": (1109, 114, (153, 22, 40, 163, 470, 111, 150), (233, 470, 406), 47),
    "test": (2610, 280, (345, 68, 50, 402, 1256, 208, 281), (521, 1256, 833), 100),
}


@pytest.mark.parametrize("split", REAL)
def test_the_real_annotations_have_the_published_counts(split, real_data):
    rows, dialogues, labels, sentiments, speakers = REAL[split]
    items = read(real_data / "meld", split)
    found = utterances(items).values()
    assert all(isinstance(item, Dialogue) for item in items)
    assert (len(found), len(items)) == (rows, dialogues)
    assert Counter(u.label for u in found) == dict(zip(LABELS, labels, strict=True))
    polarity = Counter(u.sentiment for u in found)
    assert tuple(polarity[s] for s in ("positive", "neutral", "negative")) == sentiments
    assert len({u.speaker for u in found}) == speakers


def test_the_real_annotations_are_asked_for_their_media(real_data):
    message = refused(real_data / "meld", media=True)
    assert message.startswith("the media are missing: no clips of train, dev, test in ")
    assert message.endswith(
        "unpack train.tar.gz, dev.tar.gz, test.tar.gz there, or use --text-only"
    )


def test_the_real_two_digit_fractions_end_before_the_next_utterance(real_data):
    found = utterances(read(real_data / "meld", "test"))
    for name, following in (("187-2", "187-3"), ("233-8", "233-9")):
        gap = found[f"meld-test-{following}"].start - found[f"meld-test-{name}"].end
        assert 0.1 < gap < 0.3


def test_the_real_leaks_are_findings(real_data):
    reader = open_reader("meld", real_data / "meld", with_media=False)
    leaks = [
        u.id
        for split in reader.splits
        for item in read_split(reader, "meld", split, Defects.load("meld"))
        for u in item.utterances
        if "leak_across_splits" in u.findings
    ]
    assert len(leaks) == 10
    assert {"meld-train-12-7", "meld-test-85-0"} <= set(leaks)


def test_the_real_text_is_not_in_the_sample(real_data):
    real = {u.text for u in utterances(read(real_data / "meld")).values() if len(u.text) > 25}
    sample = {u.text for u in utterances(read(SAMPLE)).values()}
    assert not real & sample
    assert np.mean([len(text) for text in sample]) > 25


def test_meld_dyadic_is_read_by_the_reader_of_meld_from_its_own_tables():
    folder = resources.corpora() / "meld_dyadic"
    assert not [*folder.glob("*.py")]
    reader = open_reader("meld_dyadic", folder / "sample", True)
    items = [item for split in reader.splits for item in reader.read(split)]
    rejects = [item.id for item in items if isinstance(item, Reject)]
    assert rejects == ["meld_dyadic-dev-1-2"]
    train = [item for item in items if isinstance(item, Dialogue) and item.split == "train"]
    clips = [[u.media.path.stem for u in d.utterances if u.media] for d in train]
    assert clips[:2] == [["dia0_utt0", "dia0_utt1", "dia0_utt2"], ["dia0_utt1", "dia0_utt2"]]
