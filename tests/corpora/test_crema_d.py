import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import reading
from builds import hearten, rejected, samples
from reading import only_reject, utterances
from trees_crema_d import RATE, Votes, make_crema_d_tree, write_wav

from builders import resources
from builders.corpora import open_reader
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.corpora.verify import verify
from builders.errors import SourceError
from builders.labels.aggregation import load_labelling
from builders.record.schema import validator, violations
from builders.record.types import Reject, Utterance

SAMPLE = resources.corpora() / "crema_d" / "sample"
ALIKE: Votes = ("N8 S1", "N9", "N10")
CLIPS = {name: ALIKE for name in ("1006_TIE_NEU_XX", "1006_TIE_ANG_XX", "1040_TIE_NEU_XX")}
SOUND = (0.3 * np.sin(np.arange(RATE // 2) / 9)).astype(np.float32)
BUILT: list[dict] = []
SUMMARY, TABULATED = "processedResults/summaryTable.csv", "processedResults/tabulatedVotes.csv"
read = partial(reading.read, "crema_d")
refused = partial(reading.refused, "crema_d")


def one(source: Path, name: str = "1006_TIE-NEU_XX", *, media: bool = False) -> Utterance:
    return utterances(read(source, media=media))[f"crema_d-all-{name}"]


def views(utterance: Utterance) -> dict[str, dict]:
    return {view["name"]: view for view in utterance.annotation.views}


def change(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert content.count(old) == 1, f"{old!r} is not in {path.name} exactly once"
    path.write_bytes(content.replace(old, new))


def emotions(utterance: Utterance, view: str = "voice") -> tuple[str, str | None, tuple[str, ...]]:
    """Return what an utterance's label means under a view: first, second and other readings."""
    labelling = load_labelling("crema_d", view)
    labelling.settle(utterance)
    meaning = labelling.emotions(utterance)
    return meaning.primary, meaning.secondary, meaning.alternatives


# What is read


def test_four_views_stand_side_by_side_with_votes_and_levels(tmp_path):
    make_crema_d_tree(tmp_path, {"1006_IEO_ANG_HI": ("A7 N2", "A5 D5", "A9")})
    found = views(one(tmp_path, "1006_IEO-ANG_HI"))
    unrated = {"votes": None, "agreement": None}
    assert found["intended"] == {"name": "intended", "label": "ANG", "level": 3.0, **unrated}
    assert found["voice"] == {
        "name": "voice",
        "label": "A",
        "votes": [
            {"rater": None, "label": "A", "count": 7},
            {"rater": None, "label": "N", "count": 2},
        ],
        "agreement": 0.7778,
        "level": 75.0,
    }
    assert (found["face"]["label"], found["face"]["agreement"]) == ("A:D", 0.5)
    assert found["face"]["level"] is None
    assert found["audio_visual"]["label"] == "A"


@pytest.mark.parametrize(("ending", "level"), [("LO", 1.0), ("MD", 2.0), ("HI", 3.0), ("XX", None)])
def test_the_intended_level_is_a_number_where_it_is_said(ending, level, tmp_path):
    make_crema_d_tree(tmp_path, {f"1006_IEO_ANG_{ending}": ALIKE})
    assert views(one(tmp_path, f"1006_IEO-ANG_{ending}"))["intended"]["level"] == level


def test_a_dialogue_is_an_actors_renderings_of_one_sentence(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    found = [(item.id, [u.utterance for u in item.utterances]) for item in read(tmp_path)]
    assert found == [("1006_TIE", ["NEU_XX", "ANG_XX"]), ("1040_TIE", ["NEU_XX"])]


def test_text_comes_from_the_code_and_sex_and_age_from_the_demographics(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    found = one(tmp_path)
    assert found.text == "That is exactly what happened"
    assert (found.speaker, found.sex, found.age) == ("1006", "female", 38)
    assert one(tmp_path, "1040_TIE-NEU_XX").sex == "male"


def test_an_actor_without_demographics_is_a_finding(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    change(tmp_path / "VideoDemographics.csv", b'1006,38,"Female"', b'1006,38,"?"')
    found = one(tmp_path)
    assert (found.sex, found.age, found.findings) == (None, None, ("demographics_missing",))
    assert one(tmp_path, "1040_TIE-NEU_XX").findings == ()


# What the label is


@pytest.mark.parametrize(
    ("votes", "meaning"),
    [
        ("A6 N4", ("anger", None, ())),
        ("A6 N3 F1", ("anger", None, ())),
        ("A6 F3 N1", ("anger", "fear", ())),
        ("A5 N4", ("ambiguous", None, ("anger", "neutral"))),
        ("A5 F4", ("ambiguous", None, ("anger", "fear"))),
        ("A4 S4", ("ambiguous", None, ("sadness", "anger"))),
        ("N6 S4", ("neutral", None, ())),
    ],
)
def test_the_label_is_the_voice_vote_or_ambiguous_below_three_fifths(votes, meaning, tmp_path):
    make_crema_d_tree(tmp_path, {"1006_TIE_NEU_XX": (votes, "H9", "H9")})
    assert emotions(one(tmp_path)) == meaning


def test_another_view_gives_the_instruction_or_the_vote_on_both(tmp_path):
    make_crema_d_tree(tmp_path, {"1006_TIE_SAD_XX": ("N9", "F9", "H8 N1")})
    found = one(tmp_path, "1006_TIE-SAD_XX")
    assert emotions(found) == ("neutral", None, ())
    assert emotions(found, "audio_visual") == ("happiness", None, ())
    assert emotions(found, "intended") == ("sadness", None, ())
    assert (found.label, found.annotation.source) == ("SAD", "intended")
    assert found.annotation.votes is None


def test_the_views_are_chosen_on_the_command_line_and_no_others(tmp_path):
    build = ("build", "--corpus", "crema_d", "--sample", "--text-only", "--show", 0)
    ended = hearten(*build, "--label-view", "intended", cwd=tmp_path)
    assert ended.code == 0, ended.err
    rows = {row["id"]: row for row in samples(tmp_path / "output" / "crema_d-sample")}
    heard_as_neutral = rows["crema_d-all-1006_TIE-HAP_XX"]
    assert heard_as_neutral["annotation"]["source"] == "intended"
    assert heard_as_neutral["annotation"]["raw"] == "HAP"
    assert heard_as_neutral["target_utterance"]["emotions"]["primary"] == "happiness"
    ended = hearten(*build, "--label-view", "text", cwd=tmp_path)
    assert ended.code == 2
    assert "no label view 'text'; expected one of voice, audio_visual, intended" in ended.err


# Where it lies


@pytest.mark.parametrize("inside", ["", "CREMA-D", "CREMA-D-master"])
def test_the_folder_or_the_one_around_it_is_understood(inside, tmp_path):
    root = make_crema_d_tree(tmp_path / inside, CLIPS, dict.fromkeys(CLIPS, SOUND))
    reader = open_reader("crema_d", tmp_path, with_media=True)
    assert (reader.root, len(reader.files)) == (root, 3)
    assert one(tmp_path, media=True).media.path.is_file()


def test_a_clip_under_its_old_name_is_used_and_the_choice_recorded(tmp_path):
    clips = {"1040_ITH_SAD_XX": ALIKE}
    make_crema_d_tree(tmp_path, clips, {"1040_ITH_SAD_X": SOUND})
    reader = open_reader("crema_d", tmp_path, with_media=True)
    found = utterances(list(read_split(reader, "crema_d", "all", Defects())))
    assert found["crema_d-all-1040_ITH-SAD_XX"].media.path.name == "1040_ITH_SAD_X.wav"
    assert reader.notes == [{"note": "old_name_used", "split": "all", "count": 1}]


def test_the_present_name_goes_before_the_old_one(tmp_path):
    clips = {"1040_ITH_SAD_XX": ALIKE}
    sounds = {"1040_ITH_SAD_X": SOUND, "1040_ITH_SAD_XX": SOUND}
    make_crema_d_tree(tmp_path, clips, sounds)
    reader = open_reader("crema_d", tmp_path, with_media=True)
    (item,) = read_split(reader, "crema_d", "all", Defects())
    assert item.utterances[0].media.path.name == "1040_ITH_SAD_XX.wav"
    assert reader.notes == []


def test_clips_without_row_are_counted_hidden_files_are_not_and_a_missing_clip_is_found(tmp_path):
    sounds = dict.fromkeys(("1006_TIE_NEU_XX", "1091_WSI_SAD_XX", "._1006_TIE_ANG_XX"), SOUND)
    make_crema_d_tree(tmp_path, CLIPS, sounds)
    reader = open_reader("crema_d", tmp_path, with_media=True)
    for _ in range(2):
        found = utterances(list(read_split(reader, "crema_d", "all", Defects())))
        assert found["crema_d-all-1006_TIE-ANG_XX"].findings == ("clip_missing",)
        assert reader.notes == [{"note": "clips_without_row", "split": "all", "count": 1}]


def test_clips_of_the_same_bytes_and_the_silent_clip_are_seen_where_the_clips_are(tmp_path):
    names = ("1006_TIE_HAP_XX", "1006_TIE_NEU_XX", "1076_MTI_SAD_XX", "1013_WSI_DIS_XX")
    sounds = dict.fromkeys(names, SOUND) | {"1076_MTI_SAD_XX": np.zeros(RATE, np.float32)}
    clips = dict.fromkeys((*names, "1013_WSI_SAD_XX"), ALIKE)
    make_crema_d_tree(tmp_path, clips, sounds | {"1013_WSI_SAD_XX": SOUND / 2})
    states = {fault.id: fault.state for fault in verify("crema_d", tmp_path).faults}
    assert states["all-1006_TIE-HAP_XX"] == states["all-1006_TIE-NEU_XX"] == "found"
    assert states["all-1076_MTI-SAD_XX"] == "found"
    assert states["all-1013_WSI-DIS_XX"] == "missing"


# What is refused


def test_a_missing_table_is_named_with_its_folder(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    (tmp_path / TABULATED).unlink()
    assert refused(tmp_path) == (
        f"processedResults/tabulatedVotes.csv not found in {tmp_path}; "
        "expected the folder of the CREMA-D repository; check the path given with --source"
    )


def test_a_folder_inside_the_tree_is_refused_with_what_was_looked_for(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    message = refused(tmp_path / "processedResults")
    assert message.startswith(
        "processedResults/summaryTable.csv, processedResults/tabulatedVotes.csv, "
        f"VideoDemographics.csv not found in {tmp_path / 'processedResults'}; expected the folder"
    )


def test_an_archive_is_answered_with_what_to_do(tmp_path):
    packed = tmp_path / "CREMA-D-master.zip"
    packed.write_bytes(b"PK")
    assert refused(packed).endswith("unpack it and pass the folder with --source")
    assert refused(tmp_path).endswith("unpack CREMA-D-master.zip there")


def test_missing_clips_are_answered_with_git_lfs_and_mp3_is_never_taken_instead(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    write_wav(tmp_path / "AudioMP3" / "1006_TIE_NEU_XX.mp3", SOUND)
    assert refused(tmp_path, media=True) == (
        f"the media are missing: no clips in {tmp_path / 'AudioWAV'}; "
        "expected the WAV files (AudioMP3 is not read, as some of its files are wrong); "
        "run `git lfs pull` there, or use --text-only"
    )
    (tmp_path / "AudioWAV.zip").write_bytes(b"PK")
    assert "; unpack AudioWAV.zip there, or use" in refused(tmp_path, media=True)


def test_a_pointer_of_git_lfs_is_no_clip(tmp_path):
    make_crema_d_tree(tmp_path / "corpus", CLIPS, dict.fromkeys(CLIPS, SOUND))
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"
    (tmp_path / "corpus" / "AudioWAV" / "1006_TIE_ANG_XX.wav").write_bytes(pointer)
    source = ("--corpus", "crema_d", "--source", tmp_path / "corpus")
    assert hearten("build", *source, "--show", 0, cwd=tmp_path).code == 0
    folder = tmp_path / "output" / "crema_d"
    (reject,) = rejected(folder)
    assert (reject["id"], reject["reason"]) == ("crema_d-all-1006_TIE-ANG_XX", "lfs_pointer")
    assert "run `git lfs pull` in the corpus folder" in reject["detail"]
    assert len(samples(folder)) == 2


@pytest.mark.parametrize(
    ("table", "old", "new", "reason", "detail"),
    [
        (SUMMARY, b'"2","1006_TIE_ANG_XX","N"', b'"2","1006_TIE_ANG_XX",""', "broken_row", "empty"),
        (
            *(SUMMARY, b'"2","1006_TIE_ANG_XX","N"', b'"2","1006_TIE_ANG_XX","A"'),
            *("label_against_votes", "VoiceVote is 'A', but most votes are for N"),
        ),
        (
            *(SUMMARY, b'ANG_XX","N","80"', b'ANG_XX","N","much"'),
            *("broken_level", "VoiceLevel is 'much'; expected a number"),
        ),
        (
            *(TABULATED, b'"100002",0,', b'"100002",NA,'),
            *("broken_votes", "tabulatedVotes.csv:3 has A NA, D 0, F 0, H 0, N 8, S 1; expected"),
        ),
        (
            *(TABULATED, b'"100002",0,0,0,0,8,1', b'"100002",0,0,0,0,0,0'),
            *("broken_votes", "N 0, S 0; expected whole numbers"),
        ),
        (
            *(
                TABULATED,
                b'"200001",0,0,0,0,9,0,"1006_TIE_NEU',
                b'"200001",0,0,0,0,9,0,"1006_TIE_ANG',
            ),
            *("broken_votes", "repeats the votes for this clip"),
        ),
    ],
)
def test_a_broken_record_is_a_reject_under_its_own_id(table, old, new, reason, detail, tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    change(tmp_path / table, old, new)
    rejects = [item for item in read(tmp_path) if isinstance(item, Reject)]
    found = {reject.id: reject for reject in rejects}["crema_d-all-1006_TIE-ANG_XX"]
    assert (found.split, found.stage, found.reason) == ("all", "read", reason)
    assert found.detail.startswith("summaryTable.csv:3: ") and detail in found.detail
    assert "1006_TIE_ANG_XX" in found.raw["row"]
    assert "crema_d-all-1040_TIE-NEU_XX" in utterances(read(tmp_path))


@pytest.mark.parametrize(
    ("name", "id", "reason", "detail"),
    [
        ("1006_TIE_ANG", "line-3", "broken_id", "named '1006_TIE_ANG'; expected actor, sentence"),
        ("1006_TIE_ANG_ZZ", "line-3", "broken_id", "as in 1001_DFA_ANG_XX"),
        ("1006_QQQ_ANG_XX", "1006_QQQ-ANG_XX", "unknown_sentence", "QQQ in '1006_QQQ_ANG_XX'; exp"),
    ],
)
def test_a_name_that_says_nothing_is_a_reject(name, id, reason, detail, tmp_path):
    names = ("1006_TIE_NEU_XX", name, "1040_TIE_NEU_XX")
    make_crema_d_tree(tmp_path, dict.fromkeys(names, ALIKE))
    reject = only_reject(read(tmp_path))
    assert (reject.id, reject.reason) == (f"crema_d-all-{id}", reason)
    assert detail in reject.detail
    assert len(utterances(read(tmp_path))) == 2


def test_bytes_that_are_not_utf8_cost_one_clip_and_are_kept_readable(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    change(tmp_path / SUMMARY, b'"1006_TIE_ANG_XX"', b'"1006_TI\xe9_ANG_XX"')
    reader = open_reader("crema_d", tmp_path, with_media=False)
    items = list(
        read_split(reader, "crema_d", "all", Defects(), ReadingRules(on_error="quarantine"))
    )
    first = next(item for item in items if isinstance(item, Reject))
    assert (first.id, first.reason) == ("crema_d-all-line-3", "not_utf8")
    assert "1006_TI\\xe9_ANG_XX" in first.raw["row"]
    assert len(utterances(items)) == 2


def test_an_id_twice_is_used_once(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    row = (tmp_path / SUMMARY).read_bytes().splitlines(keepends=True)[2]
    change(tmp_path / SUMMARY, row, row + row)
    reject = only_reject(read(tmp_path))
    assert (reject.id, reject.reason) == ("crema_d-all-1006_TIE-ANG_XX", "duplicate_id")
    assert len(utterances(read(tmp_path))) == 3


def test_a_summary_that_is_cut_short_stops_or_leaves_what_stood_before_the_cut(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    rows = (tmp_path / SUMMARY).read_bytes().splitlines(keepends=True)
    (tmp_path / SUMMARY).write_bytes(b"".join(rows[:2]) + rows[2][:25])
    message = f"2 clips have votes but no row in {tmp_path / SUMMARY}; unpack or download it again"
    assert refused(tmp_path) == message
    reader = open_reader("crema_d", tmp_path, with_media=False)
    items = list(
        read_split(reader, "crema_d", "all", Defects(), ReadingRules(on_error="quarantine"))
    )
    assert list(utterances(items)) == ["crema_d-all-1006_TIE-NEU_XX"]
    rejects = {item.reason: item for item in items if isinstance(item, Reject)}
    assert rejects.keys() == {"broken_row", "broken_file"}
    assert rejects["broken_file"].detail == message


def test_votes_that_are_cut_short_cost_the_clips_that_lack_theirs(tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    rows = (tmp_path / TABULATED).read_bytes().splitlines(keepends=True)
    (tmp_path / TABULATED).write_bytes(b"".join(rows[:-1]) + rows[-1][:30])
    reader = open_reader("crema_d", tmp_path, with_media=False)
    items = list(read_split(reader, "crema_d", "all", Defects()))
    reject = only_reject(items)
    assert (reject.id, reject.reason) == ("crema_d-all-1040_TIE-NEU_XX", "votes_missing")
    assert "this clip has no audio_visual votes" in reject.detail
    assert reader.notes == [{"note": "votes_of_no_clip", "split": "all", "count": 1}]
    assert len(utterances(items)) == 2


def test_rows_may_be_in_any_order(tmp_path):
    names = ("1006_TIE_NEU_XX", "1040_TIE_NEU_XX", "1006_TIE_ANG_XX", "1040_TIE_ANG_XX")
    make_crema_d_tree(tmp_path, dict.fromkeys(names, ALIKE))
    items = read(tmp_path)
    assert [item.id for item in items] == ["1006_TIE", "1040_TIE"]
    assert len(utterances(items)) == 4


def test_the_first_column_without_a_name_may_have_got_one(tmp_path):
    make_crema_d_tree(tmp_path, {"1006_TIE_NEU_XX": ALIKE})
    path = tmp_path / "processedResults" / "tabulatedVotes.csv"
    whole = read(tmp_path)
    path.write_text(path.read_text().replace('""', '"Unnamed: 0"', 1))
    assert read(tmp_path) == whole
    path.write_text(path.read_text().replace('"Unnamed: 0"', '"number"', 1))
    with pytest.raises(SourceError, match=r"column \(the first, which has no name\) is missing"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", '"","FileName"\n'.encode("utf-16")])
@pytest.mark.parametrize("table", [SUMMARY, TABULATED, "VideoDemographics.csv"])
def test_an_empty_or_foreign_table_is_refused_in_one_line(table, content, tmp_path):
    make_crema_d_tree(tmp_path, CLIPS)
    (tmp_path / table).write_bytes(content)
    message = refused(tmp_path)
    assert message.startswith("column ") and f"missing in {tmp_path / table}; " in message
    assert message.encode("ascii")


def test_a_vote_for_an_emotion_without_a_row_stops_the_build_by_name(tmp_path):
    make_crema_d_tree(tmp_path / "corpus", {"1006_TIE_SUR_XX": ALIKE})
    build = ("build", "--corpus", "crema_d", "--source", tmp_path / "corpus", "--text-only")
    ended = hearten(*build, "--label-view", "intended", cwd=tmp_path)
    assert ended.code == 1
    assert "emotion labels without a row: 'SUR' (1 seen) in " in ended.err


# The real tables


@pytest.fixture
def real(real_data, tmp_path_factory) -> list[dict]:
    """The samples of the real tables, built once without audio."""
    if not BUILT:
        folder = tmp_path_factory.mktemp("crema_d")
        source = ("--corpus", "crema_d", "--source", real_data / "crema_d")
        ended = hearten("build", *source, "--text-only", "--show", 0, cwd=folder)
        assert ended.code == 0, ended.err
        assert not rejected(folder / "output" / "crema_d")
        BUILT.extend(samples(folder / "output" / "crema_d"))
    return BUILT


def test_the_real_tables_are_as_published(real_data):
    found = verify("crema_d", real_data / "crema_d")
    assert found.ok and not found.rejects and not found.notes
    assert len(found.rows) == 116
    assert "  all voice tie                                644\n" in found.as_text()


def test_the_real_voice_face_and_both_agree_on_3034_clips(real_data):
    labels = [
        tuple(views(u)[name]["label"] for name in ("voice", "face", "audio_visual"))
        for u in utterances(read(real_data / "crema_d")).values()
    ]
    assert sum(len(set(three)) == 1 and ":" not in three[0] for three in labels) == 3034


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        (TABULATED, b'"100001",0,0,0,1,10,0', b'"100001",0,0,0,1,11,0'),
        (SUMMARY, b'"1","1001_IEO_NEU_XX","N"', b'"1","1001_IEO_NEU_XX","S"'),
    ],
)
def test_a_vote_that_was_changed_is_a_count_that_is_off(table, old, new, real_data, tmp_path):
    shutil.copytree(real_data / "crema_d", tmp_path / "copy")
    change(tmp_path / "copy" / table, old, new)
    ended = hearten("verify", "--corpus", "crema_d", "--source", tmp_path / "copy")
    assert ended.code == 4
    assert "all voice_votes" in ended.out and "differs: 68,568 published" in ended.out


def test_the_real_labels_are_the_votes_with_three_fifths_and_else_ambiguous(real):
    found = Counter(row["target_utterance"]["emotions"]["primary"] for row in real)
    assert found == {
        **{"ambiguous": 3196, "neutral": 2665, "anger": 685, "fear": 335},
        **{"happiness": 217, "disgust": 192, "sadness": 152},
    }
    for row in real:
        agreement = row["annotation"]["agreement"]
        ambiguous = row["target_utterance"]["emotions"]["primary"] == "ambiguous"
        assert ambiguous == (agreement < 0.6)
        assert row["annotation"]["source"] == "voice"


def test_the_real_records_are_valid(real):
    for row in real:
        assert not violations(validator("sample"), row)


def test_real_contrast_groups_are_one_actor_and_sentence_and_twins_other_actors(real):
    groups: dict[str, list[dict]] = {}
    for row in real:
        contrast = row["contrast"]
        if contrast["group"]:
            groups.setdefault(contrast["group"], []).append(row)
        actor, sentence = row["source"]["dialogue_id"].split("_")
        twins = [name.split("-")[2].split("_") for name in contrast["twin_of"]]
        assert len(twins) == 8
        assert all(other != actor and code == sentence for other, code in twins)
    assert len(groups) == 790
    for rows in groups.values():
        said = [row["target_utterance"] for row in rows]
        assert len({(one["speaker"]["id"], one["text"]) for one in said}) == 1
        assert len({row["contrast"]["role"] for row in rows}) > 1
        assert all(row["contrast"]["role"] != "ambiguous" for row in rows)


def test_clips_that_fit_the_instruction_form_the_published_number_of_groups(real):
    groups: dict[str, list[str]] = {}
    for row in real:
        intended = row["annotation"]["views"][0]["label"]
        if row["annotation"]["raw"] == intended[0] and row["annotation"]["agreement"] >= 0.6:
            groups.setdefault(row["source"]["dialogue_id"], []).append(intended)
    assert sum(map(len, groups.values())) == 2260
    assert sum(len(set(found)) > 1 for found in groups.values()) == 696
