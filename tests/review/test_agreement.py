from dataclasses import replace

import pytest
from views import item, view

from builders.errors import ConfigError
from builders.release.rules import PublishRules, judge, read_rules
from builders.review.data.events import Decision
from builders.review.outcome.agreement import Move, agreement, anchoring, gold_results, moves

ACCEPT, REJECT = Decision("accept", hidden=False), Decision("reject", reason="generic")
VALIDATE = replace(ACCEPT, strategies=("validation",))
ASK = replace(ACCEPT, strategies=("validation", "inquiry"))
ASK_OPENLY = replace(ACCEPT, strategies=("validation", "open_ended_questioning"))


def by(rows, measure, kind="all", group=""):
    (only,) = [r.alpha for r in rows if (r.measure, r.by, r.group) == (measure, kind, group)]
    return only


def test_moved_labels_are_counted_by_label_and_emotion_heard():
    grief, shame = (Decision("accept", emotion=name) for name in ("grief", "shame"))
    plain = Decision("accept")
    given = [
        view(item(0, emotion="anger"), a=grief, b=grief, c=plain),
        view(item(1, emotion="anger"), a=grief, b=plain),
        view(item(2, emotion="anger"), a=shame, b=Decision("accept", emotion="anger")),
        view(item(3, emotion="fear"), a=plain, b=plain),
        view(item(4, emotion="fear"), a=plain, gold=shame),
    ]
    assert moves(given) == [
        Move("anger", "grief", 3, ("meld-dev-0-1",)),
        Move("anger", "shame", 1, ()),
        Move("fear", "shame", 0, ("meld-dev-4-1",)),
    ]


def test_agreement_is_given_for_all_and_by_corpus_label_and_pair():
    views = [
        view(item(1), a=ACCEPT, b=ACCEPT),
        view(item(2, corpus="iemocap"), a=ACCEPT, b=REJECT),
        view(item(3, label="anger"), a=REJECT, b=REJECT, c=ACCEPT),
        view(item(4), a=ACCEPT),
    ]
    rows = agreement(views)
    assert by(rows, "verdict").items == 3 and by(rows, "verdict").values == 7
    assert by(rows, "verdict", "corpus", "meld").items == 2
    assert by(rows, "verdict", "corpus", "iemocap").observed == 0
    assert by(rows, "verdict", "label", "anger").values == 3
    assert by(rows, "verdict", "pair", "a b").items == 3
    assert by(rows, "verdict", "pair", "b c").items == 1
    assert {row.measure for row in rows} == {"verdict"}


def test_agreement_on_strategies_is_of_sets_and_also_with_the_two_kinds_of_asking_as_one():
    views = [
        view(item(1), a=VALIDATE, b=VALIDATE),
        view(item(2), a=ASK, b=ASK_OPENLY),
        view(item(3), a=ASK, b=ACCEPT),
    ]
    rows = agreement(views, ("all",))
    assert by(rows, "strategies").items == 2
    assert by(rows, "strategies").alpha < 1 == by(rows, "strategies_merged").alpha


def test_the_order_of_strategies_is_no_disagreement():
    turned = replace(ACCEPT, strategies=("inquiry", "validation"))
    views = [view(item(1), a=ASK, b=turned), view(item(2), a=VALIDATE, b=VALIDATE)]
    assert by(agreement(views, ("all",)), "strategies").alpha == 1


def test_a_label_left_alone_and_a_rating_not_given_are_no_answers():
    fear = replace(ACCEPT, emotion="fear", ratings={"fit": 4})
    views = [view(item(1), a=ACCEPT, b=fear), view(item(2), a=fear, b=fear)]
    rows = agreement(views, ("all",))
    assert (by(rows, "emotion").items, by(rows, "emotion").observed) == (1, 1)
    label = replace(ACCEPT, emotion=views[0].item.emotion)
    named = agreement([view(item(1), a=label, b=fear), *views], ("all",))
    assert (by(named, "emotion").items, by(named, "emotion").observed) == (2, 0.5)
    assert by(rows, "fit").items == 1 and by(rows, "fit").alpha is None
    counted = {row.measure: (row.answered, row.asked) for row in rows}
    assert counted == {"verdict": (4, 4), "emotion": (3, 4), "fit": (3, 4)}


def test_two_people_are_compared_only_where_both_said_something():
    fear = replace(ACCEPT, emotion="fear")
    rows = agreement([view(item(1), a=ACCEPT, b=fear)], ("all", "pair"))
    assert [(row.measure, row.by) for row in rows] == [
        ("verdict", "all"), ("verdict", "pair"), ("emotion", "all"),
    ]  # fmt: skip


def test_gold_items_test_annotators_and_are_left_out_of_agreement():
    gold, heard = item(1, gold=True), replace(REJECT, emotion="fear")
    views = [
        view(gold, gold=heard, a=heard, b=REJECT),
        view(item(2, gold=True), gold=VALIDATE, a=ASK, b=VALIDATE),
    ]
    assert agreement(views) == []
    assert [(r.annotator, r.decided, r.right) for r in gold_results(views)] == [
        ("a", 2, 1),
        ("b", 2, 1),
    ]


def test_an_adjudication_is_no_value():
    from views import event

    from builders.review.outcome.merge import merge

    one = item(1)
    made = [
        event(one, "a", ACCEPT, number=1),
        event(one, "b", REJECT, number=2),
        event(one, "lead", ACCEPT, "adjudication", 3),
    ]
    assert by(agreement([merge(one, made)], ("all",)), "verdict").values == 2


def test_seeing_the_draft_is_compared_with_not_seeing_it():
    hidden = replace(VALIDATE, hidden=True, before={"strategies": ["inquiry"]})
    unmoved = replace(VALIDATE, hidden=True, before={"strategies": ["validation"]})
    views = [
        view(item(1), a=VALIDATE, b=VALIDATE),
        view(item(2), a=ASK, b=hidden),
        view(item(3), a=hidden, b=unmoved),
        view(item(4), a=REJECT, b=replace(ACCEPT, hidden=True)),
        view(item(5), a=replace(ASK, hidden=None)),
    ]
    found = anchoring(views)
    assert (found.shown, found.hidden) == (3, 3), "of neither where it is not said"
    assert found.like_draft_shown == pytest.approx(2 / 3)
    assert found.like_draft_hidden == pytest.approx(1 / 3)
    assert found.moved == pytest.approx(2 / 3)
    assert (found.alpha_shown.items, found.alpha_hidden.items) == (1, 1)
    assert found.alpha_hidden.observed == 0
    assert found.effect.difference == pytest.approx(1 / 3) and not found.effect.is_told


def test_with_enough_answers_it_is_told_that_the_draft_moved_them():
    hidden = replace(VALIDATE, hidden=True, before={"strategies": ["inquiry"]})
    found = anchoring([view(item(n), a=VALIDATE, b=hidden) for n in range(12)])
    assert found.effect.difference == 1 and found.effect.low > 0.6 and found.effect.is_told


def test_a_draft_that_is_taken_as_it_is_keeps_its_strategies():
    """Nobody need choose again what they accept; as agreement it is not said."""
    made = view(item(1), a=ACCEPT, b=replace(ASK, hidden=False))
    found = anchoring([made])
    assert (found.shown, found.like_draft_shown) == (2, 0.5)
    assert by(agreement([made], ("all",)), "strategies").items == 0
    gold = view(item(2, gold=True), gold=VALIDATE, a=ACCEPT, b=ASK)
    assert [(one.annotator, one.right) for one in gold_results([gold])] == [("a", 1), ("b", 0)]


def test_nothing_hidden_says_nothing():
    found = anchoring([view(item(1), a=VALIDATE)])
    assert found.moved is None and found.like_draft_hidden is None
    assert found.effect is None


def many(count, *pairs):
    """Return views of so many items, whose pairs of decisions come in turn."""
    return [
        view(item(n), a=pairs[n % len(pairs)][0], b=pairs[n % len(pairs)][1]) for n in range(count)
    ]


def test_without_rules_nothing_is_judged():
    assert judge(read_rules({}), many(3, (ACCEPT, REJECT)), 10) == []


def test_the_share_of_settled_samples_is_a_rule():
    views = [*many(8, (ACCEPT, ACCEPT)), *many(2, (ACCEPT, REJECT))]
    (found,) = judge(PublishRules(reviewed_share=0.8), views, 10)
    assert found.passed and "8 of 10 samples are reviewed and undisputed" in found.sentence
    (found,) = judge(PublishRules(reviewed_share=0.81), views, 10)
    assert not found.passed
    (found,) = judge(PublishRules(reviewed_share=0.1), [], 0)
    assert not found.passed


def test_agreement_is_asked_only_from_fifty_items_on():
    apart = (VALIDATE, replace(ACCEPT, strategies=("celebration",)))
    (found,) = judge(PublishRules(alpha_strategy=0.67), many(49, apart), 49)
    assert found.passed and "the rule applies from 50 items" in found.sentence
    (found,) = judge(PublishRules(alpha_strategy=0.67), many(50, apart), 50)
    assert not found.passed and "agreement on strategies is -" in found.sentence
    alike = many(60, (VALIDATE, VALIDATE), (ASK, ASK))
    (found,) = judge(PublishRules(alpha_strategy=0.67), alike, 60)
    assert found.passed and "is 1.00 over 60 items; 0.67 is required" in found.sentence


def test_agreement_that_nobody_has_made_is_not_reached():
    rules = PublishRules(alpha_strategy=0.67, alpha_affect=0.45)
    found = judge(rules, [], 10)
    assert [(f.rule, f.passed, f.sentence) for f in found] == [
        ("alpha_strategy", False, "no sample has been reviewed"),
        ("alpha_affect", False, "no sample has been reviewed"),
    ]


def test_undefined_agreement_passes_where_the_pairs_agree():
    (found,) = judge(PublishRules(alpha_strategy=0.67), many(60, (VALIDATE, VALIDATE)), 60)
    assert found.passed and "is undefined; 100% of the pairs agree" in found.sentence


def test_each_scale_must_reach_the_least_agreement():
    low, high = (replace(ACCEPT, ratings={"fit": n, "restraint": n}) for n in (1, 5))
    apart = replace(ACCEPT, ratings={"fit": 5, "restraint": 1})
    views = many(60, (low, low), (high, high), (low, apart))
    found = {
        f.sentence.split()[2]: f.passed for f in judge(PublishRules(alpha_affect=0.6), views, 60)
    }
    assert found == {"fit": False, "restraint": True, "have": True}


@pytest.mark.parametrize("wrong", [-0.1, 1.5, "much", True])
def test_a_rule_that_is_no_share_is_named(wrong):
    with pytest.raises(ConfigError, match="publish.alpha_strategy is .*; expected a number"):
        read_rules({"publish": {"alpha_strategy": wrong}})
