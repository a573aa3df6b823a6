"""Corpora in the shapes that people have them in: other endings, other folders, parts alone."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from reading import read, refused, utterances
from trees import MELD_COLUMNS, hum, make_meld_tree, meld_row, stereo
from trees_crema_d import make_crema_d_tree
from trees_emorynlp import emorynlp_row, make_emorynlp_tree
from trees_iemocap import make_tree as make_iemocap_tree
from trees_mosei import label_rows, make_mosei_tree, word_rows, write_csd

from builders.audio.decode import decode
from builders.corpora import open_reader
from builders.corpora.clip_files import clips_in
from builders.corpora.reading import Defects, read_split
from builders.errors import SourceError

HUM = hum(0.4)
CLIP = stereo(hum(0.1))


def write_sound(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, HUM, 48_000, format=path.suffix[1:].upper())
    return path


# Endings


def test_clips_are_found_by_name_whatever_their_ending_and_the_first_ending_wins(tmp_path):
    for name in ("a.wav", "a.MP4", "b.Flac", "b.mp3", "c.MP3", "._d.wav", "e.txt"):
        (tmp_path / name).touch()
    found = clips_in(tmp_path)
    assert {stem: path.name for stem, path in found.items()} == {
        **{"a": "a.MP4", "b": "b.Flac", "c": "c.MP3"}
    }
    assert clips_in(tmp_path / "nowhere") == {}


def test_melds_clips_are_read_as_wav_flac_and_mp3_and_a_film_goes_first(tmp_path):
    make_meld_tree(tmp_path, clips={"train/dia0_utt0": CLIP})
    for name in ("dia0_utt0.wav", "dia0_utt1.wav", "dia1_utt0.FLAC", "dia1_utt1.mp3"):
        write_sound(tmp_path / "train_splits" / name)
    found = utterances(read("meld", tmp_path, "train", media=True))
    media = [u.media for u in found.values()]
    assert [m and m.path.name for m in media] == [
        *("dia0_utt0.mp4", "dia0_utt1.wav", "dia1_utt0.FLAC", "dia1_utt1.mp3")
    ]
    assert all(decode(m, tmp_path).duration == pytest.approx(0.4, abs=0.1) for m in media[1:] if m)


def test_a_recut_wav_goes_before_its_twin(tmp_path):
    make_meld_tree(tmp_path)
    for name in ("dia0_utt0.wav", "final_videos_testdia0_utt0.wav"):
        write_sound(tmp_path / "output_repeated_splits_test" / name)
    first = utterances(read("meld", tmp_path, "test", media=True))["meld-test-0-0"]
    assert first.media and first.media.path.name == "final_videos_testdia0_utt0.wav"
    assert first.media.findings == ("recut_twin_used",)


def test_emorynlps_clips_may_be_sound_alone(tmp_path):
    make_emorynlp_tree(tmp_path)
    write_sound(tmp_path / "emorynlp_dev_splits" / "sea1_ep2_sc1_utt1.WAV")
    found = utterances(read("emorynlp", tmp_path, "dev", media=True))
    assert [u.media.path.name for u in found.values() if u.media] == ["sea1_ep2_sc1_utt1.WAV"]


# Folders


def test_iemocaps_clips_may_lie_in_one_folder_in_capitals(tmp_path):
    make_iemocap_tree(tmp_path)
    for number in "12345":
        for turn in ("F000", "M000"):
            name = f"Ses0{number}F_impro08_{turn}.WAV"
            write_sound(tmp_path / f"Session{number}" / "sentences" / "wav" / name)
    found = utterances(read("iemocap", tmp_path, media=True))
    assert found and all(u.media and u.media.path.suffix == ".WAV" for u in found.values())
    assert all(u.media and u.media.path.stem.endswith(u.utterance) for u in found.values())


def test_iemocap_is_found_below_a_doubled_folder_with_small_letters(tmp_path):
    inner = tmp_path / "IEMOCAP_full_release" / "IEMOCAP_full_release"
    make_iemocap_tree(inner)
    for number in "12345":
        (inner / f"Session{number}").rename(inner / f"session{number}")
    assert len(utterances(read("iemocap", tmp_path))) == 10


def test_crema_d_names_the_tables_that_belong_beside_its_clips(tmp_path):
    make_crema_d_tree(tmp_path, {}, {"1001_DFA_ANG_XX": HUM})
    shutil.rmtree(tmp_path / "processedResults")
    (tmp_path / "VideoDemographics.csv").unlink()
    for source in (tmp_path, tmp_path / "AudioWAV"):
        assert refused("crema_d", source) == (
            "processedResults/summaryTable.csv, processedResults/tabulatedVotes.csv, "
            f"VideoDemographics.csv not found: there are only clips in {tmp_path}; expected the "
            "tables of votes and actors beside AudioWAV; download them from "
            "https://github.com/CheyneyComputerScience/CREMA-D and put them there under these paths"
        )


# A part alone


def test_a_part_that_is_there_alone_is_named(tmp_path):
    make_meld_tree(tmp_path, clips={"test/dia0_utt0": CLIP})
    (tmp_path / "train_sent_emo.csv").unlink()
    (tmp_path / "dev_sent_emo.csv").unlink()
    for media in (True, False):
        assert refused("meld", tmp_path, media=media).endswith(
            "or read what is there with --split test"
        )
    assert len(utterances(read("meld", tmp_path, "test", media=True))) == 4


def test_clips_of_one_part_alone_are_named(tmp_path):
    make_meld_tree(tmp_path, clips={"test/dia0_utt0": CLIP})
    line = refused("meld", tmp_path, media=True)
    assert "no clips of train" in line
    assert line.endswith("or use --text-only, or read what is there with --split test")


def test_where_no_part_is_there_none_is_named(tmp_path):
    assert "--split" not in refused("meld", tmp_path)


# MELD Dyadic


def write_dyadic(path: Path) -> None:
    columns = (*MELD_COLUMNS[1:], "Old_Dialogue_ID", "Old_Utterance_ID")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for utterance, old in enumerate(("1", "0")):
            old_ids = {"Old_Dialogue_ID": "1", "Old_Utterance_ID": old}
            writer.writerow({**meld_row(0, utterance), **old_ids})


def test_a_dyadic_row_takes_the_clip_of_its_old_ids(tmp_path):
    clips = {f"train/dia{d}_utt{u}": CLIP for d in (0, 1) for u in (0, 1)}
    make_meld_tree(tmp_path, clips=clips)
    write_dyadic(tmp_path / "train_sent_emo.csv")
    reader = open_reader("meld", tmp_path, True, ("train",))
    found = utterances(list(read_split(reader, "meld", "train", Defects())))
    assert [u.media.path.stem for u in found.values() if u.media] == ["dia1_utt1", "dia1_utt0"]
    notes = {note["note"]: note["count"] for note in reader.notes}
    assert notes == {"clips_by_old_ids": 2, "clips_without_row": 2}


def test_dyadic_files_under_their_own_name_are_named_as_such(tmp_path):
    write_dyadic(tmp_path / "train_sent_emo_dya.csv")
    line = refused("meld", tmp_path)
    assert line.startswith("train_sent_emo_dya.csv: this is MELD Dyadic")
    assert "expected MELD's own train_sent_emo.csv" in line and "data/MELD" in line


# EmoryNLP's whole scenes


def whole_scenes(path: Path, *turns: tuple[int, str]) -> Path:
    said = [
        {"utterance_id": f"s01_e02_c01_u{n:03}", "speakers": ["Nora Quist"], "transcript": text}
        for n, text in turns
    ]
    scene = {"scene_id": "s01_e02_c01", "utterances": said}
    path.write_text(json.dumps({"season_id": "s01", "episodes": [{"scenes": [scene]}]}))
    return path


def emorynlp_with(tmp_path: Path, *turns: tuple[int, str]):
    rows = [emorynlp_row(1, 1), emorynlp_row(1, 3)]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    path = whole_scenes(tmp_path / "emotion-detection-dev.json", *turns)
    reader = open_reader("emorynlp", tmp_path, False, ("dev",))
    (scene,) = read_split(reader, "emorynlp", "dev", Defects())
    assert path in reader.files
    return scene, {note["note"]: note["count"] for note in reader.notes}


def test_whole_scenes_fill_the_holes_of_the_tables_and_are_no_targets(tmp_path):
    said = ((1, "This is line 1 of scene 1 ."), (2, "Nobody asked you."), (3, ""))
    scene, notes = emorynlp_with(tmp_path, *said)
    first, between, last = scene.utterances
    assert (between.text, between.speaker) == ("Nobody asked you.", "Nora Quist")
    assert not between.targetable and between.label is None
    assert (first.flags, last.flags, notes) == ((), (), {"turns_from_whole_scenes": 1})


def test_a_scene_with_other_words_is_left_as_its_table_has_it(tmp_path):
    scene, notes = emorynlp_with(tmp_path, (1, "Other words."), (2, "Nobody asked you."))
    assert [u.utterance for u in scene.utterances] == ["1", "3"]
    assert scene.utterances[0].flags == ("turn_missing_after",)
    assert notes == {"scenes_unlike_the_json": 1}


def test_whole_scenes_without_the_tables_are_named_as_such(tmp_path):
    whole_scenes(tmp_path / "emotion-detection-trn.json", (1, "Hello."))
    line = refused("emorynlp", tmp_path)
    assert line.startswith("emotion-detection-trn.json: these are EmoryNLP's whole scenes")
    assert "expected emorynlp_train_final.csv" in line


@pytest.mark.parametrize("written", ["{", "[]", '{"episodes": [{}]}', '{"episodes": 1}'])
def test_a_json_that_holds_no_scenes_is_one_line(written, tmp_path):
    make_emorynlp_tree(tmp_path)
    (tmp_path / "emotion-detection-dev.json").write_text(written)
    with pytest.raises(SourceError, match="does not hold whole scenes"):
        open_reader("emorynlp", tmp_path, False, ("dev",))


# CMU-MOSEI


def test_films_of_single_segments_are_used_where_there_is_no_recording(tmp_path):
    labelled = [(0.5, 0.9, {"happy": 2.0}), (2.0, 2.4, {"sad": 1.0})]
    make_mosei_tree(tmp_path, {"vid_A": labelled}, {"train": ["vid_A"], "valid": [], "test": []})
    folder = tmp_path / "Raw" / "Videos" / "Segmented" / "Combined"
    write_sound(folder / "vid_A_1.wav")
    first, second = utterances(read("mosei", tmp_path, "train", media=True)).values()
    assert (first.media, first.findings) == (None, ("clip_missing",))
    assert second.media and (second.media.path.name, second.media.start) == ("vid_A_1.wav", None)
    assert decode(second.media, tmp_path).duration == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("name", ["label.csv", "aligned_50.pkl"])
def test_files_of_sentiment_alone_are_named_as_such(name, tmp_path):
    (tmp_path / name).touch()
    line = refused("mosei", tmp_path)
    assert line.startswith(f"{name}: these hold sentiment and no emotions in {tmp_path}")
    assert "download CMU_MOSEI_Labels.csd" in line


def aligned(tmp_path: Path) -> Path:
    make_mosei_tree(tmp_path)
    shutil.rmtree(tmp_path / "Raw")
    starts = {"vidA": (0.5, 3.0), "vidC": (1.0,)}
    segments = {(v, n): t for v, times in starts.items() for n, t in enumerate(times)}
    labels = {
        f"{v}[{n}]": label_rows([(t, t + 1, {"happy": 2.0})]) for (v, n), t in segments.items()
    }
    words = {f"{v}[{n}]": word_rows([("well", t, t + 0.5)]) for (v, n), t in segments.items()}
    write_csd(tmp_path / "CMU_MOSEI_Labels.csd", labels)
    write_csd(tmp_path / "CMU_MOSEI_TimestampedWords.csd", words, root="words", names=None)
    return tmp_path


def test_segments_that_were_aligned_are_joined_to_their_video_and_its_fold(tmp_path):
    found = utterances(read("mosei", aligned(tmp_path)))
    assert list(found) == ["mosei-train-vidA-500", "mosei-train-vidA-3000", "mosei-test-vidC-1000"]
    assert [u.text for u in found.values()] == ["well"] * 3
    notes = open_reader("mosei", tmp_path, False).notes
    assert {"note": "aligned_segments_joined", "split": "all", "count": 3} in notes


def test_it_is_noted_where_no_labelled_video_is_in_a_fold(tmp_path):
    folds = {"train": ["x"], "valid": ["y"], "test": ["z"]}
    make_mosei_tree(tmp_path, folds=folds)
    notes = open_reader("mosei", tmp_path, False).notes
    assert {"note": "no_labelled_video_in_any_fold", "split": "all", "count": 3} in notes
    assert np.all([note["count"] for note in notes])
