import os
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
import reading
import soundfile
from builds import hearten
from reading import only_reject
from trees_iemocap import RATE, Turn, block, make_tree, write

from builders import resources
from builders.audio.decode import decode
from builders.corpora import load_card, open_reader
from builders.corpora.reading import Defects, ReadingRules, read_split
from builders.labels.aggregation import load_labelling
from builders.record.types import Annotation, Dialogue, Emotions, Reject, Utterance

SAMPLE = resources.corpora() / "iemocap" / "sample"
NAME = "Ses01F_impro01"
QUARANTINE = ReadingRules(on_error="quarantine")
read = partial(reading.read, "iemocap")
refused = partial(reading.refused, "iemocap")


def notes(source: Path, *, media: bool = False) -> dict[str, int]:
    reader = open_reader("iemocap", source, media)
    for _ in read_split(reader, "iemocap", "all", Defects()):
        pass
    return {note["note"]: note["count"] for note in reader.notes}


def utterances(items: list[Dialogue | Reject]) -> dict[str, Utterance]:
    """Return the utterances of the first session by the last part of their id."""
    found = (u for item in items if isinstance(item, Dialogue) for u in item.utterances)
    return {u.utterance: u for u in found if u.dialogue.startswith("Ses01") and not u.rejected}


def sessions(items: list[Dialogue | Reject]) -> set[str]:
    return {item.id[:5] for item in items if isinstance(item, Dialogue)}


def tree(root: Path, *turns: Turn, dialogue: str = NAME) -> Path:
    return make_tree(root, {dialogue: turns or [Turn("F000")]})


def one(root: Path, turn: Turn) -> Utterance:
    return utterances(read(tree(root, turn)))[turn.name]


def evaluations(root: Path) -> Path:
    return root / "Session1" / "dialog" / "EmoEvaluation"


def summary(root: Path) -> Path:
    return evaluations(root) / f"{NAME}.txt"


def transcript(root: Path) -> Path:
    return root / "Session1" / "dialog" / "transcriptions" / f"{NAME}.txt"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def meaning(label: str, votes: str) -> Emotions:
    """Return what a label means beside votes such as ``Sadness Sadness Frustration``."""
    each = [{"rater": f"E{n}", "label": v, "count": 1} for n, v in enumerate(votes.split())]
    said = Utterance(NAME, "F000", 0.0, None, "Well.", label, annotation=Annotation(votes=each))
    labelling = load_labelling("iemocap")
    labelling.settle(said)
    found = labelling.emotions(said)
    assert found is not None
    return found


# The sample


def test_the_labels_of_the_sample_are_the_only_ones_with_most_votes_and_at_least_two():
    labelling, labels = load_labelling("iemocap"), set()
    for item in read(SAMPLE, media=True):
        for u in item.utterances if isinstance(item, Dialogue) else ():
            if not u.targetable:
                continue
            votes = Counter(labelling.node(vote["label"]) for vote in u.annotation.votes)
            most = max(votes.values())
            tops = [node for node, count in votes.items() if count == most]
            agreed = len(tops) == 1 and most >= 2
            assert labelling.node(u.label) == (tops[0] if agreed else "ambiguous"), u.id
            labels.add(u.label)
    assert labels == {
        *("ang", "hap", "exc", "sad", "neu", "fru", "fea", "sur", "dis", "oth", "xxx")
    }


def test_the_sample_has_all_sessions_and_actors_and_what_the_real_one_has():
    reader = open_reader("iemocap", SAMPLE, with_media=True)
    items = list(read_split(reader, "iemocap", "all", Defects()))
    found = [u for item in items if isinstance(item, Dialogue) for u in item.utterances]
    assert {u.speaker for u in found} == {f"Ses0{n}_{actor}" for n in range(1, 6) for actor in "FM"}
    assert {note["note"] for note in reader.notes} == {
        *("clip_missing", "only_tags", "ratings_differ", "transcript_lines_skipped", "xx_turns")
    }
    assert any(path.name.startswith("._") for path in SAMPLE.rglob("*.txt"))
    assert any(later.start < u.end for u, later in zip(found, found[1:], strict=False))


def test_the_card_lets_nothing_out():
    card = load_card("iemocap")
    assert set(card.rights.model_dump(exclude={"licence"}).values()) == {"no"}
    assert (card.send_to_third_party.text, card.send_to_third_party.audio) == ("no", "no")
    assert card.combined_folds == {"dev": ("session_4",), "test": ("session_5",)}


# What a turn is


def test_the_speaker_is_in_the_last_part_of_the_id_and_not_in_the_name_of_the_dialogue(tmp_path):
    tree(tmp_path, Turn("F000"), Turn("M000", start=5, end=6), dialogue="Ses01M_impro01")
    found = utterances(read(tmp_path))
    assert [(u.speaker, u.sex) for u in found.values()] == [
        ("Ses01_F", "female"),
        ("Ses01_M", "male"),
    ]


def test_turns_are_in_order_of_start_though_they_overlap_and_by_id_where_they_start_together(
    tmp_path,
):
    times = {"M001": (2, 9), "F001": (8, 12), "M000": (2, 4), "F000": (7.5, 8)}
    tree(tmp_path, *(Turn(name, start=s, end=e) for name, (s, e) in times.items()))
    assert list(utterances(read(tmp_path))) == ["M000", "M001", "F000", "F001"]


def test_each_dialogue_is_tested_in_the_fold_of_its_session_alone(tmp_path):
    items = read(make_tree(tmp_path))
    assert [[f.endswith(":test") for f in item.folds].index(True) for item in items] == [*range(5)]
    assert items[2].folds == (
        *("session_1:train", "session_2:train", "session_3:test"),
        *("session_4:train", "session_5:train"),
    )


@pytest.mark.parametrize(
    ("name", "background"),
    [
        ("Ses03M_impro05a", "Two actors improvise a scene."),
        ("Ses03F_impro08", "Two actors improvise a scene."),
        ("Ses05M_script01_1b", "Two actors play a scripted scene."),
        ("Ses05F_script03_2", "Two actors play a scripted scene."),
    ],
)
def test_the_background_says_what_the_name_says(name, background, tmp_path):
    items = read(tree(tmp_path, Turn("F000"), dialogue=name))
    (item,) = [item for item in items if item.id == name]
    assert (item.background, item.background_origin) == (background, "scenario")
    assert item.utterances[0].id == f"iemocap-all-{name}-F000"


def test_tags_stay_in_the_text_and_a_turn_of_nothing_else_is_a_finding(tmp_path):
    texts = {"F000": "[LAUGHTER] Come in.", "F001": "[LAUGHTER]", "F002": "[BREATHING] [GARBAGE]"}
    tree(tmp_path, *(Turn(name, text, start=n) for n, (name, text) in enumerate(texts.items())))
    found = utterances(read(tmp_path))
    assert {name: u.text for name, u in found.items()} == texts
    assert [u.findings for u in found.values()] == [(), ("only_tags",), ("only_tags",)]
    assert notes(tmp_path)["only_tags"] == 2


def test_an_end_before_its_start_is_a_finding(tmp_path):
    assert one(tmp_path, Turn("F000", start=5, end=4)).findings == ("end_before_start",)


# What goes together


def test_a_turn_that_nobody_evaluated_is_context_only(tmp_path):
    tree(tmp_path, Turn("F000"), Turn("MXX0", "Mhm.", None, start=2), Turn("M000", "So?", None))
    found = utterances(read(tmp_path))
    assert [(u.utterance, u.targetable, u.label) for u in found.values()] == [
        *(("F000", True, "neu"), ("M000", False, None), ("MXX0", False, None))
    ]
    assert found["MXX0"].speaker == "Ses01_M" and found["MXX0"].start == 2
    assert notes(tmp_path) == {"xx_turns": 1, "turns_without_evaluation": 1}


def test_lines_without_an_id_are_counted_and_no_turns(tmp_path):
    tree(tmp_path)
    path = transcript(tmp_path)
    write(path, f"(She sits down.)\n{path.read_text()}M: And then?\n\nF: Nothing.\n")
    assert list(utterances(read(tmp_path))) == ["F000"]
    assert notes(tmp_path) == {"transcript_lines_skipped": 3}


def test_an_evaluation_without_a_line_in_the_transcript_is_a_reject(tmp_path):
    tree(tmp_path, Turn("F000"), Turn("F001"))
    change(transcript(tmp_path), f"{NAME}_F001", "F")
    items = read(tmp_path)
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"iemocap-all-{NAME}-F001", "no_transcript")
    assert reject.detail == f"EmoEvaluation/{NAME}.txt:10: the transcript has no line for this turn"
    assert "C-E4:\tSadness" in reject.raw["row"]
    assert list(utterances(items)) == ["F000"]


def test_clips_are_found_and_missing_and_left_over_ones_are_said(tmp_path, real_data):
    sound, _ = soundfile.read(real_data / "real_speech" / "00.wav", dtype="float32")
    turns = [Turn("F000", clip=sound[:RATE]), Turn("F001"), Turn("MXX0", "Mhm.", None)]
    tree(tmp_path, *turns)
    folder = tmp_path / "Session1" / "sentences" / "wav" / NAME
    soundfile.write(folder / f"{NAME}_M009.wav", sound[:RATE], RATE)
    (folder / f"._{NAME}_F001.wav").write_bytes(b"\x00\x05\x16\x07")
    for session in "2345":
        (tmp_path / f"Session{session}" / "sentences" / "wav").mkdir(parents=True)
    found = utterances(read(tmp_path, media=True))
    assert found["F000"].media.path == folder / f"{NAME}_F000.wav"
    assert (found["F001"].media, found["F001"].findings) == (None, ("clip_missing",))
    assert found["MXX0"].findings == ()
    assert notes(tmp_path, media=True)["clips_without_turn"] == 1
    assert utterances(read(tmp_path))["F001"].findings == ()


def test_real_speech_in_its_place_is_heard(tmp_path, real_data):
    recordings = sorted((real_data / "real_speech").glob("*.wav"))[:10]
    sounds = [soundfile.read(path, dtype="float32")[0] for path in recordings]
    names = [f"Ses0{n}{actor}_impro01" for n in range(1, 6) for actor in "FM"]
    clips = dict(zip(names, sounds, strict=True))
    make_tree(
        tmp_path,
        {
            name: [Turn("F000", start=1, end=1 + len(sound) / RATE, clip=sound)]
            for name, sound in clips.items()
        },
    )
    ended = hearten("build", "--corpus", "iemocap", "--source", tmp_path, cwd=tmp_path)
    assert ended.code == 0, ended.err
    for item in read(tmp_path, media=True):
        clip = decode(item.utterances[0].media, tmp_path)
        assert clip.samples == len(clips[item.id])
        assert clip.findings == ()


# What the raters said


def test_each_category_that_an_outside_rater_chose_is_a_vote(tmp_path):
    found = one(tmp_path, Turn("F000", votes="E2:Anger,Frustration E3:Anger E4:Sadness F1:Fear"))
    assert found.annotation.votes == [
        {"rater": "E2", "label": "Anger", "count": 1},
        {"rater": "E2", "label": "Frustration", "count": 1},
        {"rater": "E3", "label": "Anger", "count": 1},
        {"rater": "E4", "label": "Sadness", "count": 1},
    ]


def test_what_the_actors_said_of_themselves_is_a_view_and_no_vote(tmp_path):
    said = one(
        tmp_path, Turn("F000", label="sad", votes="E2:Sadness E3:Sadness F1:Fear")
    ).annotation
    assert {vote["rater"] for vote in said.votes} == {"E2", "E3"}
    assert said.views == [
        {
            **{"name": "self", "label": "Fear", "agreement": None, "level": None},
            "votes": [{"rater": "F1", "label": "Fear", "count": 1}],
        }
    ]


def test_a_view_of_two_categories_has_no_label_and_one_of_none_is_not_there(tmp_path):
    both = one(tmp_path / "both", Turn("F000", votes="E2:Fear E3:Fear M1:Fear,Anger")).annotation
    assert both.views[0]["label"] is None and len(both.views[0]["votes"]) == 2
    assert one(tmp_path / "none", Turn("F000", votes="E2:Fear E3:Fear")).annotation.views is None


def test_comments_are_no_categories(tmp_path):
    tree(tmp_path, Turn("F000", votes="E2:Other E3:Other"))
    change(summary(tmp_path), "Other;\t()", "Other;\t(rather proud; a caf\u00e9 (loud))")
    found = utterances(read(tmp_path))["F000"]
    assert [vote["label"] for vote in found.annotation.votes] == ["Other", "Other"]


def test_a_rater_whose_votes_are_in_a_file_of_the_raters_own_only_is_added(tmp_path):
    tree(tmp_path, Turn("F000", votes="E2:Neutral E3:Neutral E4:Sadness,Fear"))
    change(summary(tmp_path), "C-E4:\tSadness; Fear;\t()\n", "")
    change(summary(tmp_path), "C-E3:\tNeutral;\t()", "C-E3:\t;\t()")
    found = utterances(read(tmp_path))["F000"]
    voted = [(vote["rater"], vote["label"]) for vote in found.annotation.votes]
    assert voted == [
        *(("E2", "Neutral"), ("E3", "Neutral state")),
        *(("E4", "Sadness"), ("E4", "Fear")),
    ]
    assert found.findings == ()


def test_where_a_raters_own_file_says_something_else_the_summary_stays(tmp_path):
    tree(tmp_path, Turn("F000", votes="E2:Neutral E3:Neutral"))
    change(summary(tmp_path), "C-E3:\tNeutral;", "C-E3:\tAnger;")
    found = utterances(read(tmp_path))["F000"]
    assert [vote["label"] for vote in found.annotation.votes] == ["Neutral", "Anger"]
    assert found.findings == ("ratings_differ", "label_against_votes")
    assert notes(tmp_path) == {"ratings_differ": 1, "label_against_votes": 1}


@pytest.mark.parametrize(
    ("label", "votes", "findings"),
    [
        ("sad", "E1:Sadness E2:Sadness E3:Anger", ()),
        ("sad", "E1:Sadness E2:Sadness E3:Anger E4:Fear", ()),
        ("sad", "E1:Sadness E2:Sadness E3:Anger E4:Anger", ("label_against_votes",)),
        ("xxx", "E1:Sadness E2:Sadness E3:Anger E4:Anger", ()),
        ("xxx", "E1:Sadness E2:Sadness E3:Anger", ("label_against_votes",)),
        ("hap", "E1:Anger E2:Anger E3:Sadness", ("label_against_votes",)),
        ("hap", "F1:Anger M1:Anger", ()),
    ],
)
def test_a_label_that_does_not_follow_from_the_votes_is_a_finding(label, votes, findings, tmp_path):
    assert one(tmp_path, Turn("F000", label=label, votes=votes)).findings == findings


def values(said: Annotation, rater: str | None) -> dict[str, float | None]:
    return {d["name"]: d["value"] for d in said.dimensions if d["rater"] == rater}


def test_the_head_has_valence_activation_dominance_and_the_scale_is_kept(tmp_path):
    said = one(tmp_path, Turn("F000", values="E2:1,3,5 E3:2,3,5")).annotation
    assert values(said, None) == {"valence": 1.5, "activation": 3.0, "dominance": 5.0}
    assert {(d["minimum"], d["maximum"]) for d in said.dimensions} == {(1.0, 5.0)}


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("val 1; act 2; dom  3;\t()", {"valence": 1, "activation": 2, "dominance": 3}),
        ("act 2; dom 3; val 1;\t(val 9)", {"valence": 1, "activation": 2, "dominance": 3}),
        (":dom 3; :act 2.5; :val 1; ()", {"valence": 1, "activation": 2.5, "dominance": 3}),
        ("val ; act 2; dom  ;\t()", {"valence": None, "activation": 2, "dominance": None}),
        ("act 2;\t()", {"activation": 2}),
    ],
)
def test_a_raters_values_are_read_by_name(written, read_as, tmp_path):
    tree(tmp_path)
    change(summary(tmp_path), "A-E2:\tval 2; act 3; dom 2;\t()", f"A-E2:\t{written}")
    (evaluations(tmp_path) / "Attribute" / f"{NAME}_e2_atr.txt").unlink()
    assert values(utterances(read(tmp_path))["F000"].annotation, "E2") == read_as


def test_a_value_that_the_summary_lacks_is_taken_from_the_raters_own_file(tmp_path):
    tree(tmp_path, Turn("F000", values="E2:1,2,3 E3:4,4,4"))
    change(summary(tmp_path), "val 1; act 2; dom 3;", "val ; act 2; dom 3;")
    change(summary(tmp_path), "A-E3:\tval 4; act 4; dom 4;\t()\n", "")
    found = utterances(read(tmp_path))["F000"]
    assert values(found.annotation, "E2") == {"valence": 1, "activation": 2, "dominance": 3}
    assert values(found.annotation, "E3") == {"activation": 4, "valence": 4, "dominance": 4}
    assert found.findings == ()


def test_summaries_alone_serve(tmp_path):
    tree(tmp_path)
    for path in evaluations(tmp_path).glob("*/*.txt"):
        path.unlink()
    found = utterances(read(tmp_path))["F000"]
    assert (len(found.annotation.votes), len(found.annotation.dimensions)) == (3, 9)


def test_the_folders_beside_the_summaries_are_not_read_as_gold(tmp_path):
    tree(tmp_path)
    for folder in ("Categorical", "Attribute", "Self-evaluation"):
        text = block(NAME, Turn("F000", label="ang")) + block(NAME, Turn("F009", label="ang"))
        write(evaluations(tmp_path) / folder / f"{NAME}.txt", text)
    write(evaluations(tmp_path) / "Self-evaluation" / f"{NAME}_e9_cat.txt", f"{NAME}_F000 :Fear;")
    found = utterances(read(tmp_path))
    assert [(name, u.label) for name, u in found.items()] == [("F000", "neu")]
    assert [vote["rater"] for vote in found["F000"].annotation.votes] == ["E2", "E3", "E4"]


def test_files_of_a_mac_and_files_of_no_dialogue_are_not_read(tmp_path):
    before = read(tree(tmp_path))
    for path in (summary(tmp_path), transcript(tmp_path)):
        (path.parent / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
        (path.parent / ".DS_Store").write_bytes(b"\x00")
    rated = evaluations(tmp_path) / "Categorical"
    (rated / f"._{NAME}_e2_cat.txt").write_bytes(b"\x00\x05\x16\x07")
    (rated / f"{NAME}_e2_cat.anvil").write_bytes(b"<annotation/>")
    assert (read(tmp_path), notes(tmp_path)) == (before, {})
    write(evaluations(tmp_path) / "Ses02F_impro01.txt", "")
    write(evaluations(tmp_path) / "remarks.txt", "")
    assert (read(tmp_path), notes(tmp_path)) == (before, {"files_of_no_dialogue": 2})


def test_what_raters_said_of_turns_that_are_not_evaluated_is_counted(tmp_path):
    tree(tmp_path)
    path = evaluations(tmp_path) / "Categorical" / f"{NAME}_e2_cat.txt"
    write(
        path, f"{path.read_text()}{NAME}_MXX0 :Anger; ()\nno rating\nSes01F_impro02_F000 :Fear;\n"
    )
    assert notes(tmp_path) == {"rating_lines_skipped": 2, "ratings_without_evaluation": 1}


def test_each_file_is_opened_once(tmp_path, monkeypatch):
    tree(tmp_path, *(Turn(f"F{n:03}", start=n) for n in range(20)))
    opened, real = Counter(), Path.open

    def counting(self, *args, **more):
        opened[self.name if self.parent.name in ("Categorical", "Attribute") else str(self)] += 1
        return real(self, *args, **more)

    reader = open_reader("iemocap", tmp_path, with_media=False)
    monkeypatch.setattr(Path, "open", counting)
    list(reader.read("all"))
    assert set(opened.values()) == {1}
    assert opened[f"{NAME}_e2_cat.txt"] == opened[f"{NAME}_e3_atr.txt"] == 1
    assert len(opened) == 5 * 7


# What votes make of a label


def test_a_single_other_vote_is_the_second_emotion():
    found = meaning("sad", "Sadness Sadness Frustration")
    assert (found.primary, found.secondary) == ("sadness", "frustration")
    assert (found.match_leaf, found.match_root) == ("exact", "exact")


def test_a_turn_without_a_label_is_the_root_that_most_of_its_votes_lie_under():
    found = meaning("xxx", "Happiness Excited Neutral")
    assert (found.primary, found.root, found.valence) == ("happiness", "happiness", "positive")
    assert (found.match_leaf, found.match_root) == ("broad", "broad")
    assert found.alternatives == ("excitement",)


def test_a_turn_between_two_roots_stays_ambiguous_with_both_as_readings():
    found = meaning("xxx", "Anger Sadness Anger Sadness")
    assert (found.primary, found.root, found.secondary) == ("ambiguous", "unknown", None)
    assert set(found.alternatives) == {"anger", "sadness"}
    assert found.match_root == "none"


def test_a_turn_of_as_many_emotions_as_raters_stays_ambiguous():
    found = meaning("xxx", "Neutral Fear Frustration")
    assert found.primary == "ambiguous"
    assert set(found.alternatives) == {"fear", "frustration", "neutral"}


def test_excitement_is_close_to_its_root_and_frustration_is_no_anger():
    for label, node, root, match in (
        ("exc", "excitement", "happiness", "close"),
        ("fru", "frustration", "anger", "broad"),
    ):
        found = meaning(label, "")
        assert (found.primary, found.root) == (node, root)
        assert (found.match_leaf, found.match_root) == ("exact", match)


def test_the_coarse_label_of_a_fine_one_is_no_second_emotion():
    found = meaning("exc", "Excited Excited Happiness")
    assert (found.primary, found.secondary, found.alternatives) == ("excitement", None, ())


# Where it lies


def test_the_folder_around_the_release_is_understood(tmp_path):
    root = tree(tmp_path / "IEMOCAP_full_release")
    reader = open_reader("iemocap", tmp_path, with_media=False)
    assert (reader.root, len(reader.files)) == (root, 5 * 7)
    assert read(tmp_path) == read(root)


def test_a_missing_folder_is_named(tmp_path):
    assert refused(tmp_path / "gone") == (
        f"there is no folder {tmp_path / 'gone'}; expected the folder that "
        "IEMOCAP_full_release.tar.gz unpacks to; check the path given with --source"
    )


def test_an_archive_is_to_be_unpacked(tmp_path):
    archive = tmp_path / "IEMOCAP_full_release.tar.gz"
    archive.write_bytes(b"\x1f\x8b")
    tree = "expected the folder that IEMOCAP_full_release.tar.gz unpacks to"
    assert refused(archive) == (
        f"{archive} is a file; {tree}; unpack it and pass the folder with --source"
    )
    assert refused(tmp_path) == (
        f"Session1 to Session5 not found in {tmp_path}; {tree}; "
        "unpack IEMOCAP_full_release.tar.gz there"
    )


@pytest.mark.parametrize("level", ["Session1", "Session1/dialog", "Session1/dialog/EmoEvaluation"])
def test_the_wrong_level_of_the_tree_is_answered_with_what_was_looked_for(level, tmp_path):
    folder = tree(tmp_path) / level
    assert refused(folder) == (
        f"Session1 to Session5 not found in {folder}; expected the folder that "
        "IEMOCAP_full_release.tar.gz unpacks to; check the path given with --source"
    )


def test_missing_media_are_answered_with_where_they_were_looked_for(tmp_path):
    assert refused(tree(tmp_path), media=True) == (
        "the media are missing: no sentences/wav in Session1 to Session5 "
        f"in {tmp_path}; unpack IEMOCAP_full_release.tar.gz there, or use --text-only"
    )


def test_missing_media_of_one_session_are_said_and_the_others_are_read(tmp_path):
    tree(tmp_path)
    for session in "1235":
        (tmp_path / f"Session{session}" / "sentences" / "wav").mkdir(parents=True)
    assert refused(tmp_path, media=True).startswith(
        f"the media are missing: no sentences/wav in Session4 in {tmp_path}; unpack "
    )
    items = read(tmp_path, media=True, rules=QUARANTINE)
    assert only_reject(items).reason == "broken_file"
    assert sessions(items) == {f"Ses0{n}" for n in range(1, 6)}


# What is broken


def broken_file(source: Path) -> str:
    """Return what stops the build; assert that quarantine reads the other sessions all the same."""
    message = refused(source)
    items = read(source, rules=QUARANTINE)
    reject = only_reject(items)
    assert (reject.reason, reject.detail) == ("broken_file", message)
    assert sessions(items) >= {f"Ses0{n}" for n in range(2, 6)}
    return message


def test_a_session_that_is_not_there_is_said_and_the_others_are_read(tmp_path):
    tree(tmp_path)
    os.rename(tmp_path / "Session1", tmp_path / "first")
    assert broken_file(tmp_path) == (
        f"the dialogues of Session1 not found in {tmp_path}; expected the folder that "
        "IEMOCAP_full_release.tar.gz unpacks to; check the path given with --source"
    )


@pytest.mark.parametrize("path", [summary, transcript])
def test_a_file_that_is_not_there_is_said_and_the_others_are_read(path, tmp_path):
    path(tree(tmp_path)).unlink()
    assert broken_file(tmp_path) == (
        f"the file cannot be read (No such file or directory) in {path(tmp_path)}; "
        "unpack or download it again"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_a_file_in_a_foreign_encoding_is_said_and_the_others_are_read(encoding, tmp_path):
    for name, path, wrong in (
        ("summary", summary, "the file contains no evaluation in "),
        ("transcript", transcript, "the file contains no transcribed turn in "),
    ):
        file = path(tree(tmp_path / name))
        file.write_bytes(file.read_text().encode(encoding))
        message = broken_file(tmp_path / name)
        assert message.startswith(f"{wrong}{file}; expected ")
        assert message.endswith("; unpack or download it again")


@pytest.mark.parametrize("content", [b"", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"{}\n"])
def test_a_file_that_is_not_what_its_name_says_is_said_and_the_others_are_read(content, tmp_path):
    summary(tree(tmp_path)).write_bytes(content)
    assert broken_file(tmp_path) == (
        f"the file contains no evaluation in {summary(tmp_path)}; expected blocks that begin with "
        "[start - end], an id, a label and [valence, activation, dominance]; "
        "unpack or download it again"
    )


def test_a_raters_file_that_is_none_is_said_and_its_dialogue_is_read_all_the_same(tmp_path):
    path = evaluations(tree(tmp_path)) / "Categorical" / f"{NAME}_e2_cat.txt"
    path.write_bytes(path.read_text().encode("utf-16"))
    assert broken_file(tmp_path) == (
        f"the file contains no rating in {path}; expected lines such as {NAME}_F000 :Neutral "
        "state; "
        "(); unpack or download it again"
    )
    assert "F000" in utterances(read(tmp_path, rules=QUARANTINE))


def test_a_summary_that_is_cut_costs_the_turn_it_is_cut_in(tmp_path):
    tree(tmp_path, Turn("F000"), Turn("F001", start=4), Turn("F002", start=8))
    text = summary(tmp_path).read_text()
    summary(tmp_path).write_text(text[: text.index("F001") + 6])
    items = read(tmp_path)
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"iemocap-all-{NAME}-F001", "broken_block")
    assert reject.detail == (
        f"EmoEvaluation/{NAME}.txt:10: it does not begin with [start - end], an id, a label and "
        "[valence, activation, dominance]"
    )
    assert {name: u.targetable for name, u in utterances(items).items()} == {
        "F000": True,
        "F002": False,
    }
    assert notes(tmp_path) == {"turns_without_evaluation": 1, "ratings_without_evaluation": 1}


@pytest.mark.parametrize(
    ("old", "new", "reason", "detail"),
    [
        ("[1.0000 - ", "[1.o000 - ", "broken_time", "a time is '1.o000'; expected seconds"),
        ("- 2.5000]\t", "- nan]\t", "broken_time", "a time is 'nan'; expected seconds"),
        (f"{NAME}_F001", "Ses01F_impro02_F001", "broken_id", f"F001 is not a turn of {NAME}"),
        (f"{NAME}_F001", f"{NAME}_F01b", "broken_id", f"F01b is not a turn of {NAME}"),
        (
            "[2.5000, 3.0000, 2.5000]",
            "[2.5000, 3.0000]",
            "broken_block",
            "does not hold three values",
        ),
        ("\tneu\t", "\t", "broken_block", "it does not begin with [start - end]"),
        (f"[1.0000 - 2.5000]\t{NAME}", f"\t{NAME}", "broken_block", "it does not begin with"),
    ],
)
def test_a_broken_block_is_a_reject_and_the_others_are_read(old, new, reason, detail, tmp_path):
    tree(tmp_path, Turn("F000", start=0.5), Turn("F001"), Turn("F002", start=8))
    path = summary(tmp_path)
    first, second, rest = path.read_text().partition("[1.0000")
    path.write_text(first + (second + rest).replace(old, new, 1))
    items = read(tmp_path)
    reject = only_reject(items)
    assert (reject.reason, reject.split) == (reason, "all")
    assert reject.detail.startswith(f"EmoEvaluation/{NAME}.txt:10: ") and detail in reject.detail
    kept = {name for name, u in utterances(items).items() if u.targetable}
    assert kept == {"F000", "F002"}


def test_an_id_that_comes_twice_is_a_reject_in_either_file(tmp_path):
    first = tree(tmp_path / "1", Turn("F000"), Turn("F000", label="ang", start=5), Turn("F001"))
    reject = next(item for item in read(first) if isinstance(item, Reject))
    assert (reject.id, reject.reason) == (f"iemocap-all-{NAME}-F000", "duplicate_id")
    tree(tmp_path / "2", Turn("F000"), Turn("F000", "Said again.", None))
    items = read(tmp_path / "2")
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"iemocap-all-{NAME}-F000", "duplicate_id")
    assert reject.detail == f"transcriptions/{NAME}.txt:2: the transcript has the id twice"
    assert utterances(items)["F000"].text == "This is what is said."


def test_bytes_that_are_not_utf8_cost_one_turn_and_not_a_comment(tmp_path):
    tree(tmp_path, Turn("F000", "A CAFE."), Turn("F001"), Turn("MXX0", "CAFE", None))
    for path, old in ((transcript(tmp_path), b"CAFE"), (summary(tmp_path), b"()")):
        path.write_bytes(path.read_bytes().replace(old, b"(caf\xe9\xe8)"))
    items = read(tmp_path)
    rejects = {item.id: item for item in items if isinstance(item, Reject)}
    assert set(rejects) == {f"iemocap-all-{NAME}-{name}" for name in ("F000", "MXX0")}
    assert {reject.reason for reject in rejects.values()} == {"not_utf8"}
    assert "caf\\xe9\\xe8" in rejects[f"iemocap-all-{NAME}-MXX0"].raw["row"]
    assert list(utterances(items)) == ["F001"]


def test_a_turn_without_text_is_a_reject(tmp_path):
    items = read(tree(tmp_path, Turn("F000", " "), Turn("F001")))
    reject = only_reject(items)
    assert (reject.id, reject.reason) == (f"iemocap-all-{NAME}-F000", "empty_text")


@pytest.mark.parametrize(
    ("turn", "named"),
    [
        (Turn("F000", label="bor"), "'bor' (1 seen)"),
        (Turn("F000", votes="E2:Boredom E3:Boredom E4:Fear"), "'Boredom' (1 seen)"),
    ],
)
def test_a_label_or_a_vote_without_a_row_stops_the_build_in_one_line(turn, named, tmp_path):
    tree(tmp_path, turn)
    where = ("--source", tmp_path, "--text-only")
    ended = hearten("build", "--corpus", "iemocap", *where, cwd=tmp_path)
    assert ended.code == 1
    (line,) = ended.err.strip().splitlines()
    assert f"emotion labels without a row: {named}" in line and "iemocap.sssom.tsv" in line
