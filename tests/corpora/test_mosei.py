import json
from collections import Counter
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
import reading
import soundfile
from reading import utterances
from trees import hum, write_mp4
from trees_mosei import (
    FILMS,
    FOLDS,
    MOSEI_COLUMNS,
    RECORDINGS,
    TRANSCRIPTS,
    label_rows,
    make_mosei_tree,
    sentence,
    word_rows,
    write_csd,
    write_recording,
    write_transcript,
)

from builders import resources
from builders.audio.decode import decode
from builders.corpora import load_card, open_reader, resolve_slug
from builders.corpora.mosei.texts import Line, join
from builders.corpora.reading import Defects, OnError, ReadingRules, read_split
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.labels.aggregation import load_labelling
from builders.record.types import Annotation, Dialogue, Reject, Utterance

LABELS = "CMU_MOSEI_Labels.csd"
WORDS = "CMU_MOSEI_TimestampedWords.csd"
HAPPY = {"sentiment": 1.0, "happy": 2.0}
SPLITS = ("train", "dev", "test", "all")
EXPECTED = "expected the folder that holds CMU_MOSEI_Labels.csd and Raw, or the one around it"
refused = partial(reading.refused, "mosei")


def read(
    source: Path, *splits: str, media: bool = False, on_error: OnError | None = None
) -> list[Dialogue | Reject]:
    reader = open_reader("mosei", source, media)
    rules = ReadingRules(on_error=on_error)
    wanted = splits or reader.splits
    return [item for s in wanted for item in read_split(reader, "mosei", s, Defects(), rules)]


def rejects(items: list[Dialogue | Reject]) -> dict[str, Reject]:
    return {item.id: item for item in items if isinstance(item, Reject)}


def notes_of(source: Path, split: str) -> dict[str, int]:
    """Return the notes on a split once it was read, without what was to be expected."""
    reader = open_reader("mosei", source, False)
    list(read_split(reader, "mosei", split, Defects()))
    found = {n["note"]: n["count"] for n in reader.notes if n["split"] == split}
    usual = ("videos_in_fold", "videos_with_labels", "segments")
    return {note: count for note, count in found.items() if note not in usual}


def one_video(root: Path, *segments, lines=None) -> Path:
    """Write a tree in which video vidA alone is labelled; `lines` are its transcript."""
    make_mosei_tree(root, {"vidA": segments})
    if lines is not None:
        write_transcript(root, "vidA", lines)
    return root


# What is read


def test_the_names_people_write_are_understood():
    assert [resolve_slug(name) for name in ("CMU-MOSEI", "cmu_mosei", "MOSEI")] == ["mosei"] * 3


def test_the_card_says_what_context_is_and_lets_nothing_out():
    card = load_card("mosei")
    assert card.context == "same_speaker"
    assert "yes" not in (card.rights.audio, card.rights.text, card.rights.labels)
    assert "yes" not in (card.send_to_third_party.text, card.send_to_third_party.audio)


def test_segments_are_put_in_order_and_named_by_their_start_in_milliseconds(tmp_path):
    one_video(tmp_path, (56.852, 60.845, HAPPY), (29.7644, 35.633, HAPPY), (42.1, 49.2, HAPPY))
    found = utterances(read(tmp_path, "train"))
    assert list(found) == [f"mosei-train-vidA-{ms}" for ms in (29764, 42100, 56852)]
    u = found["mosei-train-vidA-29764"]
    assert (u.start, u.end, u.speaker, u.label) == (29.7644, 35.633, "vidA", None)
    assert u.text == sentence("vidA", 29.7644)


def test_a_start_before_zero_becomes_zero_and_is_recorded(tmp_path):
    one_video(
        tmp_path, (-0.487, 4.0, HAPPY), (4.0, 6.0, HAPPY), lines=[(0.0, 4.0, "So here I am.")]
    )
    write_transcript(tmp_path, "vidA", [(0.0, 4.0, "So here I am."), (4.0, 6.0, "And here.")])
    found = utterances(read(tmp_path, "train"))
    first, second = found.values()
    assert (first.id, first.start, first.end) == ("mosei-train-vidA-0", 0.0, 4.0)
    assert (first.findings, second.findings) == (("start_clamped",), ())
    assert notes_of(tmp_path, "train") == {"start_clamped": 1}


def test_all_seven_values_are_kept_with_their_scale_to_four_digits(tmp_path):
    one_video(tmp_path, (0.0, 1.0, {"sentiment": -1 / 3, "fear": 2 / 3, "happy": 0.5}))
    (u,) = utterances(read(tmp_path, "train")).values()
    assert u.annotation.dimensions[0] == {
        "name": "sentiment",
        "value": -0.3333,
        "minimum": -3.0,
        "maximum": 3.0,
        "rater": None,
    }
    values = {d["name"]: d["value"] for d in u.annotation.dimensions}
    assert values == dict.fromkeys(MOSEI_COLUMNS, 0.0) | {
        "sentiment": -0.3333,
        "happy": 0.5,
        "fear": 0.6667,
    }
    assert {(d["minimum"], d["maximum"]) for d in u.annotation.dimensions[1:]} == {(0.0, 3.0)}


@pytest.mark.parametrize("root", ["All Labels", "Emotion and Sentiment", "aaa"])
def test_the_root_of_a_sequence_goes_by_any_name(root, tmp_path):
    make_mosei_tree(tmp_path)
    rows = {"vidA": label_rows([(0.5, 1.5, HAPPY)])}
    write_csd(tmp_path / LABELS, rows, root, names=None)
    assert list(utterances(read(tmp_path))) == ["mosei-train-vidA-500"]


def test_times_held_as_32_bit_numbers_are_read_alike(tmp_path):
    one_video(tmp_path, (82.7645, 100.555, HAPPY))
    before = read(tmp_path, "train")
    features, intervals = label_rows([(82.7645, 100.555, HAPPY)])
    write_csd(tmp_path / LABELS, {"vidA": (features, intervals.astype(np.float32))})
    assert read(tmp_path, "train") == before
    assert list(utterances(before)) == ["mosei-train-vidA-82764"]


# What the values mean together


def labelled(**values: float) -> tuple[str | None, Utterance]:
    """Return an utterance of these values as the reader gives it, its label settled."""
    dimensions = [
        {"name": n, "value": values.get(n, 0.0), "minimum": 0.0, "maximum": 3.0, "rater": None}
        for n in MOSEI_COLUMNS
    ]
    u = Utterance("v", "0", 0, "v", "Hm.", None, annotation=Annotation(dimensions=dimensions))
    labelling = load_labelling("mosei")
    labelling.settle(u)
    return labelling.emotions(u), u


def test_the_strongest_intensity_is_the_label():
    meaning, u = labelled(sentiment=-1.0, sad=2.6667, fear=0.3333)
    assert (u.label, u.sentiment, u.annotation.intensity) == ("sad", "negative", 2.6667)
    assert (meaning.primary, meaning.match_root) == ("sadness", "exact")
    assert (meaning.secondary, meaning.alternatives) == (None, ())


@pytest.mark.parametrize(("strongest", "weak"), [(0.3333, True), (0.6667, False), (2.0, False)])
def test_a_weak_label_is_flagged(strongest, weak):
    _, u = labelled(sad=strongest)
    assert ("intensity_weak" in u.flags) is weak


def test_an_emotion_half_as_strong_is_the_second_and_a_weaker_one_is_none():
    assert labelled(anger=2.0, disgust=1.0)[0].secondary == "disgust"
    assert labelled(anger=2.0, disgust=0.99)[0].secondary is None


def test_of_two_equal_seconds_neither_is_it_and_both_are_other_readings():
    meaning, _ = labelled(happy=3.0, sad=1.6667, surprise=1.6667)
    assert (meaning.primary, meaning.secondary) == ("happiness", None)
    assert meaning.alternatives == ("sadness", "surprise")


def test_a_third_emotion_that_is_strong_enough_is_another_reading():
    meaning, _ = labelled(happy=2.0, surprise=1.6667, fear=1.0, sad=0.3333)
    assert (meaning.secondary, meaning.alternatives) == ("surprise", ("fear",))


def test_a_tie_is_ambiguous_with_the_tied_as_its_readings():
    meaning, u = labelled(sentiment=-2.0, sad=1.3333, anger=1.3333, fear=0.3333)
    assert (u.label, u.annotation.intensity) == ("(tie)", 1.3333)
    assert (meaning.primary, meaning.root, meaning.match_root) == ("ambiguous", "unknown", "none")
    assert (meaning.alternatives, meaning.valence) == (("sadness", "anger"), "negative")


@pytest.mark.parametrize(
    ("sentiment", "label", "emotion", "valence", "match"),
    [
        (0.0, "(none, sentiment near zero)", "neutral", "neutral", "close"),
        (-0.3333, "(none, sentiment near zero)", "neutral", "neutral", "close"),
        (0.5, "(none, sentiment clear)", "ambiguous", "positive", "none"),
        (-0.6667, "(none, sentiment clear)", "ambiguous", "negative", "none"),
    ],
)
def test_six_zeros_are_neutral_only_where_the_sentiment_is_near_zero(
    sentiment, label, emotion, valence, match
):
    meaning, u = labelled(sentiment=sentiment)
    assert (u.label, u.annotation.intensity) == (label, None)
    assert (meaning.primary, meaning.valence, meaning.match_root) == (emotion, valence, match)


def test_a_tie_of_thirds_is_a_tie_as_it_is_read_from_the_file(tmp_path):
    one_video(tmp_path, (0.0, 1.0, {"happy": 1 / 3, "surprise": np.float32(0.33333)}))
    (u,) = utterances(read(tmp_path, "train")).values()
    load_labelling("mosei").settle(u)
    assert u.label == "(tie)"


# Text


@pytest.mark.parametrize(("shift", "joined"), [(0.0, 1), (0.25, 1), (-0.5, 1), (0.51, 0)])
def test_a_transcript_is_joined_within_half_a_second(shift, joined, tmp_path):
    one_video(tmp_path, (3.0, 9.0, HAPPY), lines=[(3.0 + shift, 9.0 + shift, "It was raining.")])
    items = read(tmp_path, "train")
    assert [u.text for u in utterances(items).values()] == ["It was raining."] * joined
    assert len(rejects(items)) == 1 - joined


def test_the_best_overlap_is_taken_first_and_each_line_used_once():
    early, late, next_one = (0.0, 4.0), (0.3, 4.0), (4.1, 8.0)
    one, two = Line((0.0, 4.0), "One."), Line((4.0, 8.0), "Two.")
    assert join([late, early, next_one], [one, two]) == {early: one, next_one: two}
    three = Line((0.5, 4.1), "Three.")
    assert join([late, early], [three, one]) == {early: one, late: three}
    assert join([early], [three, one]) == {early: one}


def test_a_short_segment_is_not_given_its_neighbours_text(tmp_path):
    one_video(tmp_path, (10.0, 10.6, HAPPY), lines=[(10.4, 11.0, "The next one.")])
    assert [r.reason for r in rejects(read(tmp_path, "train")).values()] == ["text_missing"]


def test_what_is_left_over_on_either_side_is_counted(tmp_path):
    lines = [(0.0, 2.0, "Heard."), (2.0, 4.0, "Never labelled."), (9.0, 12.0, "Nor this.")]
    one_video(tmp_path, (0.0, 2.0, HAPPY), (5.0, 7.0, HAPPY), lines=lines)
    reject = rejects(read(tmp_path, "train"))["mosei-train-vidA-5000"]
    assert (reject.reason, reject.stage) == ("text_missing", "read")
    assert reject.detail == (
        "CMU_MOSEI_Labels.csd:vidA[1]: no line of vidA.txt begins and ends within 0.5 s of it"
    )
    assert reject.raw["row"] == "[5.0, 7.0] [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]"
    assert notes_of(tmp_path, "train") == {
        "segments_without_text": 1,
        "transcripts_without_segment": 2,
    }


@pytest.mark.parametrize("video", ["PtH__x_EAY", "_ab", "-cd", "81406", "ends_", "___"])
@pytest.mark.parametrize("text", ["It rained.", "___It rained", "It___rained___all day", "_"])
def test_ids_and_texts_may_hold_underscores(video, text, tmp_path):
    folds = {**FOLDS, "train": [video]}
    make_mosei_tree(tmp_path, {video: [(0.0, 1.0, HAPPY)]}, folds)
    write_transcript(tmp_path, video, [(0.0, 1.0, text)])
    (u,) = utterances(read(tmp_path, "train")).values()
    assert (u.dialogue, u.text) == (video, text)


def test_a_video_without_a_transcript_has_the_text_of_its_timed_words(tmp_path):
    make_mosei_tree(tmp_path, {"vidA": [(0.0, 2.0, HAPPY), (1.8, 4.0, HAPPY), (8.0, 9.0, HAPPY)]})
    (tmp_path / TRANSCRIPTS / "vidA.txt").unlink()
    words = [("late", 1.7, 1.95), ("sp", 0.0, 0.4), ("caf\xe9", 0.4, 1.7), ("again", 3.0, 3.4)]
    rows = {"vidA": word_rows([*words, ("sp", 3.4, 3.5), ("aside", 5.0, 6.0)])}
    write_csd(tmp_path / WORDS, rows, "words", None)
    items = read(tmp_path, "train")
    assert [u.text for u in utterances(items).values()] == ["caf\xe9 late", "late again"]
    reject = rejects(items)["mosei-train-vidA-8000"]
    assert reject.detail.endswith(": none of the video's timed words falls within it")
    assert notes_of(tmp_path, "train") == {
        "segments_without_text": 1,
        "text_from_timed_words": 2,
        "words_without_segment": 1,
    }


def test_a_transcript_goes_before_timed_words(tmp_path):
    one_video(tmp_path, (0.0, 2.0, HAPPY), lines=[(0.0, 2.0, "As it was written.")])
    write_csd(tmp_path / WORDS, {"vidA": word_rows([("as", 0.0, 1.0)])}, "words", None)
    assert [u.text for u in utterances(read(tmp_path)).values()] == ["As it was written."]


def test_a_video_with_neither_is_all_rejects_that_say_so(tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / TRANSCRIPTS / "vidA.txt").unlink()
    items = read(tmp_path)
    (reject,) = rejects(items).values()
    assert reject.id == "mosei-train-vidA-500"
    assert reject.detail.endswith("the video has neither a transcript nor timed words")
    assert len(utterances(items)) == 2


# Splits


def test_the_owners_validation_fold_is_dev_and_videos_in_no_fold_are_all(tmp_path):
    labels = {video: [(0.0, 1.0, HAPPY)] for video in ("vidA", "vidB", "vidC", "vidD")}
    make_mosei_tree(tmp_path, labels, {**FOLDS, "train": ["vidA", "gone"]})
    write_transcript(tmp_path, "vidE", [(0.0, 1.0, "Nobody labelled me.")])
    assert list(utterances(read(tmp_path))) == [
        f"mosei-{split}-{video}-0" for split, video in zip(SPLITS, labels, strict=True)
    ]
    assert notes_of(tmp_path, "train") == notes_of(tmp_path, "all") == {"videos_without_labels": 1}


def test_the_folds_of_the_sdk_are_parsed_and_never_executed(tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / "standard_folds.json").unlink()
    (tmp_path / "cmu_mosei_std_folds.py").write_text(
        "import os\n"
        f"os.mkdir({str(tmp_path / 'executed')!r})\n"
        "standard_train_fold=['vidB',\n 'vidA']\n"
        'standard_valid_fold=["vidC"]\n'
        "standard_test_fold=[]\n"
        "other = len(standard_train_fold)\n"
    )
    found = utterances(read(tmp_path))
    assert list(found) == [f"mosei-{s}-500" for s in ("train-vidA", "train-vidB", "dev-vidC")]
    assert not (tmp_path / "executed").exists()


def test_without_folds_the_build_stops_and_says_where_they_are_to_be_had(tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / "standard_folds.json").unlink()
    assert refused(tmp_path) == (
        "the standard folds (cmu_mosei_std_folds.py or standard_folds.json) are missing in "
        f"{tmp_path}; expected the lists of training, validation and test videos; without them, "
        "test videos could end up in training; put cmu_mosei_std_folds.py there; it is "
        "at https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK under "
        "mmsdk/mmdatasdk/dataset/standard_datasets/CMU_MOSEI"
    )


def test_a_video_in_two_folds_is_refused(tmp_path):
    make_mosei_tree(tmp_path, folds={**FOLDS, "test": ["vidC", "vidA"]})
    assert refused(tmp_path).startswith("vidA is in both train and test in ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("standard_folds.json", '{"train": ["vidA"', r"is not valid JSON \(Expecting ','"),
        ("standard_folds.json", "[]", r"train is not a list of video ids in .*folds\.json; unpack"),
        ("standard_folds.json", '{"train": [], "test": []}', "valid is not a list of video ids"),
        ("standard_folds.json", '{"train": [1]}', "train is not a list of video ids"),
        ("cmu_mosei_std_folds.py", "standard_train_fold=['vidA'", r"read \(SyntaxError\)"),
        ("cmu_mosei_std_folds.py", "standard_test_fold=list('ab')", r"read \(ValueError\)"),
        ("cmu_mosei_std_folds.py", "train = []", "standard_train_fold is not a list of video ids"),
        ("cmu_mosei_std_folds.py", "a\0b", r"the lists cannot be read \("),
    ],
)
def test_folds_that_cannot_be_used_are_refused_in_one_line(name, content, message, tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message) as error:
        read(tmp_path)
    assert "\n" not in str(error.value) and str(tmp_path / name) in str(error.value)


# The real fold list


def write_python_folds(path: Path, folds: dict[str, list[str]]) -> None:
    lists = (f"standard_{name}_fold={fold!r}\n" for name, fold in folds.items())
    path.write_text("".join(lists))


@pytest.mark.parametrize("form", ["standard_folds.json", "cmu_mosei_std_folds.py"])
def test_the_real_folds_have_the_published_sizes(form, real_data, tmp_path):
    folds = json.loads((real_data / "mosei" / "standard_folds.json").read_text())
    if form.endswith(".py"):
        write_python_folds(tmp_path / form, folds)
    else:
        (tmp_path / form).write_text(json.dumps(folds))
    labelled = {name: fold[::20] for name, fold in folds.items()}
    videos = [*(v for fold in labelled.values() for v in fold), "invented1", "invented2"]
    labels = label_rows([(-0.25, 1.0, HAPPY)])
    words = word_rows([("sp", 0.0, 0.2), ("well", 0.2, 0.8)])
    write_csd(tmp_path / LABELS, dict.fromkeys(videos, labels))
    write_csd(tmp_path / WORDS, dict.fromkeys(videos, words), "words", None)
    found = verify("mosei", tmp_path)
    # The tree is not the whole release, which only the totals show.
    assert {count.split for count in found.off} == {"total"} and found.rejects == {}
    assert [(c.split, c.found) for c in found.rows if c.what == "videos_in_fold"] == [
        ("train", 2249),
        ("dev", 300),
        ("test", 678),
    ]
    sizes = Counter(item.split for item in read(tmp_path))
    assert sizes == {"train": 113, "dev": 15, "test": 34, "all": 2}


def test_a_fold_that_is_short_of_a_video_is_a_count_that_is_off(real_data, tmp_path):
    folds = json.loads((real_data / "mosei" / "standard_folds.json").read_text())
    make_mosei_tree(tmp_path, folds={**folds, "valid": folds["valid"][1:]})
    off = {(c.split, c.what, c.expected, c.found) for c in verify("mosei", tmp_path).off}
    assert off == {
        ("dev", "videos_in_fold", 300, 299),
        ("total", "segments", 23_259, 3),
        ("total", "videos_with_labels", 3293, 3),
    }


def test_the_videos_of_the_sample_are_no_real_ones(real_data):
    folds = json.loads((real_data / "mosei" / "standard_folds.json").read_text())
    sample = resources.corpora() / "mosei" / "sample"
    own = {u.dialogue for u in utterances(read(sample)).values()}
    assert len(own) == 5
    assert own.isdisjoint(video for fold in folds.values() for video in fold)


def test_the_size_of_a_fold_is_a_note_as_soon_as_the_corpus_is_open(tmp_path):
    make_mosei_tree(tmp_path, folds={**FOLDS, "train": ["vidA", "vidX"]})
    assert open_reader("mosei", tmp_path, False, ("train", "all")).notes == [
        {"note": "videos_in_fold", "split": "train", "count": 2}
    ]


# Where it lies


@pytest.mark.parametrize("named", ["", "CMU_MOSEI", "CMU_MOSEI/Raw"])
def test_the_folder_the_one_around_it_and_raw_itself_are_read_alike(named, tmp_path):
    root = make_mosei_tree(tmp_path / "CMU_MOSEI")
    write_recording(root, "vidA", hum(2.0))
    reader = open_reader("mosei", tmp_path / named, with_media=True)
    assert reader.root == root
    assert len(utterances(read(tmp_path / named, media=True))) == 3
    names = [path.name for path in reader.files]
    assert names == [LABELS, "standard_folds.json", "vidA.txt", "vidB.txt", "vidC.txt"]


def test_sequences_may_lie_above_the_archive_or_in_folders_of_their_own(tmp_path):
    root = make_mosei_tree(tmp_path / "CMU_MOSEI")
    write_recording(root, "vidA", hum(2.0))
    (tmp_path / "labels").mkdir()
    (root / LABELS).rename(tmp_path / "labels" / LABELS)
    (root / "standard_folds.json").rename(tmp_path / "standard_folds.json")
    found = utterances(read(tmp_path, media=True))
    assert found["mosei-train-vidA-500"].media.path == root / RECORDINGS / "vidA.wav"


def test_two_files_of_one_name_are_no_choice_of_ours(tmp_path):
    make_mosei_tree(tmp_path / "2018")
    (tmp_path / "2020").mkdir()
    (tmp_path / "2020" / LABELS).write_bytes(b"")
    assert refused(tmp_path) == (
        f"CMU_MOSEI_Labels.csd is present twice in {tmp_path / '2018' / LABELS} and "
        f"{tmp_path / '2020' / LABELS}; keep one of them"
    )


def test_names_with_a_dot_in_front_are_no_files_of_the_corpus(tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / LABELS).write_bytes(b"")
    (tmp_path / TRANSCRIPTS / "._vidA.txt").write_bytes(b"\0\5\x16\7")
    reader = open_reader("mosei", tmp_path, False)
    assert len(utterances(read(tmp_path))) == 3
    assert not [path for path in reader.files if path.name.startswith(".")]


def test_timed_words_serve_without_the_raw_archive(tmp_path):
    rows = {"vidA": label_rows([(0.0, 2.0, HAPPY)])}
    write_csd(tmp_path / LABELS, rows)
    write_csd(tmp_path / WORDS, {"vidA": word_rows([("rain", 0.0, 1.0)])}, "words", None)
    (tmp_path / "standard_folds.json").write_text(json.dumps(FOLDS))
    (u,) = utterances(read(tmp_path)).values()
    assert (u.text, u.media, u.findings) == ("rain", None, ())


# Sound


def test_the_wav_goes_before_the_film_and_a_video_with_neither_is_a_finding(tmp_path):
    make_mosei_tree(tmp_path)
    write_recording(tmp_path, "vidA", hum(2.0))
    (tmp_path / FILMS).mkdir(parents=True)
    for video in ("vidA", "vidB"):
        write_mp4(tmp_path / FILMS / f"{video}.mp4", hum(2.0)[None])
    first, second, third = utterances(read(tmp_path, media=True)).values()
    assert first.media.path == tmp_path / RECORDINGS / "vidA.wav"
    assert second.media.path == tmp_path / FILMS / "vidB.mp4"
    assert (third.media, third.findings) == (None, ("clip_missing",))
    assert (first.media.start, first.media.end, first.findings) == (0.5, 1.5, ())
    assert decode(second.media, tmp_path).duration == pytest.approx(1.0, abs=0.001)


def test_missing_media_are_answered_with_where_they_were_looked_for(tmp_path):
    make_mosei_tree(tmp_path)
    assert refused(tmp_path, media=True) == (
        f"the media are missing: no recordings in {tmp_path} (looked in "
        "Raw/Audio/Full/WAV_16000, Raw/Videos/Full/Combined, Raw/Videos/Segmented/Combined); "
        "unpack CMU_MOSEI.zip there, or use --text-only"
    )


def bytes_read() -> int:
    """Return how many bytes this process has read from files so far."""
    path = Path("/proc/self/io")
    if not path.is_file():
        pytest.skip("this system does not count the bytes that a process reads")
    return int(path.read_text().split()[1])


def test_a_segment_of_a_recording_of_half_an_hour_is_cut_without_reading_the_rest(
    real_data, tmp_path
):
    clips = sorted((real_data / "real_speech").glob("*.wav"))
    speech = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in clips])
    half_an_hour = np.resize(speech, 1800 * 16_000)
    spans = [(12.5, 16.25), (900.125, 904.0), (1795.0, 1799.9)]
    one_video(tmp_path, *((start, end, HAPPY) for start, end in spans))
    path = write_recording(tmp_path, "vidA", half_an_hour)
    written = soundfile.read(path, dtype="int16")[0]
    found = utterances(read(tmp_path, "train", media=True)).values()
    decode(next(iter(found)).media, tmp_path)  # the digest of the file is taken once
    for u, (start, end) in zip(found, spans, strict=True):
        before = bytes_read()
        clip = decode(u.media, tmp_path)
        assert bytes_read() - before < path.stat().st_size / 100
        (tmp_path / "clip.flac").write_bytes(clip.flac)
        cut = soundfile.read(tmp_path / "clip.flac", dtype="int16")[0]
        assert np.array_equal(cut, written[round(start * 16_000) : round(end * 16_000)])


# What is refused


def test_a_folder_of_something_else_is_answered_with_what_was_looked_for(tmp_path):
    assert refused(tmp_path) == (
        f"CMU_MOSEI_Labels.csd, also in sub-folders, not found in {tmp_path}; {EXPECTED}; "
        "check the path given with --source"
    )


def test_an_archive_that_is_not_unpacked_is_answered_with_its_name(tmp_path):
    (tmp_path / "CMU_MOSEI.zip").write_bytes(b"")
    assert refused(tmp_path).endswith("; unpack CMU_MOSEI.zip there")
    message = refused(tmp_path / "CMU_MOSEI.zip")
    assert message.endswith(f"is a file; {EXPECTED}; unpack it and pass the folder with --source")


@pytest.mark.parametrize("level", ["Raw/Audio", TRANSCRIPTS])
def test_a_folder_too_deep_is_refused(level, tmp_path):
    root = make_mosei_tree(tmp_path)
    write_recording(root, "vidA", hum(2.0))
    assert refused(tmp_path / level).startswith("CMU_MOSEI_Labels.csd, also in sub-folders, not")


def test_a_folder_too_high_is_refused(tmp_path):
    make_mosei_tree(tmp_path / "corpora" / "CMU_MOSEI")
    assert refused(tmp_path).endswith(
        f"not found in {tmp_path}; {EXPECTED}; check the path given with --source"
    )


def test_labels_without_any_text_are_refused(tmp_path):
    make_mosei_tree(tmp_path)
    (tmp_path / "Raw").rename(tmp_path / "Elsewhere")
    assert refused(tmp_path) == (
        "the text (Raw/Transcript/Segmented/Combined or CMU_MOSEI_TimestampedWords.csd) not found "
        f"in {tmp_path}; {EXPECTED}; check the path given with --source"
    )


def test_the_labels_of_an_older_release_are_refused(tmp_path):
    make_mosei_tree(tmp_path)
    old = tmp_path / "CMU_MOSEI_LabelsEmotions.csd"
    (tmp_path / LABELS).rename(old)
    assert refused(tmp_path) == (
        f"these labels are from an older release, which has no sentiment in {old}; "
        "expected CMU_MOSEI_Labels.csd, which has emotions and sentiment; download "
        "CMU_MOSEI_Labels.csd"
    )


def test_columns_in_another_order_are_refused_and_not_guessed(tmp_path):
    make_mosei_tree(tmp_path)
    rows = {"vidA": label_rows([(0.5, 1.5, HAPPY)])}
    names = ("sentiment", "happy", "sad", "anger", "disgust", "surprise", "fear")
    write_csd(tmp_path / LABELS, rows, names=names)
    assert refused(tmp_path) == (
        f"wrong columns: sentiment, happy, sad, anger, disgust, surprise, fear in "
        f"{tmp_path / LABELS}; expected sentiment, happy, sad, anger, surprise, disgust, fear; "
        "use the file as originally distributed"
    )


def test_a_column_that_we_do_not_know_is_refused(tmp_path):
    make_mosei_tree(tmp_path)
    names = [*MOSEI_COLUMNS[:-1], "boredom"]
    write_csd(tmp_path / LABELS, {"vidA": label_rows([(0.5, 1.5, HAPPY)])}, names=names)
    assert "surprise, disgust, boredom in " in refused(tmp_path)


@pytest.mark.parametrize("name", [LABELS, WORDS])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: b"<html>Not found</html>", "file signature not found"),
        (lambda content: b"", "file signature not found"),
        (lambda content: content[: len(content) // 2], "truncated file"),
    ],
)
def test_a_sequence_that_is_no_whole_hdf5_file_is_refused(name, damage, said, tmp_path):
    make_mosei_tree(tmp_path)
    write_csd(tmp_path / WORDS, {"vidA": word_rows([("rain", 0.0, 1.0)])}, "words", None)
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    message = refused(tmp_path)
    assert message.startswith("the file is not a complete HDF5 file (")
    assert said in message
    assert message.endswith(f" in {path}; unpack or download it again")


def test_an_hdf5_file_of_another_kind_is_refused(tmp_path):
    make_mosei_tree(tmp_path)
    with h5py.File(tmp_path / LABELS, "w") as file:
        file["numbers"] = [1, 2, 3]
    assert refused(tmp_path) == (
        f"the file contains no computational sequence in {tmp_path / LABELS}; expected one "
        "root group that contains a group `data`; unpack or download it again"
    )


@pytest.mark.parametrize(
    ("start", "end", "changes", "reason", "detail"),
    [
        (4.0, 4.0, {}, "zero_length", "it is from 4.0 to 4.0 s"),
        (4.0, 3.5, {}, "zero_length", "it is from 4.0 to 3.5 s"),
        (-2.0, -1.0, {}, "zero_length", "it is from -2.0 to -1.0 s"),
        (4.0, np.nan, {}, "broken_time", "it is from 4.0 to nan; expected seconds"),
        (4.0, np.inf, {}, "broken_time", "it is from 4.0 to inf; expected seconds"),
        (
            4.0,
            5.0,
            {"happy": np.nan},
            "broken_value",
            "happy is nan; expected a number from 0 to 3",
        ),
        (4.0, 5.0, {"sentiment": -np.inf}, "broken_value", "sentiment is -inf; expected a number"),
        (4.0, 5.0, {"fear": 3.3333}, "broken_value", "fear is 3.3333; expected a number from 0 to"),
        (4.0, 5.0, {"sad": -1.0}, "broken_value", "sad is -1; expected a number from 0 to 3"),
    ],
)
def test_a_broken_segment_is_a_reject_and_the_others_are_read(
    start, end, changes, reason, detail, tmp_path
):
    one_video(tmp_path, (0.0, 1.0, HAPPY), (start, end, HAPPY | changes), (6.0, 7.0, HAPPY))
    items = read(tmp_path, "train")
    (reject,) = rejects(items).values()
    assert reject.id == f"mosei-train-vidA-{round(max(0.0, start) * 1000)}"
    assert (reject.reason, reject.split) == (reason, "train")
    assert reject.detail.startswith("CMU_MOSEI_Labels.csd:vidA[1]: " + detail)
    assert list(utterances(items)) == ["mosei-train-vidA-0", "mosei-train-vidA-6000"]


def test_a_start_that_is_no_number_is_a_reject_under_its_row(tmp_path):
    one_video(tmp_path, (0.0, 1.0, HAPPY), (np.nan, 2.0, HAPPY))
    (reject,) = rejects(read(tmp_path, "train")).values()
    assert (reject.id, reject.reason) == ("mosei-train-vidA-row%201", "broken_time")


def test_a_segment_labelled_twice_is_read_once(tmp_path):
    again = (0.0, 1.0, {"fear": 3.0})
    one_video(tmp_path, (0.0, 1.0, HAPPY), again, lines=[(0.0, 1.0, "Only once.")])
    items = read(tmp_path, "train")
    (reject,) = rejects(items).values()
    assert (reject.id, reject.reason) == ("mosei-train-vidA-0", "duplicate_id")
    (u,) = utterances(items).values()
    assert u.annotation.dimensions[1]["value"] == 2.0


def change_rows(path: Path, video: str, name: str, rows: object) -> None:
    with h5py.File(path, "r+") as file:
        group = file["All Labels/data"][video]
        del group[name]
        if rows is not None:
            group[name] = rows


@pytest.mark.parametrize(
    ("name", "rows", "detail"),
    [
        ("intervals", np.zeros((2, 2)), "its features are (1, 7), its intervals (2, 2); expected"),
        ("features", np.zeros((3, 7)), "its features are (3, 7), its intervals (1, 2); expected"),
        ("features", np.zeros((1, 6)), "its features are (1, 6), its intervals (1, 2); expected"),
        ("intervals", np.zeros(2), "its features are (1, 7), its intervals (2,); expected (n, 7)"),
        ("intervals", None, "cannot be read ("),
    ],
)
def test_a_video_whose_rows_do_not_fit_is_a_reject_and_the_others_are_read(
    name, rows, detail, tmp_path
):
    make_mosei_tree(tmp_path, folds={**FOLDS, "train": ["vidA", "vidB"], "valid": []})
    change_rows(tmp_path / LABELS, "vidA", name, rows)
    items = read(tmp_path)
    (reject,) = rejects(items).values()
    assert (reject.id, reject.reason) == ("mosei-train-vidA-segments", "broken_video")
    assert reject.detail.startswith("vidA: ") and f"{LABELS} " in reject.detail
    assert detail in reject.detail
    assert list(utterances(items)) == ["mosei-train-vidB-500", "mosei-test-vidC-500"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        "vidA___0___0.5___1.5___Foreign.\n".encode("utf-16"),
        b"vidA___0___0.5___1.5",
        b"vidB___0___0.5___1.5___Another one's.\n",
    ],
)
def test_a_transcript_of_which_nothing_can_be_read_stops_or_costs_its_video(content, tmp_path):
    make_mosei_tree(tmp_path)
    path = tmp_path / TRANSCRIPTS / "vidA.txt"
    path.write_bytes(content)
    message = (
        f"no line of the transcript can be read in {path}; expected lines "
        "vidA___<clip>___<start>___<end>___<text> in UTF-8; "
        "use the file as originally distributed"
    )
    assert refused(tmp_path) == message
    items = read(tmp_path, on_error="quarantine")
    (reject,) = rejects(items).values()
    assert (reject.id, reject.reason, reject.detail) == (
        "mosei-train-file-1",
        "broken_file",
        message,
    )
    assert list(utterances(items)) == ["mosei-dev-vidB-500", "mosei-test-vidC-500"]


def test_a_line_of_a_transcript_that_is_broken_costs_its_segment_and_is_counted(tmp_path):
    one_video(tmp_path, (0.0, 1.0, HAPPY), (2.0, 3.0, HAPPY), (4.0, 5.0, HAPPY))
    path = tmp_path / TRANSCRIPTS / "vidA.txt"
    path.write_text(path.read_text().replace("___2.0___", "___2.0.0___").replace("4.0", "x", 1))
    items = read(tmp_path, "train")
    assert list(utterances(items)) == ["mosei-train-vidA-0"]
    details = [reject.detail for reject in rejects(items).values()]
    assert len(details) == 2
    assert all(d.endswith("within 0.5 s of it; 2 of its lines cannot be read") for d in details)
    assert notes_of(tmp_path, "train") == {"segments_without_text": 2, "transcript_lines_broken": 2}


def test_bytes_that_are_not_utf8_cost_one_segment_and_are_kept_readable(tmp_path):
    one_video(tmp_path, (0.0, 1.0, HAPPY), (2.0, 3.0, HAPPY))
    path = tmp_path / TRANSCRIPTS / "vidA.txt"
    path.write_bytes(path.read_bytes().replace(b"kettle", b"caf\xe9\xe8", 1))
    items = read(tmp_path, "train")
    (reject,) = rejects(items).values()
    assert (reject.id, reject.reason) == ("mosei-train-vidA-0", "not_utf8")
    assert "the caf\\xe9\\xe8 began" in reject.raw["row"]
    assert list(utterances(items)) == ["mosei-train-vidA-2000"]


def test_the_first_broken_record_stops_the_build_where_it_is_told_to(tmp_path):
    one_video(tmp_path, (0.0, 0.0, HAPPY), (2.0, 3.0, HAPPY))
    with pytest.raises(SourceError, match=r"mosei-train-vidA-0 is broken \(zero_length\): CMU_M"):
        read(tmp_path, on_error="stop")
