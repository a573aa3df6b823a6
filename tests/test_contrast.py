"""The same words said otherwise: by the same speaker a group, by others a link."""

from __future__ import annotations

from builders.contrast import MAX_TWINS, Twins, contrasts
from builders.records import Dialogue, Emotions, Utterance

ANGRY = Emotions("anger", "anger", "negative", "high")
CALM = Emotions("neutral", "neutral", "neutral", "low")
UNCLEAR = Emotions("ambiguous", "unknown", "unknown", "unknown")


def said(name: str, speaker: str = "a", text: str = "It is cold.") -> Utterance:
    return Utterance(speaker, name, 1, speaker, text, None, id=f"x-all-{speaker}-{name}")


def placed(*pairs: tuple[Utterance, Emotions | None]):
    dialogue = Dialogue("all", "a", [utterance for utterance, _ in pairs])
    return contrasts(dialogue, [emotions for _, emotions in pairs], Twins())


def test_words_heard_as_two_emotions_are_a_group_in_which_each_has_its_emotion():
    first, second = placed((said("1"), ANGRY), (said("2"), CALM))
    assert (first.group, first.role) == ("x-all-a", "anger")
    assert (second.group, second.role) == ("x-all-a", "neutral")


def test_words_heard_as_one_emotion_are_no_group():
    assert [one.group for one in placed((said("1"), ANGRY), (said("2"), ANGRY))] == [None, None]


def test_what_is_not_known_to_be_one_emotion_is_in_no_group():
    found = placed((said("1"), ANGRY), (said("2"), CALM), (said("3"), UNCLEAR), (said("4"), None))
    assert [one.role for one in found] == ["anger", "neutral", None, None]
    assert [one.group is None for one in found] == [False, False, True, True]


def test_a_clip_that_cannot_stand_for_its_words_is_in_no_group():
    dialogue = Dialogue("all", "a", [said("1"), said("2")])
    found = contrasts(dialogue, [ANGRY, CALM], Twins(), {"x-all-a-2"})
    assert [one.group for one in found] == [None, None]


def test_twins_are_the_same_words_by_others_and_never_ones_own():
    twins = Twins()
    spoken = [said(str(n), speaker) for speaker in "abcdefghijkl" for n in range(3)]
    for utterance in [*spoken, said("1", "z", "It is warm.")]:
        twins.add(utterance)
    twins.freeze()
    for utterance in spoken:
        found = twins.of(utterance)
        assert len(found) == len(set(found)) == MAX_TWINS
        assert not [name for name in found if name.split("-")[2] in (utterance.speaker, "z")]
    linked = {name for utterance in spoken for name in twins.of(utterance)}
    assert len(linked) > len(spoken) / 2  # they are spread, not always the same few
    assert twins.of(said("1", "z", "It is warm.")) == ()
