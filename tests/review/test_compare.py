"""Two builds' drafts compared: over HTTP as the page does it, and what it comes to."""

import json
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from builds import hearten, one_line_error
from pages import Page
from rival import WORDS, in_other_words, rival
from serving import Server, Visitor
from sites import held

from builders.record.dataset import Build

# Servers and builds: with the slow ones.
pytestmark = pytest.mark.slow


@pytest.fixture
def other(folder):
    """A build beside `folder`, called ``rival``, that answers twelve targets in other words."""
    return in_other_words(folder, "rival", 12)


def pairs(visitor, count=1):
    return visitor.get(f"/pairs?count={count}")["items"]


def said(pair, choice, **more):
    about = {name: pair[name] for name in ("item", "seen", "version")}
    heard = {"seconds_heard": pair["duration"] or 0}
    return {**about, "event_id": str(uuid.uuid4()), "choice": choice, **heard, **more}


def prefer(visitor, pair, text):
    """Say that the reply with this text is better."""
    choice = "a" if pair["replies"][0] == text else "b"
    return visitor.post("/compare", said(pair, choice))


def events(folder):
    return [{**row, **json.loads(row["body"])} for row in held(folder)]


def test_only_targets_with_two_different_replies_are_pairs(folder):
    records = list(Build(folder).rows())
    changed = {
        records[0]["id"]: {"text": WORDS},
        records[1]["id"]: {"text": f"  {records[1]['desired_response']['text']} "},
        records[2]["id"]: {"text": WORDS, "said": "I never said that."},
        records[3]["id"]: None,
    }
    other = rival(folder, "rival", **changed)
    with Server(folder, "--against", other) as server:
        same = len(records) - 3
        assert server.lines[0] == (
            f"meld against rival: 1 pairs (left out: {same} with the same reply, "
            "1 whose target differs, 1 in one build only), each for 1 person"
        )
        ann = Visitor(server, "Ann")
        (pair,) = pairs(ann, 5)
    assert pair["item"] == records[0]["id"]
    assert sorted(pair["replies"]) == sorted([WORDS, records[0]["desired_response"]["text"]])


def test_a_page_is_not_told_whose_reply_is_whose_and_the_order_is_drawn(folder, other):
    with Server(folder, "--against", other, "--overlap", 2) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        shown = {name: pairs(v, 5) for name, v in (("Ann", ann), ("Bob", bob))}
        page = ann.ask("GET", "/compare")[2].decode()
        assert pairs(ann, 5) == shown["Ann"], "the same order every time"
    first = [[pair["replies"][0] == WORDS for pair in of] for of in shown.values()]
    assert {True, False} <= {one for of in first for one in of}
    assert not {"draft", "strategies"} & shown["Ann"][0].keys()
    start = json.loads(page.split('id="start">')[1].split("</script>")[0])
    assert "phrasebook" not in json.dumps(start["items"])


def test_what_is_held_is_the_better_draft_and_which_was_first(folder, other):
    with Server(folder, "--against", other) as server:
        ann = Visitor(server, "Ann")
        for _ in range(12):
            (pair,) = pairs(ann)
            assert prefer(ann, pair, WORDS) == (200, {"surplus": False, "version": 1})
        assert pairs(ann) == []
    made = events(folder)
    assert {(row["kind"], row["verdict"], row["against"]) for row in made} == {
        ("comparison", "b", "rival")
    }
    assert {row["first"] for row in made} == {"a", "b"}
    own = {record["id"] for record in Build(folder).rows()}
    assert {row["item"] for row in made} <= own and len({row["item"] for row in made}) == 12


def test_a_pair_is_compared_by_k_people_and_given_to_no_more(folder, other):
    with Server(folder, "--against", other, "--overlap", 2) as server:
        people = [Visitor(server, name) for name in ("Ann", "Bob", "Cem", "Dan", "Eve")]
        given = [pair["item"] for visitor in people for pair in pairs(visitor, 5)]
        assert len(given) == 22 and max(given.count(item) for item in given) == 2
        (pair,) = pairs(people[0])
        prefer(people[0], pair, WORDS)
        assert pair["item"] not in [one["item"] for one in pairs(people[0], 5)]


def test_undo_gives_the_pair_back_with_what_was_said(folder, other):
    with Server(folder, "--against", other) as server:
        ann = Visitor(server, "Ann")
        (pair,) = pairs(ann)
        ann.post("/compare", said(pair, "b", comment="warmer"))
        undone = ann.post("/compare/undo", {})[1]["item"]
        assert undone["item"] == pair["item"] and undone["replies"] == pair["replies"]
        assert undone["mine"]["verdict"] == "b" and undone["mine"]["comment"] == "warmer"
        bob = Visitor(server, "Bob")
        assert pair["item"] not in [one["item"] for one in pairs(bob, 5)], "Ann holds it"
        assert ann.post("/compare", said(undone, "equal"))[0] == 200
        assert ann.post("/undo", {})[1] == {"item": None}, "no decision of a review"
        ann.post("/compare/undo", {})
        assert ann.post("/compare/undo", {})[1] == {"item": None}
    assert [row["kind"] for row in held(folder)] == ["comparison", "undo"] * 2


def test_what_is_not_whole_is_refused(folder, other):
    with Server(folder, "--against", other) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        (pair,) = pairs(ann)
        assert ann.post("/compare", said(pair, "a", seconds_heard=0))[0] == 422
        assert ann.post("/compare", said(pair, "a", seconds_heard=0, broken=True))[0] == 200
        assert bob.post("/compare", said(pair, "a"))[0] == 404, "it was not given to Bob"
        assert ann.post("/compare", said(pair, "a"))[0] == 409, "decided in another tab"
        (pair,) = pairs(ann)
        assert ann.post("/compare", said(pair, "better"))[0] == 422
        status, answered = ann.post("/compare", said(pair | {"seen": "0" * 64}, "a"))
        assert status == 409 and "now has another draft" in answered["errors"][0]
        with Server(folder) as alone:
            assert Visitor(alone, "Cem").ask("GET", "/pairs?count=1")[0] == 404


@pytest.fixture
def compared(folder, other):
    """Two people's comparisons of twelve targets, of which they see six differently."""
    with Server(folder, "--against", other, "--overlap", 2) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        for number in range(12):
            (pair,) = pairs(ann)
            prefer(ann, pair, WORDS)
            theirs = next(one for one in pairs(bob, 5) if one["item"] == pair["item"])
            mine = next(text for text in theirs["replies"] if text != WORDS)
            prefer(bob, theirs, mine if number % 2 else WORDS)
        lea = Visitor(server, "Lea")
        page = Page(lea.ask("GET", "/progress")[2].decode())
        assert page.row("rival")[1:5] == ["all", "0", "6", "6"]
    return folder


def test_the_status_counts_targets_and_votes_for_the_first_place(compared, tmp_path):
    ended = hearten("review-status", compared, cwd=tmp_path)
    assert ended.code == 0, ended.err
    for line in (
        "compared with rival: 12 targets; 0 for meld, 6 for rival, 6 equal",
        "  preferred, without ties: 0 of 6, 0% (95 % interval 0% to 39%)",
    ):
        assert " ".join(line.split()) in " ".join(ended.out.split())
    known = json.loads(hearten("review-status", compared, "--json", cwd=tmp_path).out)
    (of,) = known["comparisons"]
    assert of["first"]["of"] == 24 and of["alpha"]["items"] == 12
    made = events(compared)
    first_won = sum(row["verdict"] == row["first"] for row in made)
    assert of["first"]["count"] == first_won and known["comparisons_unknown"] == 0
    other = compared.with_name("rival")
    (turned,) = json.loads(hearten("review-status", other, "--json").out)["comparisons"]
    assert (turned["against"], turned["wins"], turned["losses"]) == ("meld", 6, 0)


def test_comparisons_become_preference_pairs_with_their_origin(compared, tmp_path):
    to = tmp_path / "pairs.jsonl"
    assert hearten("review-export", compared, "--format", "preferences", "--to", to).code == 0
    read = [json.loads(line) for line in to.read_text().splitlines()]
    assert len(read) == 6
    for row in read:
        assert (row["origin"], row["policy"], row["reviewers"]) == ("compared", "unanimous", 2)
        assert row["chosen"]["text"] == WORDS and row["chosen_from"]["build"] == "rival"
        assert row["rejected_from"]["build"] == "meld"


def test_comparisons_are_exported_and_read_back_with_order_and_comment(compared, tmp_path):
    to, store = tmp_path / "events.jsonl", tmp_path / "new.sqlite"
    hearten("review-export", compared, "--to", to)
    hearten("review-import", compared, to, "--store", store)
    with sqlite3.connect(store) as connection:
        bodies = [
            json.loads(body) for (body,) in connection.execute("select body from review_events")
        ]
    assert len(bodies) == 24
    assert all({"first", "against", "comment", "other"} <= body.keys() for body in bodies)


def test_a_reply_that_changed_since_is_counted_as_such(compared):
    record = next(Build(compared).rows())
    other = compared.with_name("rival")
    changed = rival(other, "again", **{record["id"]: {"text": "Quite another reply, then."}})
    for name in ("data", "manifest.json"):
        target = other / name
        hold = other / f"old-{name}"
        target.rename(hold)
        (changed / name).rename(target)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["result"]["name"] = "rival"
    (other / "manifest.json").write_text(json.dumps(manifest))
    assert hearten("review-status", other).code == 0, "it registers the new drafts"
    known = json.loads(hearten("review-status", compared, "--json").out)
    assert known["comparisons_unknown"] == 2
    assert known["comparisons"][0]["losses"] + known["comparisons"][0]["ties"] == 11


def test_builds_with_nothing_to_compare_are_one_line(folder):
    same = rival(folder, "same")
    ended = hearten("review", folder, "--against", same)
    assert ended.code == 1
    assert "meld and same have nothing to compare" in one_line_error(ended)
    ended = hearten("review", folder, "--against", folder)
    assert "a build of the same name" in one_line_error(ended)
    ended = hearten("review", folder, "--against", folder / "none")
    assert ended.code == 1 and "none" in one_line_error(ended)


def test_a_pair_that_is_being_decided_is_not_given_once_more(folder, other):
    """The page sends a decision and asks for more at one time: neither order may show it again."""
    with Server(folder, "--against", other, "--overlap", 4) as server, ThreadPoolExecutor() as pool:
        again, decided = [], 0
        for name in ("Ann", "Bob", "Cem", "Dora"):
            visitor = Visitor(server, name)
            while given := pairs(visitor):
                pair = given[0]
                posted = pool.submit(visitor.post, "/compare", said(pair, "a"))
                got = pool.submit(pairs, visitor, 3)
                assert posted.result()[0] == 200
                decided += 1
                again += [
                    one
                    for one in got.result()
                    if one["item"] == pair["item"] and one["version"] > pair["version"]
                ]
        mine = visitor.ask("GET", "/mine")[2].decode()
    assert (decided, again) == (48, [])
    assert mine.count("two replies compared") == 12 and " UTC</td>" in mine
