"""Matching by ear: two clips, two replies, and the judge's rate beside people's."""

from __future__ import annotations

import json

import pytest
from builds import hearten, one_line_error
from exporting import changed, small_build
from minimal_pairs import matched, member
from serving import Server, Visitor

from builders.record.dataset import Build
from builders.review.outcome.heard_pairs import heard_pairs

CRISIS = {"route": "crisis", "codes": [], "by": "patterns", "pii": {"text": False, "sound": False}}


@pytest.fixture
def folder(tmp_path):
    """Three minimal pairs, each with a clip for both of its members."""
    rows = [
        member(group * 10 + number, group, root)
        for group in range(3)
        for number, root in enumerate(("sadness", "anger"))
    ]
    return small_build(tmp_path / "output" / "twins", rows)


@pytest.fixture
def server(folder):
    with Server(folder, "--swap", 3, "--overlap", 2) as running:
        yield running


def answered(who, pair, choice, **more):
    heard = {"heard_1": 0.1, "heard_2": 0.1}
    sent = {"pair": pair["id"], "seen": pair["seen"], "choice": choice, **heard, **more}
    return who.post("/match/answer", sent)


def right(pair):
    """Return the choice that is right: the first member of a pair is the sad one."""
    return "ab"[["hard" in one for one in pair["replies"]].index(True)]


def wrong(pair):
    return {"a": "b", "b": "a"}[right(pair)]


def test_people_hear_both_clips_and_match_and_the_judge_stands_beside_them(server, folder):
    ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
    assert any("3 minimal pairs to hear" in line for line in server.lines)
    said = {}
    for who, choose in ((ann, right), (bob, wrong)):
        pair = who.get("/match/next")["pair"]
        assert {*pair} == {"id", "seen", "words", "clips", "replies", "left"}
        for clip in pair["clips"]:
            assert who.ask("GET", clip)[2].startswith(b"RIFF")
        while pair:
            said[who, pair["id"]] = pair["replies"]
            status, next_one = answered(who, pair, choose(pair))
            assert status == 200
            pair = next_one["pair"]
    assert len(said) == 6
    matched(folder, "flipped", group="g0")
    matched(folder, "right", group="g1")
    ended = hearten("review-status", folder, "--json")
    found = json.loads(ended.out)["heard"]
    counts = {name: found[name] for name in ("pairs", "answers", "people", "right", "groups")}
    assert counts == {"pairs": 3, "answers": 6, "people": 2, "right": 3, "groups": 3}
    (judge,) = found["judges"]
    assert judge == {"model": "a-judge", "pairs": 2, "single": 0.75, "both": 0.5}
    said = hearten("review-status", folder).out
    assert "by ear: 2 people matched the replies of 3 minimal pairs, 6 answers: 50% (" in said
    assert "a-judge on 2 of these pairs: 75% of single answers right, 50% in both orders" in said


def test_the_order_of_the_replies_is_drawn_and_never_told(tmp_path):
    rows = [
        member(group * 10 + number, group, root)
        for group in range(12)
        for number, root in enumerate(("sadness", "anger"))
    ]
    with Server(small_build(tmp_path / "output" / "many", rows), "--swap", 12) as running:
        ann, firsts = Visitor(running, "Ann"), set()
        pair = ann.get("/match/next")["pair"]
        while pair:
            firsts.add(right(pair))
            pair = answered(ann, pair, "cannot_tell")[1]["pair"]
    assert firsts == {"a", "b"}


def test_nobody_answers_before_both_clips_were_heard_nor_twice(server):
    ann = Visitor(server, "Ann")
    pair = ann.get("/match/next")["pair"]
    status, said = answered(ann, pair, "a", heard_2=0.01)
    assert (status, said["errors"]) == (422, ["listen to both whole clips before you decide"])
    assert answered(ann, pair, "a")[0] == 200
    status, said = answered(ann, pair, "b")
    assert status == 404 and "is not open to you" in said["errors"][0]
    assert answered(ann, {**pair, "seen": "0" * 64}, "a")[0] == 404
    assert answered(ann, pair, "c")[0] == 422


def test_a_pair_is_given_to_as_many_people_as_wanted_and_to_no_more(server):
    for name in ("Ann", "Bob"):
        who = Visitor(server, name)
        pair = who.get("/match/next")["pair"]
        while pair:
            pair = answered(who, pair, "a")[1]["pair"]
    assert Visitor(server, "Cem").get("/match/next") == {"pair": None}


def test_a_pair_with_a_crisis_is_given_to_those_alone_who_take_such(tmp_path):
    rows = [
        changed(member(number, 0, root), safety=CRISIS)
        for number, root in enumerate(("sadness", "anger"))
    ]
    with Server(small_build(tmp_path / "output" / "grave", rows), "--swap", 3) as running:
        ann = Visitor(running, "Ann")
        assert ann.get("/match/next") == {"pair": None}
        assert ann.post("/crisis", {"wanted": True})[0] == 200
        assert ann.get("/match/next")["pair"]


def test_a_pair_that_somebody_is_excluded_from_is_not_given_out(folder, tmp_path):
    one = heard_pairs(Build(folder))[0].of.one.id
    table = tmp_path / "exclusions.tsv"
    table.write_text(f"id\treason\n{one}\tasked\n")
    with Server(folder, "--swap", 3, "--exclusions", table) as running:
        assert any("2 minimal pairs to hear" in line for line in running.lines)


def test_a_build_without_minimal_pairs_says_so(built):
    ended = hearten("review", built, "--swap", 3, "--port", 0)
    assert ended.code == 1
    assert "has no minimal pair whose two clips can be heard" in one_line_error(ended)


def test_a_server_without_pairs_has_no_such_page(folder):
    with Server(folder) as running:
        assert Visitor(running, "Ann").ask("GET", "/match/next")[0] == 404
