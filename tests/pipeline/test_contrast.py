"""The same words said otherwise: by the same speaker a group, by others a link."""

from __future__ import annotations

from collections import defaultdict

import pytest
from builds import hearten, samples
from trees_iemocap import Turn, write_dialogue

from builders.corpora import load_card, slugs
from builders.pipeline.minimal_pairs import MAX_TWINS, NO_MEMBER, Renderings, normalised
from builders.record.types import Emotions, Utterance

ANGRY = Emotions("anger", "anger", "negative", "high")
CROSS = Emotions("frustration", "anger", "negative", "medium")
CALM = Emotions("neutral", "neutral", "neutral", "low")
UNCLEAR = Emotions("ambiguous", "unknown", "unknown", "unknown")


def said(
    name: str, speaker: str = "a", text: str = "It is cold today.", dialogue: str | None = None
) -> Utterance:
    where = dialogue or speaker
    return Utterance(where, name, 1, speaker, text, None, id=f"x-all-{where}-{name}")


def placed(*pairs: tuple[Utterance, Emotions | None], within="dialogue", unfit=(), split="all"):
    known = Renderings(within, 3, unfit)
    for utterance, emotions in pairs:
        known.add(split, utterance, emotions)
    known.freeze()
    return [known.of(split, utterance) for utterance, _ in pairs]


def test_words_heard_as_two_emotions_are_a_group_in_which_each_has_its_emotion():
    first, second = placed((said("1"), ANGRY), (said("2"), CALM))
    assert (first.group, first.role) == ("x-all-a", "anger")
    assert (second.group, second.role) == ("x-all-a", "neutral")
    assert second.is_neutral_twin and not first.is_neutral_twin


def test_words_heard_as_one_emotion_are_no_group():
    assert [one.group for one in placed((said("1"), ANGRY), (said("2"), ANGRY))] == [None, None]
    assert [one.group for one in placed((said("1"), ANGRY), (said("2"), CROSS))] == [None, None]
    alone = placed((said("1"), CALM), (said("2"), CALM))
    assert not [one for one in alone if one.is_neutral_twin]


def test_what_is_not_known_to_be_one_emotion_is_in_no_group():
    found = placed((said("1"), ANGRY), (said("2"), CALM), (said("3"), UNCLEAR), (said("4"), None))
    assert [one.role for one in found] == ["anger", "neutral", None, None]
    assert [one.group is None for one in found] == [False, False, True, True]


def test_a_clip_that_cannot_stand_for_its_words_is_in_no_group():
    found = placed((said("1"), ANGRY), (said("2"), CALM), unfit={"x-all-a-2"})
    assert [one.group for one in found] == [None, None]
    assert "same_audio_as" in NO_MEMBER


def test_a_group_is_looked_for_in_the_dialogue_or_in_the_whole_split_as_the_card_says():
    here, there = said("1", dialogue="d1"), said("1", dialogue="d2")
    assert [c.group for c in placed((here, ANGRY), (there, CALM))] == [None, None]
    found = placed((here, ANGRY), (there, CALM), within="split")
    assert [c.group for c in found] == ["x-all-d1-1"] * 2, "named after its first member"


def test_a_group_lies_in_one_split_though_the_words_are_in_two():
    known = Renderings("split", 3)
    here, there = said("1", dialogue="d1"), said("1", dialogue="d2")
    known.add("train", here, ANGRY)
    known.add("test", there, CALM)
    known.freeze()
    assert known.of("train", here).group is None and known.of("test", there).group is None


def test_two_speakers_are_never_one_group_and_link_to_one_another():
    found = placed((said("1", "a"), ANGRY), (said("1", "b"), CALM), within="split")
    assert [one.group for one in found] == [None, None]
    assert [one.twin_of for one in found] == [("x-all-b-1",), ("x-all-a-1",)]
    nobody = placed((said("1", None, dialogue="d"), ANGRY), (said("2", None, dialogue="d"), CALM))
    assert [one.group for one in nobody] == [None, None]


def test_words_are_the_same_whatever_their_case_marks_and_tags():
    assert normalised("[LAUGHTER] It’s cold, TODAY!") == ["it's", "cold", "today"]
    pairs = ((said("1"), ANGRY), (said("2", text="it is [SIGH] cold... today?"), CALM))
    assert [one.group for one in placed(*pairs)] == ["x-all-a"] * 2


def test_short_words_are_not_looked_for():
    found = placed((said("1", text="Oh, no!"), ANGRY), (said("2", text="Oh no."), CALM))
    assert [(one.group, one.role, one.twin_of) for one in found] == [(None, None, ())] * 2


def test_twins_are_the_same_words_by_others_and_never_ones_own():
    twins = Renderings("dialogue", 3)
    spoken = [said(str(n), speaker) for speaker in "abcdefghijkl" for n in range(3)]
    warm = said("1", "z", "It is warm today.")
    for utterance in [*spoken, warm]:
        twins.add("all", utterance, ANGRY)
    twins.freeze()
    linked = set()
    for utterance in spoken:
        found = twins.of("all", utterance).twin_of
        assert len(found) == len(set(found)) == MAX_TWINS
        assert not [name for name in found if name.split("-")[2] in (utterance.speaker, "z")]
        linked |= set(found)
    assert len(linked) > len(spoken) / 2  # they are spread, not always the same few
    assert twins.of("all", warm).twin_of == ()


@pytest.mark.parametrize("slug", slugs())
def test_in_every_sample_a_group_is_one_speakers_same_words_in_one_split(slug, tmp_path):
    ended = hearten("build", "--corpus", slug, "--sample", "--text-only", "--output", tmp_path)
    assert ended.code == 0, ended.err
    groups = defaultdict(list)
    for record in samples(tmp_path / f"{slug}-sample"):
        contrast = record["contrast"]
        assert (contrast is not None) == (load_card(slug).contrast is not None)
        if contrast and contrast["group"]:
            groups[contrast["group"]].append(record)
    for members in groups.values():
        said_by = {record["target_utterance"]["speaker"]["id"] for record in members}
        words = {" ".join(normalised(r["target_utterance"]["text"])) for r in members}
        assert len({r["source"]["split"] for r in members}) == len(said_by) == len(words) == 1
        # The phrasebook's replies differ between roots by construction, whatever the seeds.
        replies = defaultdict(set)
        for record in members:
            replies[record["desired_response"]["text"]].add(
                record["target_utterance"]["emotions"]["root"]
            )
        assert {len(roots) for roots in replies.values()} == {1}
        assert len(replies) > 1
    assert bool(groups) == load_card(slug).fixed_words


def test_iemocaps_scenes_that_a_pair_played_twice_make_groups(tmp_path):
    line = "You never said a word."
    for dialogue, label, votes in (
        ("Ses01F_script01_1", "ang", "E2:Anger E3:Anger E4:Anger"),
        ("Ses01M_script01_1", "neu", "E2:Neutral E3:Neutral E4:Neutral"),
        ("Ses02F_script01_1", "sad", "E2:Sadness E3:Sadness E4:Sadness"),
    ):
        write_dialogue(tmp_path, dialogue, [Turn("F000", line, label, votes)])
    for session in "345":
        write_dialogue(tmp_path, f"Ses0{session}F_impro01", [Turn("F000")])
    ended = hearten(
        *("build", "--corpus", "iemocap", "--source", tmp_path, "--text-only"),
        *("--name", "played", "--output", tmp_path),
    )
    assert ended.code == 0, ended.err
    found = [record["contrast"] for record in samples(tmp_path / "played")][:3]
    first, second, other = found
    assert first["group"] == second["group"] == "iemocap-all-Ses01F_script01_1-F000"
    assert (first["role"], second["role"]) == ("anger", "neutral")
    assert (other["group"], other["role"]) == (None, None)
    assert first["twin_of"] == ["iemocap-all-Ses02F_script01_1-F000"]
