"""Local snapshots of mirrors on the Hub: Parquet files in the shape of their cards, invented."""

from __future__ import annotations

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from builds import hearten, samples
from trees_crema_d import make_crema_d_tree

from builders.audio.clips import ClipError
from builders.audio.decode import decode
from builders.corpora import open_reader
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.record.types import Dialogue, Reject

MELD = ["anger", "joy", "neutral"]


def put(path: Path, rows: list[dict], features: dict | None = None) -> None:
    """Write a file as `datasets` does; in a snapshot, as a link to a blob."""
    table = pa.Table.from_pylist(rows)
    if features:
        told = {"huggingface": json.dumps({"info": {"features": features}})}
        table = table.replace_schema_metadata(told)
    blob = path.parents[3] / "blobs" / f"{path.stem}-{len(rows)}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, blob)
    path.symlink_to(blob)


def snapshot(tmp_path: Path, split_rows: dict[str, list[dict]], features=None, rev="a1b2") -> Path:
    top = tmp_path / "datasets--somebody--mirror"
    for split, rows in split_rows.items():
        put(top / "snapshots" / rev / "data" / f"{split}-00000-of-00001.parquet", rows, features)
    return top


def meld_row(utterance: int, text: str, emotion: object, **more: object) -> dict:
    return {
        "Utterance": text,
        "Speaker": "Rosalind",
        "Emotion": emotion,
        "Sentiment": "neutral",
        "Dialogue_ID": 0,
        "Utterance_ID": utterance,
        **more,
    }


def read(slug: str, source: Path, split="train", splits=("train",)) -> list[Dialogue | Reject]:
    return list(open_reader(slug, source, False, splits).read(split))


def test_meld_with_classes_audio_and_without_seasons_and_times(tmp_path):
    sound = {"bytes": b"RIFF", "path": "dia0_utt0.wav"}
    rows = [
        meld_row(0, "Well, hello.", 1, audio=sound),
        meld_row(2, "I burnt the toast.", 0, audio=sound),
        meld_row(3, "No.", None, audio=sound),
    ]
    features = {"Emotion": {"names": MELD, "_type": "ClassLabel"}, "audio": {"_type": "Audio"}}
    top = snapshot(tmp_path, {"train": rows}, features)
    reject, dialogue = read("meld", top)
    assert isinstance(reject, Reject)
    assert reject.reason == "broken_row"
    assert [(u.utterance, u.label, u.start) for u in dialogue.utterances] == [
        ("0", "joy", None),
        ("2", "anger", None),
    ]
    assert dialogue.background is None


def sound(seed: int, seconds: float = 0.5) -> bytes:
    made = np.random.default_rng(seed).uniform(-0.3, 0.3, int(16_000 * seconds))
    held = BytesIO()
    soundfile.write(held, made, 16_000, format="WAV", subtype="PCM_16")
    return held.getvalue()


def with_clips(tmp_path: Path, *names: str, seconds: float = 0.5) -> Path:
    rows = [
        meld_row(at, f"Line {at}.", "joy", audio={"bytes": sound(at, seconds), "path": name})
        for at, name in enumerate(names)
    ]
    path = tmp_path / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return tmp_path


def test_clips_inside_parquet_files_are_decoded_from_their_rows(tmp_path):
    root = with_clips(tmp_path, "dia0_utt0.wav", "a.wav", "dia0_utt2.wav")
    (dialogue,) = open_reader("meld", root, True, ("train",)).read("train")
    clips = [decode(u.media, root) for u in dialogue.utterances if u.media]
    expected = [sha256(sound(at)).hexdigest() for at in range(3)]
    assert [clip.source_sha256 for clip in clips] == expected
    assert clips[2].source_file == "data/train-00000-of-00001.parquet:3"
    assert {clip.duration for clip in clips} == {0.5}


def test_a_build_of_a_mirror_has_its_voices(tmp_path):
    root = with_clips(tmp_path, "dia0_utt0.wav", "dia0_utt1.wav")
    ended = hearten("build", "--corpus", "meld", "--source", root, "--split", "train", cwd=tmp_path)
    assert ended.code == 0, ended.err
    told = [row["audio_info"]["source_file"] for row in samples(tmp_path / "output" / "meld")]
    assert told == [f"data/train-00000-of-00001.parquet:{n}" for n in (1, 2)]


def test_a_clip_of_another_row_is_no_clip_of_this_one(tmp_path):
    root = with_clips(tmp_path, "dia0_utt0.wav", "dia0_utt7.wav")
    with pytest.raises(SourceError, match="is dia0_utt1.*is named dia0_utt7.wav.*row 2"):
        open_reader("meld", root, True, ("train",))


def test_a_mirror_without_clips_says_what_to_get(tmp_path):
    top = snapshot(tmp_path, {"train": [meld_row(0, "Hm.", "joy")]})
    with pytest.raises(SourceError, match="has no clips.*--text-only.*MELD.Raw.tar.gz"):
        open_reader("meld", top, True, ("train",))


def test_an_empty_row_has_no_clip(tmp_path):
    rows = [meld_row(0, "Hm.", "joy", audio={"bytes": None, "path": None})]
    rows.append(meld_row(1, "Ah.", "joy", audio={"bytes": b"RIFF", "path": "a.wav"}))
    top = snapshot(tmp_path, {"train": rows})
    (dialogue,) = open_reader("meld", top, True, ("train",)).read("train")
    for utterance, reason in zip(dialogue.utterances, ("clip_missing", "clip_"), strict=True):
        with pytest.raises(ClipError, match=reason):
            decode(utterance.media, top.parent, True)


def clips_of(tmp_path: Path, *contents: bytes | None) -> Path:
    """Write a mirror of MELD with these clips, one in a group of rows."""
    rows = [
        meld_row(at, f"Line {at}.", "joy", audio={"bytes": content, "path": f"dia0_utt{at}.wav"})
        for at, content in enumerate(contents)
    ]
    for split in ("train", "dev", "test"):
        path = tmp_path / "data" / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return tmp_path


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"


def test_verify_looks_at_every_clip_inside_and_decodes_a_sample_of_each_split(tmp_path):
    broken = sound(9)[:9000]
    root = clips_of(tmp_path, sound(0), None, b"", POINTER, broken, sound(5))
    found = verify("meld", root)
    assert found.unusable == {"clip_missing": 6, "lfs_pointer": 3}
    assert found.sampled == {
        split: {"decoded": 2, "clip_truncated": 1} for split in ("train", "dev", "test")
    }
    assert not found.ok


def test_a_build_stops_where_no_row_has_a_clip(tmp_path):
    root = clips_of(tmp_path, None, None)
    ended = hearten("build", "--corpus", "meld", "--source", root, cwd=tmp_path)
    assert ended.code == 1
    assert "the clips are empty rows, or links to no file (such as train-00000" in ended.err
    (tmp_path / "pointers").mkdir()
    root = clips_of(tmp_path / "pointers", POINTER, POINTER)
    ended = hearten("build", "--corpus", "meld", "--source", root, cwd=tmp_path)
    assert "the clips are Git LFS pointers, not sound" in ended.err


def test_meld_with_all_columns_reads_as_the_owners_file(tmp_path):
    more = {"Season": 8, "Episode": 21.0, "StartTime": "00:16:16,059", "EndTime": "00:16:21,731"}
    top = snapshot(tmp_path, {"train": [meld_row(0, "Well, hello.", "joy", **more)]})
    (dialogue,) = read("meld", top / "snapshots" / "a1b2")
    assert dialogue.background == "Season 8, episode 21. Present: Rosalind."
    assert dialogue.utterances[0].start == pytest.approx(976.059)


def test_a_number_without_names_is_no_label_of_the_corpus(tmp_path):
    (dialogue,) = read("meld", snapshot(tmp_path, {"train": [meld_row(0, "Hm.", 4)]}))
    assert dialogue.utterances[0].label == "4"  # unmapped, so that a build stops and says so


def test_what_a_mirror_lacks_is_named_with_what_to_get(tmp_path):
    rows = [{"text": "Well, hello.", "emotion": "joy"}]
    top = snapshot(tmp_path, {"train": rows})
    with pytest.raises(SourceError) as caught:
        read("meld", top)
    said = str(caught.value)
    assert "this mirror of meld on the Hub has no Speaker, Sentiment, Dialogue_ID" in said
    assert "data/MELD of https://github.com/declare-lab/MELD" in said
    with pytest.raises(SourceError, match="has no dev, test split.*--split train"):
        open_reader("meld", top, False)


def test_two_revisions_are_not_mixed(tmp_path):
    for rev in ("a1", "b2"):
        snapshot(tmp_path, {"train": [meld_row(0, "Hm.", "joy")]}, rev=rev)
    with pytest.raises(SourceError, match="2 revisions.*a1, b2"):
        read("meld", tmp_path / "datasets--somebody--mirror")


def test_empathetic_dialogues(tmp_path):
    shared = {"conv_id": "hit:1_conv:2", "context": "lonely", "prompt": "I moved_comma_ alone."}
    rows = [
        {**shared, "utterance_idx": 1, "speaker_idx": 7, "utterance": "I moved_comma_ alone."},
        {**shared, "utterance_idx": 2, "speaker_idx": 8, "utterance": "That is hard."},
    ]
    rows = [{**row, "selfeval": "5|5|5_2|2|5", "tags": ""} for row in rows]
    top = snapshot(tmp_path, {"train": rows, "validation": rows[:1], "test": rows[:1]})
    (dialogue,) = read("empathetic_dialogues", top)
    assert [u.text for u in dialogue.utterances] == ["I moved, alone.", "That is hard."]
    assert (dialogue.background, dialogue.assistant) == ("I moved, alone.", "8")
    (dev,) = read("empathetic_dialogues", top, "dev", ("dev",))
    assert dev.split == "dev"


@pytest.mark.parametrize("nested", [True, False])
def test_emowoz_has_final_labels_and_no_votes(tmp_path, nested):
    names = ["unlabled", "neutral", "fearful or sad/disappointed", "dissatisfied", "apologetic"]
    polarity = ["unlabled", "neutral", "negative", "positive"]
    log = {
        "text": ["My aunt lost her room.", "I am sorry.", "Is there another?"],
        "emotion": [2, 0, 1],
        "sentiment": [2, 0, 1],
    }
    feature = {
        "text": {"dtype": "string", "_type": "Value"},
        "emotion": {"names": names, "_type": "ClassLabel"},
        "sentiment": {"names": polarity, "_type": "ClassLabel"},
    }
    turns = [dict(zip(log, values, strict=True)) for values in zip(*log.values(), strict=True)]
    features = {"log": {"feature": feature, "_type": "Sequence"} if nested else [feature]}
    row = {"dialogue_id": "DMAGE1.json", "log": log if nested else turns}
    (dialogue,) = read("emowoz", snapshot(tmp_path, {"train": [row]}, features))
    said = [(u.label, u.sentiment, u.targetable) for u in dialogue.utterances]
    assert said == [("1", "negative", True), (None, None, False), ("0", "neutral", True)]
    assert dialogue.utterances[0].annotation.votes is None
    assert dialogue.utterances[1].speaker == "system"


def test_emowoz_with_plain_numbers(tmp_path):
    log = {"text": ["Hello.", "Yes?"], "emotion": [6, -1], "sentiment": [2, -1]}
    row = {"dialogue_id": "SNG1.json", "log": log}
    (dialogue,) = read("emowoz", snapshot(tmp_path, {"train": [row]}))
    assert [(u.label, u.sentiment) for u in dialogue.utterances] == [
        ("6", "positive"),
        (None, None),
    ]


CREMA_D = ("1006_TIE_NEU_XX", "1006_TIE_ANG_XX", "1040_IEO_ANG_HI", "1040_ITH_SAD_X")


def crema_d_rows(*names: str) -> list[dict]:
    """Return rows as mirrors have them: some name the clip in a column, some in the row's file."""
    return [
        {
            "file": f"AudioWAV/{name}.wav",
            "emotion": "neutral",
            "audio": {"bytes": sound(at), "path": f"{name}.wav"},
        }
        for at, name in enumerate(names)
    ]


@pytest.mark.parametrize("named_in", ["file", "audio"])
def test_crema_d_alone_has_the_intended_emotion_and_no_votes(tmp_path, named_in):
    rows = crema_d_rows(*CREMA_D)
    for at, row in enumerate(rows):
        row.pop("file") if named_in == "audio" else row["audio"].update(path=f"{at}.wav")
    top = snapshot(tmp_path, {"train": rows[:2], "validation": rows[2:3], "test": rows[3:]})
    reader = open_reader("crema_d", top, True)
    found = [u for dialogue in reader.read("all") for u in dialogue.utterances]
    assert [(u.dialogue, u.utterance, u.label) for u in found] == [
        ("1006_TIE", "ANG_XX", None),
        ("1006_TIE", "NEU_XX", None),
        ("1040_IEO", "ANG_HI", None),
        ("1040_ITH", "SAD_XX", None),
    ]
    assert [view["name"] for view in found[2].annotation.views] == ["intended"]
    assert (found[2].annotation.views[0]["label"], found[2].annotation.views[0]["level"]) == (
        "ANG",
        3.0,
    )
    clips = [decode(u.media, top, True).source_sha256 for u in found]
    assert clips == [sha256(sound(at)).hexdigest() for at in (1, 0, 2, 3)]
    assert {"note": "read_from_mirror", "split": "all", "count": 4} in reader.notes


def test_a_build_of_crema_d_without_votes_needs_the_view_that_names_tell(tmp_path):
    folder = tmp_path / "crema"
    folder.mkdir()
    pq.write_table(
        pa.Table.from_pylist(crema_d_rows(*CREMA_D)), folder / "train-00000-of-00001.parquet"
    )
    said = ["build", "--corpus", "crema_d", "--source", folder]
    ended = hearten(*said, cwd=tmp_path)
    assert ended.code == 1
    assert "no votes for the label view voice" in ended.err
    assert "--label-view intended, or get processedResults/summaryTable.csv" in ended.err
    ended = hearten(*said, "--label-view", "intended", "--name", "told", cwd=tmp_path)
    assert ended.code == 0, ended.err
    rows = samples(tmp_path / "output" / "told")
    labels = {row["id"]: row["annotation"]["raw"] for row in rows}
    assert labels["crema_d-all-1040_IEO-ANG_HI"] == "ANG"
    files = {row["id"]: row["audio_info"]["source_file"] for row in rows}
    assert files["crema_d-all-1040_IEO-ANG_HI"] == "train-00000-of-00001.parquet:3"


def test_clips_of_a_mirror_stand_in_for_those_of_the_owner(tmp_path):
    votes = ("N8 S1", "N9", "N10")
    names = ("1006_TIE_DIS_XX", "1006_TIE_ANG_XX")
    make_crema_d_tree(tmp_path, dict.fromkeys(names, votes))
    (tmp_path / "data").mkdir()
    table = pa.Table.from_pylist(crema_d_rows(*reversed(names)))
    pq.write_table(table, tmp_path / "data" / "train-00000-of-00001.parquet")
    (dialogue,) = open_reader("crema_d", tmp_path, True).read("all")
    assert [(u.utterance, u.label, u.media.row) for u in dialogue.utterances] == [
        ("DIS_XX", "N", 1),
        ("ANG_XX", "N", 0),
    ]
    found = verify("crema_d", tmp_path)
    assert found.sampled == {"all": {"decoded": 2}}
    assert [c.found for c in found.rows if c.what == "clips"] == [2]


def test_crema_d_under_other_names_is_refused_with_what_to_get(tmp_path):
    top = snapshot(tmp_path, {"train": crema_d_rows("angry1", "angry2")})
    with pytest.raises(SourceError, match="no clip in it is called.*summaryTable.csv"):
        open_reader("crema_d", top, True)
    row = crema_d_rows(CREMA_D[0])[0] | {"file": f"{CREMA_D[1]}.wav"}
    top = snapshot(tmp_path / "two", {"train": [row]})
    with pytest.raises(SourceError, match="two clips' names: 1006_TIE_ANG_XX and 1006_TIE_NEU_XX"):
        open_reader("crema_d", top, True)


def test_a_broken_file_is_one_line(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train-00000-of-00001.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(SourceError, match="cannot be read"):
        read("meld", tmp_path)
