"""Audits: the sample, its exact bounds, the page, and what comes of it."""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections import Counter
from math import comb

import pytest
from builds import ROOT, hearten, one_line_error
from deciding import decide
from serving import Server, Visitor

from builders.record.dataset import Build
from builders.review.data.audits import AuditPlan, AuditQueue, in_order
from builders.review.data.events import Decision
from builders.review.outcome.audit import begin, outcome, settle
from builders.review.outcome.exact import Looked, rows_needed, share_at_least, share_at_most

sys.path.insert(0, str(ROOT / "bench"))
from audit import RATES, coverage  # noqa: E402 - it is a measurement

ACCEPT, REJECT = Decision("accept"), Decision("reject", reason="generic")


def test_as_many_rows_are_needed_as_the_binomial_distribution_says():
    assert [rows_needed(0.02, 0.95, allowed) for allowed in range(4)] == [149, 236, 313, 386]
    assert rows_needed(0.05, 0.95) == 59 and rows_needed(0.02, 0.99) == 228
    assert rows_needed(0.02, 0.95, of=10_000) == 149
    # One of 31 rows would be too many: all but one, whose chance is 1 in 31.
    assert rows_needed(0.02, 0.95, of=31) == 30
    assert 60 < rows_needed(0.02, 0.95, of=100) < 149


def test_the_bounds_are_those_of_the_hypergeometric_distribution():
    seen = Looked(200, 50, 3)
    most, least = round(share_at_most(seen, 0.025) * 200), round(share_at_least(seen, 0.025) * 200)

    def up_to(bad: int, wrong: int) -> float:
        return sum(comb(wrong, k) * comb(200 - wrong, 50 - k) for k in range(bad + 1)) / comb(
            200, 50
        )

    assert up_to(3, most) > 0.025 >= up_to(3, most + 1)
    assert 1 - up_to(2, least) > 0.025 >= 1 - up_to(2, least - 1)
    assert (
        share_at_most(Looked(31, 31, 2), 0.05) == 2 / 31 == share_at_least(Looked(31, 31, 2), 0.05)
    )


def test_a_sample_that_stopped_early_has_bounds_that_hold_for_every_order():
    """Of every set of 7 rows, in all orders: more than `doubt` of them are not outside a bound."""
    for wrong in range(8):
        rows = [True] * wrong + [False] * (7 - wrong)
        below = above = orders = 0
        for order in itertools.permutations(range(7)):
            judged = [rows[n] for n in order][:5]
            stop = next((n for n, bad in enumerate(judged, 1) if bad), None)
            seen = Looked(7, stop or 5, int(stop is not None), stopped=stop is not None)
            above += share_at_most(seen, 0.1) < wrong / 7
            below += share_at_least(seen, 0.1) > wrong / 7
            orders += 1
        assert above <= 0.1 * orders and below <= 0.1 * orders


def test_every_stratum_is_in_every_beginning_by_its_share_and_every_row_as_often():
    sizes = {("meld", "joy"): 60, ("meld", "anger"): 25, ("iemocap", "fear"): 15}
    rows = [(f"{s[1]}-{n}", s) for s, size in sizes.items() for n in range(size)]
    strata, first = dict(rows), Counter()
    for salt in map(str, range(400)):
        order = in_order(rows, salt)
        assert sorted(order) == sorted(strata)
        for some in (10, 20, 50):
            counts = Counter(strata[name] for name in order[:some])
            assert all(abs(counts[s] - some * size / 100) <= 2 for s, size in sizes.items())
        first.update(order[:20])
    assert max(first.values()) < 120 and min(first.values()) > 45, "each is drawn in about 80"


@pytest.mark.slow
@pytest.mark.parametrize("reviews", [False, True])
@pytest.mark.parametrize("rate", RATES)
def test_the_interval_holds_the_true_share_with_reviews_by_doubt_in_the_store_too(rate, reviews):
    found = coverage(rate, reviews=reviews, to_the_end=False, draws=400, builds=10)
    assert found["interval"] >= 0.93 and found["at most"] >= 0.93
    if rate >= 0.03 and not reviews:  # reviews leave fewer bad rows than that
        assert found["shown"] <= 0.06


@pytest.fixture
def audited(review):
    """An audit of MELD's sample, its queue, and what decides about its next row."""
    plan = begin(review.store, review.name, AuditPlan(0, 0.02, 0.95, 0, 0, False))
    queue = AuditQueue(review.store, review.name, plan)

    def judge(decision: Decision, who=None, count: int = 1):
        made = []
        for _ in range(count):
            who = who or review.bob
            ((item, _),) = queue.give(review.name, who, 1)
            shown = review.reviews.shown(review.name, item.item, who.id)
            made.append(review.reviews.audit(who.id, shown, decision, plan.salt, None))
        return made

    return plan, queue, judge


def test_a_sample_without_a_bad_row_shows_that_few_are_bad(review, audited):
    plan, queue, judge = audited
    assert plan.rows == 30 and plan.number == 1
    judge(ACCEPT, count=29)
    assert outcome(review.store, review.name).passed is None
    judge(Decision("skip", reason="cannot_judge"))
    assert not outcome(review.store, review.name).ended, "another row takes its place"
    judge(ACCEPT)
    found = settle(review.store, review.name, plan)
    assert (found.judged, found.bad, found.skipped, found.passed) == (30, 0, 1, True)
    assert found.at_most <= 0.02 < found.high
    assert sum(one.judged for one in found.strata) == 30
    assert sum(one.rows for one in found.strata) == found.of == 31
    assert queue.give(review.name, review.cem, 1) == []


def test_it_ends_with_the_first_bad_row_and_an_undo_opens_it_again(review, audited):
    plan, queue, judge = audited
    judge(ACCEPT, count=4)
    judge(REJECT)
    found = settle(review.store, review.name, plan)
    assert found.ended and found.passed is False and (found.judged, found.bad) == (5, 1)
    assert queue.give(review.name, review.cem, 1) == [] and found.low < 0.2 < found.high
    review.reviews.undo(review.bob.id, review.name, ("audit",))
    assert not settle(review.store, review.name, plan).ended
    assert queue.give(review.name, review.cem, 1)


def test_two_auditors_never_have_the_same_row_and_the_review_goes_on_as_without(review, audited):
    _, queue, judge = audited
    (one, _), (two, _) = queue.give(review.name, review.ann, 2)
    ((three, _),) = queue.give(review.name, review.bob, 1)
    assert len({one.item, two.item, three.item}) == 3
    judge(ACCEPT, count=10)
    assert review.queue.left(review.name, review.cem).mine == 31, "its queue sees no audit"
    assert [i.position for i in review.queue.next(review.name, review.cem, 31)] == [*range(31)]


def test_what_reviewers_decide_by_doubt_leaves_the_sample(review, audited):
    plan, queue, judge = audited
    decided = {row.item.item for row in queue.sample().rows[:5]}
    for item in decided:
        shown = review.reviews.shown(review.name, item, review.ann.id)
        review.reviews.decide(review.ann.id, shown, REJECT)
    assert not decided & {row.item.item for row in queue.sample().rows}
    assert outcome(review.store, review.name).of == 26


def test_once_decided_it_stays_whatever_is_reviewed_later(review, audited):
    plan, _, judge = audited
    (made,) = judge(REJECT)
    found = settle(review.store, review.name, plan)
    shown = review.reviews.shown(review.name, made.item, review.ann.id)
    review.reviews.decide(review.ann.id, shown, ACCEPT)
    assert outcome(review.store, review.name) == found


def test_the_page_is_blind_and_its_outcome_is_in_status_rules_and_the_reviewed_copy(
    folder, tmp_path
):
    with Server(folder, command="audit") as server:
        assert "needs 30 rows with no bad one" in "\n".join(server.lines)
        bob = Visitor(server, "Bob")
        for _ in range(30):
            (item,) = bob.items()
            assert item["draft"]["strategies"] == [] and not item["hidden"]
            assert bob.decide(item, strategies=["validation"])[0] == 200
        assert bob.items() == []
        said = server.stop()
    assert "decided: shown: at most 2.0% are bad" in said
    assert "audit 1 of meld: 30 of 30 rows judged, 0 bad" in said
    (tmp_path / "hearten.toml").write_text("[publish]\nmax_bad_share = 0.02\n")
    status = hearten("review-status", folder, cwd=tmp_path).out
    assert "met: max_bad_share: at most 0.0% of the replies that nobody saw are bad" in status
    assert "audit 1 of meld: 30 of 30 rows judged" in status
    assert hearten("report", folder).code == 0
    copy = Build(folder.parent / ".reviewed" / "meld")
    assert copy.manifest["result"]["audit"]["judged"] == 30
    record = next(one for one in copy.rows() if one["review"])
    assert record["review"]["status"] == "accepted", "strategies of an auditor are an opinion"
    events = tmp_path / "events.jsonl"
    assert hearten("review-export", folder, "--to", events).code == 0
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert {line["kind"] for line in lines} == {"audit"}
    imported = hearten("review-import", folder, events, "--store", tmp_path / "new.sqlite")
    assert "30 events read, 30 of them new" in imported.out


def test_a_rejected_row_is_taken_out_and_the_rule_is_not_met(folder, tmp_path):
    with Server(folder, command="audit") as server:
        bob = Visitor(server, "Bob")
        (item,) = bob.items()
        assert bob.decide(item, "reject", reason="generic")[0] == 200
        assert bob.items() == [] and "1 bad" in server.stop()
    (tmp_path / "hearten.toml").write_text("[publish]\nmax_bad_share = 0.02\n")
    status = json.loads(hearten("review-status", folder, "--json", cwd=tmp_path).out)
    assert status["statuses"] == {"rejected": 1} and status["audit"]["passed"] is False
    (rule,) = status["rules"]
    assert not rule["passed"] and re.search("at most [0-9.]+% of the replies", rule["sentence"])
    said = hearten("audit", folder, "--max-bad", 0.1)
    assert one_line_error(said) and "--again" in said.err
    again = json.loads(hearten("audit", folder, "--again", "--status", "--json").out)
    assert (again["number"], again["of"], again["judged"]) == (2, 30, 0)
    said = hearten("audit", folder, "--again", "--status")
    assert one_line_error(said) and "finish it first" in said.err


def test_what_is_asked_is_fixed_and_a_rule_needs_an_audit_that_ended(folder, tmp_path):
    asked = ("--max-bad", 0.05, "--confidence", 0.9, "--allowed-bad", 1, "--status")
    said = hearten("audit", folder, *asked)
    assert "at most 5.0% bad with 90% confidence needs" in said.out and not said.code
    assert "max_bad 0.05" in hearten("audit", folder, "--max-bad", 0.02, "--status").err
    decide(folder, {"meld-train-0-0": ACCEPT})
    (tmp_path / "hearten.toml").write_text("[publish]\nmax_bad_share = 0.02\n")
    out = hearten("review-status", folder, cwd=tmp_path).out
    assert "not met: max_bad_share: the audit has not ended; 2.0% bad may be" in out
    decide(folder, {row["id"]: ACCEPT for row in Build(folder).rows()})
    said = hearten("audit", folder, "--again", "--status")
    assert one_line_error(said)
