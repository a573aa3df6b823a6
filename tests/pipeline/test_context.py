import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import HAPPY, InventedReader, corpus, utterance

from builders.llm.settings import Sampling
from builders.pipeline.context import Conversation
from builders.pipeline.selection import Wanted
from builders.pipeline.stream import Stream, survey
from builders.record.manifest import Ledger
from builders.record.types import Dialogue
from builders.tasks.reply.draft import Drafter

SPEAKERS = ["Mira", "Jon", "Oda", "Mira and Jon", None]
TIMES = st.none() | st.floats(0, 600, allow_nan=False)
TURNS = st.integers(0, 10)
PERSONAS = st.sampled_from(["assistant", "addressee"])
LABELS = st.sampled_from(["joy", "neutral", "sadness", "surprise", "anger"])


@st.composite
def dialogues(draw: st.DrawFn, name: str = "1") -> Dialogue:
    """A dialogue in which every utterance says a word that nobody else says."""
    count = draw(st.integers(1, 14))
    utterances = [
        utterance(
            number,
            dialogue=name,
            speaker=draw(st.sampled_from(SPEAKERS)),
            text=f"well, zq{name}x{number}e then",
            label=draw(LABELS),
            start=draw(TIMES),
            end=draw(TIMES),
        )
        for number in range(count)
    ]
    return Dialogue("dev", name, utterances, f"at the pier, bg{name}e", "scene")


@st.composite
def places(draw: st.DrawFn) -> tuple[Dialogue, int]:
    dialogue = draw(dialogues())
    return dialogue, draw(st.integers(0, len(dialogue.utterances) - 1))


def attached(place, turns, persona):
    dialogue, index = place
    emotions = [HAPPY] * len(dialogue.utterances)
    return Conversation(dialogue, emotions, turns, persona).target(index)


@given(places(), TURNS, PERSONAS)
def test_context_is_the_turns_right_before_the_target_oldest_first(place, turns, persona):
    dialogue, index = place
    context = [turn.utterance for turn in attached(place, turns, persona).turns]
    assert context == dialogue.utterances[max(0, index - turns) : index]


@given(places(), TURNS)
def test_an_assistant_from_outside_speaks_in_no_turn(place, turns):
    target = attached(place, turns, "assistant")
    assert target.addressee is None
    for turn in target.turns:
        own = turn.utterance.speaker == target.utterance.speaker
        assert turn.role == ("user" if own else "other")


@given(places(), TURNS)
def test_the_addressee_is_who_spoke_last_before_the_target_or_else_first_after_it(place, turns):
    dialogue, index = place
    target = attached(place, turns, "addressee")
    speakers = [u.speaker for u in dialogue.utterances]
    nearest = [*reversed(speakers[:index]), *speakers[index + 1 :]]
    others = [speaker for speaker in nearest if speaker != target.utterance.speaker]
    assert target.addressee == (others[0] if others else None)
    for turn in target.turns:
        if turn.utterance.speaker == target.utterance.speaker:
            assert turn.role == "user"
        elif turn.utterance.speaker is None:
            assert turn.role == "other"
        else:
            assert (turn.role == "assistant") == (turn.utterance.speaker == target.addressee)


@given(places(), TURNS)
def test_a_gap_runs_from_the_end_of_a_turn_to_the_start_of_the_next(place, turns):
    dialogue, index = place
    context = attached(place, turns, "assistant").turns
    following = dialogue.utterances[index - len(context) + 1 : index + 1]
    for turn, after in zip(context, following, strict=True):
        if turn.utterance.end is None or after.start is None:
            assert turn.gap_seconds is None
        else:
            assert turn.gap_seconds == pytest.approx(after.start - turn.utterance.end, abs=1e-3)


@given(places(), PERSONAS)
def test_the_reference_is_the_next_utterance_of_another_speaker(place, persona):
    dialogue, index = place
    target = attached(place, 8, persona)
    later = dialogue.utterances[index + 1 :]
    while later and later[0].speaker == target.utterance.speaker:
        later = later[1:]
    assert target.reference is (later[0] if later else None)


def test_joint_speakers_are_a_speaker_of_their_own():
    both = [utterance(n, speaker=s) for n, s in enumerate(["Mira and Jon", "Mira", "Jon"])]
    target = Conversation(Dialogue("dev", "1", both), [HAPPY] * 3, 8, "assistant").target(1)
    assert [turn.role for turn in target.turns] == ["other"]
    assert target.reference is both[2]


def test_an_utterance_without_an_emotion_cannot_be_a_target():
    with pytest.raises(ValueError, match="meld-dev-1-0 has no emotion"):
        Conversation(Dialogue("dev", "1", [utterance(0)]), [None], 8, "assistant").target(0)


@given(dialogues("1"), dialogues("2"), TURNS, PERSONAS)
def test_a_prompt_holds_the_words_of_its_turns_and_its_target_and_no_others(
    first, second, turns, persona
):
    read = corpus(InventedReader({"dev": [first, second]}))
    drafter = Drafter("a-model", persona, "audio_visual", Sampling())
    seen = 0
    for target in Stream(read, survey(read, Wanted()), turns, persona, None, Ledger()):
        dialogue, index = target.utterance.dialogue, int(target.utterance.utterance)
        request = drafter.first_request(target)
        said = re.findall(r"(?:zq|bg)\w+e\b", str(request.messages))
        attached_words = [f"zq{dialogue}x{n}e" for n in range(max(0, index - turns), index + 1)]
        assert said == [f"bg{dialogue}e", *attached_words]
        seen += 1
    assert seen == len(first.utterances) + len(second.utterances)


def test_targets_taken_in_any_order_have_the_same_turns():
    said = [utterance(n, speaker=("Mira", "Jon", "Oda")[n % 3]) for n in range(9)]
    dialogue = Dialogue("dev", "1", said)
    once = Conversation(dialogue, [HAPPY] * 9, 4, "addressee")
    mixed = {n: once.target(n) for n in (8, 2, 5, 0, 7)}
    for number, target in mixed.items():
        assert target == Conversation(dialogue, [HAPPY] * 9, 4, "addressee").target(number)
        assert len(target.turns) == min(4, number)
