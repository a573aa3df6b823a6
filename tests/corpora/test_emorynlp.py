from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import reading
from builds import hearten
from reading import only_reject, utterances
from trees import hum, stereo
from trees_emorynlp import COLUMNS, emorynlp_row, make_emorynlp_tree

from builders import resources
from builders.corpora import load_card, open_reader
from builders.corpora.reading import Defects, read_split
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.record.types import Reject

SAMPLE = resources.corpora() / "emorynlp" / "sample"
CLIP = stereo(hum(0.2))
DEV = "emorynlp_dev_final.csv"
read = partial(reading.read, "emorynlp")
refused = partial(reading.refused, "emorynlp")


def change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) == 1, f"{old!r} is not in {path.name} exactly once"
    path.write_bytes(content.replace(old, new))


# What is read


def test_the_ids_are_those_in_the_names_of_clips(tmp_path):
    make_emorynlp_tree(tmp_path)
    assert list(utterances(read(tmp_path, "dev"))) == [
        *("emorynlp-dev-sea1_ep2_sc1-1", "emorynlp-dev-sea1_ep2_sc1-2"),
        *("emorynlp-dev-sea1_ep2_sc3-1", "emorynlp-dev-sea1_ep2_sc3-2"),
    ]


def test_an_id_is_a_number_however_it_is_written(tmp_path):
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(1, 1), emorynlp_row(1, 2, Episode="02")]})
    (item,) = read(tmp_path, "dev")
    assert (item.id, len(item.utterances)) == ("sea1_ep2_sc1", 2)


def test_the_same_scene_of_two_episodes_is_two_dialogues(tmp_path):
    rows = [emorynlp_row(1, 1), emorynlp_row(1, 1, Episode="3"), emorynlp_row(1, 1, Season="2")]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    found = [item.id for item in read(tmp_path, "dev")]
    assert found == ["sea1_ep2_sc1", "sea1_ep3_sc1", "sea2_ep2_sc1"]


@pytest.mark.parametrize(
    ("written", "speaker"),
    [
        ("['Nora Quist']", "Nora Quist"),
        ('["Tess O\'Dowd"]', "Tess O'Dowd"),
        ("['Nora Quist', 'Felix Amadi']", "Nora Quist and Felix Amadi"),
        ("['A', 'B', 'C']", "A and B and C"),
        ("['Goran (the plumber)']", "Goran (the plumber)"),
        ("['#ALL#']", "#ALL#"),
    ],
)
def test_a_list_of_speakers_is_a_name(written, speaker, tmp_path):
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(1, 1, Speaker=written)]})
    (found,) = utterances(read(tmp_path, "dev")).values()
    assert found.speaker == speaker


def test_the_scene_names_each_person_once_in_order_of_appearance(tmp_path):
    speakers = ("['Nora']", "['Felix', 'Nora']", "['Tess']", "['Felix']")
    rows = [emorynlp_row(4, n, Speaker=s) for n, s in enumerate(speakers, start=1)]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    (item,) = read(tmp_path, "dev")
    assert item.background == "Season 1, episode 2, scene 4. Present: Nora, Felix, Tess."
    assert item.background_origin == "scene"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("00:16:16.059", 976.059), ("00:00:01,5", 1.5), ("01:00:00.25", 3600.25)],
)
def test_times_are_seconds_with_a_point_or_a_comma(written, seconds, tmp_path):
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(1, 1, Start_Time=written)]})
    (found,) = utterances(read(tmp_path, "dev")).values()
    assert found.start == seconds


def test_an_end_before_its_start_is_a_finding_and_an_overlap_is_none(tmp_path):
    times = {"Start_Time": "00:00:08.000", "End_Time": "00:00:09.000"}
    backwards = {"Start_Time": "00:00:08.500", "End_Time": "00:00:08.000"}
    rows = [emorynlp_row(1, 1, **times), emorynlp_row(1, 2, **backwards)]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    found = [u.findings for u in utterances(read(tmp_path, "dev")).values()]
    assert found == [(), ("end_before_start",)]


def test_the_order_is_by_utterance_id_as_a_number(tmp_path):
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(3, n) for n in (10, 9, 2)]})
    assert [u.utterance for u in utterances(read(tmp_path, "dev")).values()] == ["2", "9", "10"]


def test_the_card_says_what_the_annotators_had(tmp_path):
    card = load_card("emorynlp")
    assert (card.label_source, card.audio_origin, card.label_views) == ("text", "acted", ())
    assert (card.rights.audio, card.rights.text, card.licence) == ("no", "yes", "GPL-3.0")


# Where it lies


@pytest.mark.parametrize("one_level_down", [False, True])
@pytest.mark.parametrize("inside", ["", "data/emorynlp", "emorynlp"])
def test_each_known_shape_of_the_tree_is_read_alike(one_level_down, inside, tmp_path):
    clips = {f"{split}/sea1_ep2_sc1_utt1": CLIP for split in ("train", "dev", "test")}
    root = make_emorynlp_tree(tmp_path / inside, clips=clips, one_level_down=one_level_down)
    reader = open_reader("emorynlp", tmp_path, with_media=True)
    found = utterances(list(read_split(reader, "emorynlp", "test", Defects())))
    assert (reader.root, len(reader.files)) == (root, 3)
    assert found["emorynlp-test-sea1_ep2_sc1-1"].media.path.is_file()
    assert found["emorynlp-test-sea1_ep2_sc1-2"].findings == ("clip_missing",)


def test_one_split_needs_only_its_own_file(tmp_path):
    make_emorynlp_tree(tmp_path)
    for split in ("train", "test"):
        (tmp_path / f"emorynlp_{split}_final.csv").unlink()
    assert len(utterances(read(tmp_path, "dev"))) == 4


def test_clips_without_a_row_are_counted_and_other_files_are_not(tmp_path):
    names = ("sea1_ep2_sc1_utt1", "sea9_ep9_sc9_utt9", "._sea9_ep9_sc9_utt8", "holiday")
    make_emorynlp_tree(tmp_path, clips={f"dev/{name}": CLIP for name in names})
    reader = open_reader("emorynlp", tmp_path, with_media=True, splits=("dev",))
    for _ in range(2):
        assert len(utterances(list(read_split(reader, "emorynlp", "dev", Defects())))) == 4
        assert reader.notes == [{"note": "clips_without_row", "split": "dev", "count": 1}]


# What is refused


def test_missing_files_are_named_with_what_was_expected(tmp_path):
    (make_emorynlp_tree(tmp_path) / DEV).unlink()
    assert refused(tmp_path) == (
        f"emorynlp_dev_final.csv, also in sub-folders, not found in {tmp_path}; "
        "expected the folder data/emorynlp of the MELD repository; check the path given with "
        "--source, or read what is there with --split train --split test"
    )


def test_an_archive_is_answered_with_what_to_do(tmp_path):
    packed = tmp_path / "MELD-master.zip"
    packed.write_bytes(b"PK")
    assert refused(packed).endswith("unpack it and pass the folder with --source")
    assert refused(tmp_path).endswith("; unpack MELD-master.zip there")


def test_a_wrong_level_of_the_tree_is_refused(tmp_path):
    root = make_emorynlp_tree(tmp_path, clips={"dev/sea1_ep2_sc1_utt1": CLIP})
    assert refused(root / "emorynlp_dev_splits").startswith(
        "emorynlp_train_final.csv, emorynlp_dev_final.csv, emorynlp_test_final.csv, also in"
    )


def test_missing_media_are_answered_with_where_they_were_looked_for(tmp_path):
    make_emorynlp_tree(tmp_path)
    assert refused(tmp_path, media=True) == (
        f"the media are missing: no clips of train, dev, test in {tmp_path} (looked in "
        "emorynlp_train_splits, emorynlp_dev_splits, emorynlp_test_splits, also in sub-folders); "
        "put the folders of clips there, or use --text-only"
    )
    (tmp_path / "emorynlp_clips.tar.gz").write_bytes(b"")
    assert "; unpack emorynlp_clips.tar.gz there, or" in refused(tmp_path, media=True)


def test_missing_media_of_one_split_stop_that_split(tmp_path):
    make_emorynlp_tree(tmp_path, clips={"train/sea1_ep2_sc1_utt1": CLIP})
    reader = open_reader("emorynlp", tmp_path, with_media=True)
    assert utterances(list(read_split(reader, "emorynlp", "train", Defects())))
    with pytest.raises(SourceError, match="no clips of dev in "):
        list(read_split(reader, "emorynlp", "dev", Defects()))


@pytest.mark.parametrize("content", [b"", "Utterance,Speaker\n".encode("utf-16")])
def test_an_empty_or_foreign_file_is_refused_in_one_line(content, tmp_path):
    make_emorynlp_tree(tmp_path)
    (tmp_path / DEV).write_bytes(content)
    message = refused(tmp_path)
    assert message.startswith("column Utterance, Speaker, ")
    assert f"missing in {tmp_path / DEV}; expected Utterance" in message
    assert message.encode("ascii")


def test_a_missing_column_is_named(tmp_path):
    make_emorynlp_tree(tmp_path)
    change(tmp_path / DEV, b"Scene_ID", b"Scene")
    assert refused(tmp_path).startswith(f"column Scene_ID is missing in {tmp_path / DEV}; expected")


def test_a_row_of_a_scene_that_comes_back_is_a_reject_and_the_rest_is_read(tmp_path):
    keys = ((1, 1), (2, 1), (1, 2), (2, 2))
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(*n) for n in keys]})
    items = read(tmp_path, "dev")
    (reject,) = [item for item in items if isinstance(item, Reject)]
    assert (reject.id, reject.reason) == ("emorynlp-dev-sea1_ep2_sc1-2", "out_of_place")
    assert len(utterances(items)) == 3
    for words in (
        "emorynlp_dev_final.csv:4: dialogue sea1_ep2_sc1 continues",
        "sort the file by season",
    ):
        assert words in reject.detail


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"End_Time": "00:00:5x.340"}, "broken_time", "End_Time is '00:00:5x.340'; expected hh:"),
        ({"Start_Time": "00:61:00.000"}, "broken_time", "Start_Time is '00:61:00.000'"),
        ({"Speaker": "['Nora'"}, "broken_speaker", "is \"['Nora'\"; expected a list of names"),
        ({"Speaker": "Nora"}, "broken_speaker", "Speaker is 'Nora'; expected a list of names"),
        ({"Speaker": "[]"}, "broken_speaker", "Speaker is '[]'; expected a list of names"),
        ({"Speaker": "[1]"}, "broken_speaker", "Speaker is '[1]'"),
        ({"Speaker": "__import__('os')"}, "broken_speaker", "expected a list of names"),
        ({"Speaker": "-" * 3000 + "1"}, "broken_speaker", "expected a list of names"),
        ({"Utterance": ""}, "broken_row", "one is empty"),
        ({"Utterance": "One\nline"}, "broken_row", "a quotation mark is not closed"),
    ],
)
def test_a_broken_row_is_a_reject_under_its_own_id(changes, reason, detail, tmp_path):
    rows = [emorynlp_row(7, 1), emorynlp_row(7, 2, **changes), emorynlp_row(7, 3)]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emorynlp-dev-sea1_ep2_sc7-2", reason)
    assert reject.detail.startswith(f"{DEV}:") and detail in reject.detail
    assert [u.utterance for u in utterances(items).values()] == ["1", "3"]


@pytest.mark.parametrize("column", ["Season", "Episode", "Scene_ID", "Utterance_ID"])
def test_a_row_without_an_id_is_a_reject_under_its_line(column, tmp_path):
    rows = [emorynlp_row(7, 1), emorynlp_row(7, 2, **{column: "x1"})]
    make_emorynlp_tree(tmp_path, {"dev": rows})
    reject = only_reject(read(tmp_path, "dev"))
    assert (reject.id, reject.reason) == ("emorynlp-dev-line-3", "broken_id")
    assert "'x1'" in reject.detail and "x1" in reject.raw["row"]


def test_a_file_cut_in_the_middle_of_a_row_costs_that_row(tmp_path):
    make_emorynlp_tree(tmp_path)
    content = (tmp_path / DEV).read_bytes()
    (tmp_path / DEV).write_bytes(content[:-25])
    items = read(tmp_path, "dev")
    assert only_reject(items).reason == "broken_row"
    assert len(utterances(items)) == 3


def test_bytes_that_are_not_utf8_cost_one_row_and_are_kept_readable(tmp_path):
    make_emorynlp_tree(
        tmp_path, {"dev": [emorynlp_row(7, 1, Utterance="CAFE"), emorynlp_row(7, 2)]}
    )
    change(tmp_path / DEV, b"CAFE", b"Caf\xe9\xe8")
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emorynlp-dev-sea1_ep2_sc7-1", "not_utf8")
    assert "Caf\\xe9\\xe8" in reject.raw["row"]
    assert len(utterances(items)) == 1


def test_an_id_twice_is_used_once(tmp_path):
    make_emorynlp_tree(tmp_path, {"dev": [emorynlp_row(7, 1), emorynlp_row(7, 1)]})
    items = read(tmp_path, "dev")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("emorynlp-dev-sea1_ep2_sc7-1", "duplicate_id")
    assert len(utterances(items)) == 1


def test_an_unknown_label_stops_the_build_by_name(tmp_path):
    make_emorynlp_tree(tmp_path / "corpus", {"dev": [emorynlp_row(7, 1, Emotion="Giddy")]})
    source = ("--corpus", "emorynlp", "--source", tmp_path / "corpus", "--text-only")
    ended = hearten("build", *source, "--split", "dev", cwd=tmp_path)
    assert ended.code == 1
    assert "emotion labels without a row: 'Giddy' (1 seen) in " in ended.err


# The real development file


def test_the_real_development_file_is_as_published(real_data):
    found = verify("emorynlp", real_data / "emorynlp", ("dev",))
    assert found.ok and not found.rejects and len(found.rows) == 9
    assert {fault.state for fault in found.faults} == {"found"}
    assert "  dev targets                                  954\n" in found.as_text()
    assert "  dev dialogues                                 89\n" in found.as_text()


def test_the_real_rows_have_the_columns_of_the_trees(real_data):
    header = (real_data / "emorynlp" / DEV).open(encoding="utf-8").readline().strip()
    assert tuple(header.split(",")) == COLUMNS


def test_the_real_joint_speakers_are_all_read(real_data):
    found = utterances(read(real_data / "emorynlp", "dev")).values()
    joint = Counter(u.speaker.count(" and ") for u in found)
    assert joint == {0: 950, 1: 3, 2: 1}
    assert not any(mark in u.speaker for u in found for mark in "[]'\"")


def test_the_real_text_is_not_in_the_sample(real_data):
    real = {u.text for u in utterances(read(real_data / "emorynlp", "dev")).values()}
    sample = {u.text for u in utterances(read(SAMPLE)).values()}
    assert len(sample) >= 19
    assert not {text for text in real if len(text) > 25} & sample
