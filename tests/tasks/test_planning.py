"""The planner: what a reply is to do, drawn by the hash of its id from what people do."""

from __future__ import annotations

import shutil
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from builders import resources
from builders.errors import LabelError
from builders.labels import strategies
from builders.labels.vocabulary import vocabulary
from builders.pipeline.plan import make_plan
from builders.record.manifest import Ledger
from builders.record.planned_reply import PlannedReply
from builders.record.types import Emotions, Target, Turn, Utterance
from builders.settings import make_config
from builders.tasks.reply.checks.fit import fitting_reply_emotions
from builders.tasks.reply.circumstances import circumstances
from builders.tasks.reply.planning import Planner, last_done, possible_sequences, reply_emotions
from builders.tasks.reply.planning_tables import load_plan_tables, read_plan_tables

PLANNER = Planner()


def emotions(node: str) -> Emotions:
    """Return a label that is just this emotion."""
    known = vocabulary()
    return Emotions(node, known.root_of(node), known.valence(node), known.arousal(node))


def said(text: str, speaker: str = "Ida", name: str = "1") -> Utterance:
    """Return an utterance."""
    return Utterance("d", name, 0, speaker, text, None, id=f"x-train-d-{name}")


def target(text: str, node: str = "sadness", turns: tuple[Turn, ...] = (), name="1") -> Target:
    """Return a target with these words and this label."""
    utterance = said(text, name=name)
    return Target("train", utterance, emotions(node), None, None, list(turns), None)


def many(node: str, count: int = 2000) -> list[Target]:
    """Return targets that differ in their ids alone."""
    return [target("It all came down at once.", node, name=str(n)) for n in range(count)]


def test_a_plan_follows_from_the_record_alone():
    some = many("sadness", 40)
    forwards = [PLANNER.plan_for(one) for one in some]
    backwards = [Planner().plan_for(one) for one in reversed(some)]
    assert forwards == backwards[::-1]
    assert len({plan.strategies for plan in forwards if plan}) > 5


@pytest.mark.parametrize("node", vocabulary().nodes)
def test_every_plan_is_one_that_a_reply_may_follow(node):
    for one in many(node, 100):
        plan = PLANNER.plan_for(one)
        assert plan is not None
        assert set(plan.strategies) <= set(strategies.allowed(one.emotions, 0))
        assert not strategies.order_errors(plan.strategies, one.emotions)
        assert plan.reply_emotions
        assert set(plan.reply_emotions) <= fitting_reply_emotions(one.emotions)


def test_two_acts_never_have_the_shortest_band_and_every_band_occurs():
    plans = [plan for one in many("happiness") if (plan := PLANNER.plan_for(one))]
    bands = Counter((len(plan.strategies), plan.words) for plan in plans)
    assert {words for _, words in bands} == {(4, 9), (10, 18), (19, 30), (31, 48)}
    assert (2, (4, 9)) not in bands
    assert {acts for acts, _ in bands} == {1, 2}


@pytest.mark.parametrize("root", ["happiness", "sadness", "anger", "fear", "surprise", "mixed"])
def test_plans_do_each_thing_about_as_often_as_people(root):
    tables = load_plan_tables()
    plans = [plan for one in many(root) if (plan := PLANNER.plan_for(one))]
    rates = tables.rates(root)
    for heading in tables.headings:
        doing = sum(not set(plan.strategies).isdisjoint(heading.strategies) for plan in plans)
        people = sum(rates[act] for act in heading.acts)
        assert abs(100 * doing / len(plans) - people) < 10, heading.name


@pytest.mark.parametrize("slug", ["meld", "crema_d"])
def test_plans_for_real_targets_do_each_thing_about_as_often_as_people(slug, real_data):
    folder = real_data / slug
    config = make_config(corpus=slug, source=folder, name="planned", text_only=True)
    plans: dict[str, list[PlannedReply]] = defaultdict(list)
    for one in make_plan(config).targets(Ledger()):
        if isinstance(one, Target) and (plan := PLANNER.plan_for(one)):
            plans[one.emotions.root].append(plan)
    compared = 0
    for root, of in plans.items():
        for heading in load_plan_tables().headings if counted(root) and len(of) > 300 else ():
            doing = sum(not set(plan.strategies).isdisjoint(heading.strategies) for plan in of)
            people = sum(load_plan_tables().rates(root)[act] for act in heading.acts)
            assert abs(100 * doing / len(of) - people) < 10, (root, heading.name)
            compared += 1
    assert compared


def counted(root: str) -> bool:
    """Return whether somebody counted what people do when they answer a coarse label."""
    return bool(load_plan_tables().counted_for(root))


def test_no_sequence_of_two_has_more_than_its_cap():
    for node in vocabulary().nodes:
        sequences = possible_sequences(emotions(node), 2, frozenset(strategies.NEEDS), frozenset())
        assert sum(chance for _, chance in sequences) == pytest.approx(1)
        assert all(chance <= 0.25 + 1e-9 for names, chance in sequences if len(names) > 1)


@pytest.mark.parametrize(
    ("text", "node", "holds"),
    [
        ("I cannot find the key to the flat.", "sadness", "solvable"),
        ("What should I say to her now?", "fear", "solvable"),
        ("Thank you for coming all this way.", "happiness", "thanks"),
        ("Somebody said something about it.", "anger", "ambiguity"),
        ("The cake is blue.", "surprise", "ambiguity"),
    ],
)
def test_needs_are_met_by_the_words_or_the_label(text, node, holds):
    assert holds in circumstances(target(text, node))


def test_nothing_is_met_by_words_that_leave_nothing_to_do():
    assert circumstances(target("My grandfather died on Sunday morning.")) == frozenset()


@pytest.mark.parametrize(
    ("name", "node", "need"),
    [
        ("problem_solving", "sadness", "solvable"),
        ("clarification", "sadness", "ambiguity"),
        ("gratitude_expression", "happiness", "thanks"),
        ("summarization", "sadness", "two_own_turns"),
    ],
)
def test_a_strategy_is_planned_only_where_its_need_is_met(name, node, need):
    def planned(holds: frozenset[str]) -> set[str]:
        sequences = possible_sequences(emotions(node), 2, holds, frozenset())
        return {one for names, _ in sequences for one in names}

    others = frozenset(strategies.NEEDS) - {need}
    assert name not in planned(others)
    assert name in planned(others | {need})


def test_a_row_of_the_policy_can_say_that_nothing_is_needed():
    assert strategies.needs("clarification", "anger") == "ambiguity"
    assert strategies.needs("clarification", "neutral") == ""
    assert strategies.needs("problem_solving", "distress") == ""


def test_what_was_done_last_is_not_planned_again():
    asked = Turn(said("What happened then?", "Jo", "0"), "assistant", None, None)
    again = target("He left, and I sat there.", turns=(asked,))
    done = last_done(again)
    assert done == {"clarification"} or done == {"open_ended_questioning"}
    for number in range(200):
        plan = PLANNER.plan_for(replace(again, utterance=said("He left.", name=str(number))))
        assert plan
        assert done.isdisjoint(plan.strategies)


def test_what_was_done_last_comes_again_where_there_is_nothing_else():
    label, able = emotions("neutral"), frozenset({"two_own_turns"})
    everything = frozenset(strategies.strategies())
    assert possible_sequences(label, 2, able, everything)


def test_two_acts_are_spoken_in_what_both_may_be_spoken_in():
    assert reply_emotions(emotions("sadness"), ("problem_solving",)) == ("neutral",)
    both = reply_emotions(emotions("sadness"), ("empathetic_response", "problem_solving"))
    assert both == ("neutral",)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (
            "_people.tsv",
            "sadness\tsad\t857\t39",
            "sadness\tsad\t857\t40",
            r"the rates for sadness add up to 101 % in .*_people\.tsv:\d+; expected 100 %",
        ),
        (
            "_people.tsv",
            "anger\tangry\t863\t53",
            "anger\tangry\t863\tmany",
            r"question is 'many' .*:\d+",
        ),
        ("_people.tsv", "surprise\tsur", "anger\tsur", r"emotion is 'anger' .*line \d+"),
        ("_lengths.tsv", "4\t9\t40\t0", "4\t9\t41\t0", r"the column one_act adds up to 101 %"),
        ("_lengths.tsv", "4\t9\t", "14\t9\t", r"high is '9' .*at least 14"),
        ("_acts.tsv", "suggesting\t", "wishing\t", r"no strategy for suggesting"),
        (
            "_rules.tsv",
            "sequence_cap\t0.25",
            "sequence_cap\t25",
            r"value is '25' .*a share, 0 to 1",
        ),
        (
            "_measured.tsv",
            "suggesting\tproblem_solving",
            "suggesting\tvalidation",
            r"validation stan",
        ),
    ],
)
def test_a_wrong_table_is_an_error_with_file_and_line(tmp_path, name, old, new, words):
    folder = shutil.copytree(resources.label_maps() / "planning", tmp_path / "planning")
    table = Path(folder, name)
    text = table.read_text("utf-8")
    assert old in text
    table.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(LabelError, match=words) as raised:
        read_plan_tables(folder)
    assert "\n" not in str(raised.value)


def test_a_language_without_tables_cannot_be_planned():
    with pytest.raises(LabelError, match="'xx' cannot be checked"):
        Planner("xx")
