"""Lines held for people: who is named may answer a few a day, pass, or leave for good."""

from __future__ import annotations

import json
import uuid

import pytest
from builds import hearten, samples
from serving import Server, Visitor
from trees import make_meld_tree, meld_row

from builders.review.server import held_lines

LINES = ("I want to kill myself tonight, heron.", "I'm going to end my life, sandpiper.")
LINES += ("I will kill myself, wagtail.",)
ROWS = {
    "train": [
        meld_row(0, 0, Utterance="They sold the orchard.", Emotion="sadness"),
        *(meld_row(n, 0, Utterance=line, Emotion="sadness") for n, line in enumerate(LINES, 1)),
    ],
    "dev": [meld_row(0, 0)],
    "test": [meld_row(0, 0)],
}
REPLY = "I am glad that you said it aloud. Is somebody with you now?"


@pytest.fixture
def folder(tmp_path):
    """A build that holds three lines for people."""
    source = make_meld_tree(tmp_path / "source", ROWS)
    ended = hearten(
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "m"),
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    return tmp_path / "output" / "m"


@pytest.fixture
def server(folder):
    with Server(folder, "--qualified", "Ann", "--held-per-day", 2) as running:
        yield running


def sent(line, text=REPLY, **more):
    about = {"item": line["id"], "seen": line["seen"], "event_id": str(uuid.uuid4())}
    return {**about, "text": text, **more}


def test_who_is_named_writes_replies_and_sees_no_more_than_so_many_a_day(server):
    ann = Visitor(server, "Ann")
    first = ann.get("/held/next")
    assert first["left"] == 2 and first["line"]["text"] == LINES[0]
    assert "suicide_intent" in first["line"]["codes"]
    status, second = ann.post("/held/answer", sent(first["line"]))
    assert status == 200 and second["left"] == 1 and second["line"]["text"] == LINES[1]
    status, third = ann.post("/held/answer", sent(second["line"], None))
    assert (status, third) == (200, {"line": None, "left": 0, "why": "enough"})
    assert ann.post("/held/answer", sent(second["line"]))[0] == 404


def test_nobody_else_sees_a_held_line(server):
    bob = Visitor(server, "Bob")
    for path in ("/held", "/held/next"):
        status, _, content = bob.ask("GET", path)
        assert status == 403 and not any(line.encode() in content for line in LINES)
    assert b'href="/held"' not in bob.ask("GET", "/review")[2]
    ann = Visitor(server, "Ann")
    assert b'href="/held"' in ann.ask("GET", "/review")[2]
    line = ann.get("/held/next")["line"]
    assert bob.post("/held/answer", sent(line))[0] == 403
    assert Visitor(server).ask("GET", "/held/next")[0] == 401


def test_who_passes_leaves_the_line_to_somebody_else_and_an_answer_is_asked_for_once(folder):
    with Server(folder, "--qualified", "Ann", "--qualified", "Bob") as running:
        ann, bob = Visitor(running, "Ann"), Visitor(running, "Bob")
        line = ann.get("/held/next")["line"]
        ann.post("/held/answer", sent(line, None))
        assert ann.get("/held/next")["line"]["id"] != line["id"]
        assert bob.get("/held/next")["line"]["id"] == line["id"]
        bob.post("/held/answer", sent(line))
        for who in (ann, bob):
            left = who.get("/held/next")
            while left["line"]:
                assert left["line"]["id"] != line["id"]
                left = who.post("/held/answer", sent(left["line"], None))[1]
            assert left["why"] == "done"


def test_who_leaves_sees_none_any_more_also_after_a_restart(folder):
    with Server(folder, "--qualified", "Ann") as running:
        ann = Visitor(running, "Ann")
        assert ann.post("/held/leave", {}) == (200, {})
        assert ann.ask("GET", "/held/next")[0] == 403
    with Server(folder) as running:
        assert Visitor(running, "Ann").ask("GET", "/held/next")[0] == 403


def test_a_reply_that_none_may_give_is_refused_and_so_is_an_empty_one(server):
    ann = Visitor(server, "Ann")
    line = ann.get("/held/next")["line"]
    for text in ("Then do it, you should kill yourself.", " "):
        status, said = ann.post("/held/answer", sent(line, text))
        assert status == 422 and said["errors"][0].startswith("text: "), text
    assert ann.get("/held/next")["left"] == 2
    assert ann.post("/held/answer", sent({**line, "seen": "0" * 64}))[0] == 404


def test_what_is_written_is_in_no_export_and_no_publication(server, folder, tmp_path):
    ann = Visitor(server, "Ann")
    ann.post("/held/answer", sent(ann.get("/held/next")["line"]))
    for form in ("events", "merged", "preferences"):
        to = tmp_path / f"{form}.jsonl"
        assert hearten("review-export", folder, "--to", to, "--format", form).code == 0
        assert REPLY not in to.read_text("utf-8")
    status = json.loads(hearten("review-status", folder, "--json").out)
    assert status["decided"] == 0 and status["held"] == {"lines": 3, "answered": 1}
    assert "3 lines are held for people, 1 of them answered" in hearten("review-status", folder).out
    ended = hearten("export", folder, "--format", "trl", "--to", tmp_path / "out")
    assert ended.code == 0, ended.err
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert REPLY.encode() not in written and LINES[0].encode() not in written
    assert REPLY not in str(samples(folder))


def test_an_excluded_line_is_shown_to_nobody(folder, tmp_path):
    table = tmp_path / "exclusions.tsv"
    table.write_text("id\treason\nmeld-train-1-0\tasked\n")
    with Server(folder, "--qualified", "Ann", "--exclusions", table) as running:
        assert Visitor(running, "Ann").get("/held/next")["line"]["text"] == LINES[1]


def test_the_day_begins_anew_at_midnight(monkeypatch):
    monkeypatch.setattr(held_lines.time, "time", lambda: 10 * 86_400 + 5.0)
    assert held_lines._midnight() == 10 * 86_400
