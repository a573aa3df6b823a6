"""What our own cases show, counted from their tables: pairs, lengths, voices, openings, tags."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from invented import target, utterance

from builders.labels import strategies
from builders.labels.tables import read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.planned_reply import PlannedReply
from builders.record.reply_views import ReplyPart
from builders.record.types import Emotions
from builders.report.set_checks.measures import Texts, near, opener, same
from builders.resources import prompts
from builders.tasks.reply.checks.candidate import Candidate, Scene
from builders.tasks.reply.checks.registry import all_hits
from builders.tasks.reply.checks.text import read_text
from builders.tasks.reply.demonstration_tables import built_in, read_cases
from builders.tasks.reply.demonstrations import LEAST, SHOWN, Demonstration, Demonstrations
from builders.tasks.reply.planning import reply_emotions
from builders.tasks.reply.planning_tables import load_plan_tables
from builders.tasks.reply.tagging import UNKNOWN, tag

OURS = read_cases(built_in("en"))
SET = Demonstrations(OURS, "ours")
PERSONAS = ("assistant", "addressee")
QUESTIONS = {name for name, one in strategies.strategies().items() if one.kind == "question"}


def emotions_of(node: str) -> Emotions:
    words = vocabulary()
    return Emotions(node, words.root_of(node), words.valence(node), words.arousal(node))


def pairs() -> set[tuple[str, str]]:
    """Return each coarse label with each strategy that the policy allows to it or a fine one."""
    return {
        (vocabulary().root_of(node), name)
        for node in vocabulary().nodes
        for name in strategies.allowed(emotions_of(node), 2)
    }


def test_the_policy_leaves_87_pairs_to_coarse_labels_and_92_with_their_fine_ones():
    coarse = {
        (root, name)
        for root in vocabulary().roots
        for name in strategies.allowed(emotions_of(root), 2)
    }
    assert (len(coarse), len(pairs())) == (87, 92)


def test_each_pair_of_strategy_and_coarse_label_has_eight_cases():
    shown = Counter((case.root, one) for case in OURS for one in case.strategies)
    assert not {pair: shown[pair] for pair in pairs() if shown[pair] < 8}


def test_a_hundred_cases_do_two_things_and_none_of_them_in_nine_words():
    two = [case for case in OURS if len(case.strategies) == 2]
    assert len(two) >= 100
    assert min(len(case.reply.split()) for case in two) > load_plan_tables().bands[0].high


def test_every_band_of_length_has_a_tenth_less_a_bit_and_no_reply_is_out_of_all():
    bands = load_plan_tables().bands
    counts = Counter(
        next(band for band in bands if band.low <= len(case.reply.split()) <= band.high)
        for case in OURS
    )
    assert len(counts) == 4 and min(counts.values()) >= 60


def test_both_personas_are_shown_all_strategies():
    for persona in PERSONAS:
        mine = [case for case in OURS if persona in case.personas]
        assert len(mine) > len(OURS) / 2
        assert {one for case in mine for one in case.strategies} == {*strategies.strategies()}


def test_voices_are_told_in_our_measured_words():
    known = {row.cells["words"] for row in read_rows(prompts() / "voice/words.tsv", ["words"], [])}
    told = Counter(one for case in OURS if case.voice for one in case.voice.split(", "))
    assert not told.keys() - known
    assert sum(case.voice is not None for case in OURS) > len(OURS) / 2 and len(told) >= 12


def test_cases_are_short_talks_and_a_sum_has_something_to_sum_up():
    for case in OURS:
        own = sum(who == "Speaker" for who, _ in case.turns)
        assert len(case.turns) <= 3
        assert "summarization" not in case.strategies or own >= 2, case.id


def test_no_two_cases_answer_or_ask_alike():
    assert len({case.reply for case in OURS}) == len(OURS)
    assert len({case.said for case in OURS}) == len(OURS)


def test_our_cases_pass_the_checks_of_a_set():
    words = [read_text(case.reply).spoken for case in OURS]
    texts = Texts(words, [case.reply_emotion for case in OURS], 10_000)
    assert (same(texts), near(texts)) == (0, 0)
    assert opener(texts) <= 0.02


def test_every_case_passes_all_checks_for_each_persona():
    found = {
        (case.id, persona, check.code): dict(hit.words)
        for case in OURS
        for persona in case.personas
        for check, hit in all_hits(candidate(case, persona))
    }
    assert not found


def test_the_tagger_agrees_with_every_case_or_does_not_know():
    for case in OURS:
        tags = [one.strategy for one in tag(case.reply, emotions_of(case.emotion).valence)]
        assert agrees(tags, case.strategies), (case.id, tags)


def test_every_case_is_spoken_as_a_plan_of_it_allows():
    for case in OURS:
        spoken = reply_emotions(emotions_of(case.emotion), case.strategies)
        assert vocabulary().root_of(case.reply_emotion) in spoken, case.id


def candidate(case: Demonstration, persona: str) -> Candidate:
    """Return a case as the checks take it."""
    reply: ReplyPart = {
        "text": case.reply,
        "emotion": vocabulary().root_of(case.reply_emotion),
        "strategies": list(case.strategies),
        "awareness": {"act": "", "emotions": []},
    }
    scene = Scene(case.utterance, tuple(text for _, text in case.turns), persona=persona)
    return Candidate(reply, emotions_of(case.emotion), scene=scene)


def agrees(tags: list[str], strategies: tuple[str, ...]) -> bool:
    """Return whether tags are some of the strategies in their order; questions count as one."""
    if tags == [UNKNOWN]:
        return True
    left = iter("question" if name in QUESTIONS else name for name in strategies)
    return all(("question" if name in QUESTIONS else name) in left for name in tags)


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_label_and_every_plan_is_shown_two_or_three_cases(persona: str):
    for node in vocabulary().nodes:
        subject = target(1, emotions_of(node), utterance=utterance(1, text="Well, yes."))
        assert len(SET.shown(subject, persona, 2)) == SHOWN
        names = strategies.allowed(subject.emotions, 2)
        for acts in [*((one,) for one in names), *product(names, names)]:
            if strategies.order_errors(acts, subject.emotions):
                continue
            spoken = reply_emotions(subject.emotions, acts)
            plan = PlannedReply(acts, (10, 18), spoken)
            assert LEAST <= len(SET.shown(subject, persona, 2, plan)) <= SHOWN, (node, acts)


def test_a_plan_of_one_act_is_shown_cases_that_do_it():
    for root, name in sorted(pairs()):
        nodes = [node for node in vocabulary().nodes if vocabulary().root_of(node) == root]
        node = next(one for one in nodes if name in strategies.allowed(emotions_of(one), 2))
        if strategies.order_errors((name,), emotions_of(node)):
            continue
        plan = PlannedReply((name,), (4, 48), reply_emotions(emotions_of(node), (name,)))
        subject = target(1, emotions_of(node), utterance=utterance(1, text="Well, yes."))
        found = SET.shown(subject, "assistant", 2, plan)
        assert all(name in case.strategies for case in found), (root, name)


def test_a_build_does_not_ask_the_checks_about_them_again(monkeypatch):
    monkeypatch.setattr(
        "builders.tasks.reply.demonstration_tables.run_checks", lambda _: pytest.fail("asked")
    )
    assert read_cases(built_in("en"), known=True) == OURS
