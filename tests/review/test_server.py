"""The review server over HTTP: who gets what, what is held, and what it refuses."""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
import soundfile
from builds import hearten, one_line_error, samples
from pages import Page, make_build, sample
from serving import Server, Visitor, decision
from sites import Site

from builders.record.folder import write_json
from builders.settings import STORE_FILE


@pytest.fixture
def server(site: Site):
    with site.serve() as running:
        yield running


def stored(folder: Path, name: str) -> dict[str, Any]:
    """Return a sample of a build."""
    return next(one for one in samples(folder) if one["id"] == name)


@pytest.fixture(scope="module")
def shared(built: Path, tmp_path_factory: pytest.TempPathFactory):
    """A server for tests that change nothing."""
    copy = tmp_path_factory.mktemp("shared") / "output"
    shutil.copytree(built.parent, copy)
    with Server(copy / "meld") as running:
        yield running


def test_a_page_begins_with_the_next_items_in_it(server):
    start = Visitor(server, "Ann").start()
    first = start["items"][0]
    assert (first["item"], start["left"], len(start["items"])) == ("meld-train-0-0", 31, 3)
    assert first["draft"]["text"] and first["audio"] == "/audio?item=meld-train-0-0"


def test_a_page_holds_neither_the_model_nor_its_judge_nor_what_others_decided(server):
    ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
    ann.decide(ann.items()[0], comment="a remark of Ann's")
    page = bob.ask("GET", "/review")[2].decode()
    assert "phrasebook" not in page and "a remark of Ann" not in page


def test_a_decision_is_held_with_who_when_and_what_was_seen(server, site):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    more = {"ratings": {"fit": 4}, "comment": "good", "flags": ["personal_data"]}
    assert ann.decide(item, **more) == (200, {"surplus": False, "version": 1})
    (row,) = site.held()
    assert (row["item"], row["seen"], row["verdict"]) == (item["item"], item["seen"], "accept")
    body = json.loads(row["body"])
    assert {name: body[name] for name in more} == more
    assert body["seconds_heard"] == item["duration"]


def test_the_same_send_twice_is_one_decision(server, site):
    ann = Visitor(server, "Ann")
    sent = decision(ann.items()[0])
    assert ann.post("/decide", sent) == ann.post("/decide", sent)
    assert len(site.held()) == 1


def test_nobody_decides_before_the_clip_was_heard_unless_the_sound_is_broken(server):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    status, said = ann.decide(item, seconds_heard=item["duration"] / 2)
    assert status == 422
    assert said["errors"] == [
        "listen to the whole clip before you decide, or flag the audio as broken"
    ]
    assert ann.decide(item, seconds_heard=0, flags=["audio_broken"])[0] == 200


def test_an_edit_passes_the_checks_of_a_reply(server):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    reply = {**item["draft"], "text": "See https://example.org now, please."}
    status, said = ann.decide(item, "edit", reply=reply)
    assert status == 422 and "a link or an address" in said["errors"][0]
    reply["text"] = "That must be frightening. I am here with you."
    assert ann.decide(item, "edit", reply=reply)[0] == 200


def test_a_second_tab_that_decides_on_an_old_version_is_told(server):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    ann.decide(item)
    status, said = ann.decide(item, "reject", reason="generic")
    assert status == 409 and "decided in another tab" in said["errors"][0]
    assert ann.get(f"/item?item={item['item']}")["mine"]["verdict"] == "accept"


def test_undo_goes_back_any_number_of_steps(server, site):
    ann = Visitor(server, "Ann")
    for _ in range(3):
        ann.decide(ann.items()[0])
    names = [row["item"] for row in site.held()]
    undone = [ann.post("/undo", {})[1]["item"]["item"] for _ in names]
    assert undone == names[::-1]
    assert ann.post("/undo", {}) == (200, {"item": None})
    assert {item["item"] for item in ann.items(5)} >= set(names)


def test_what_was_taken_back_is_held_again_by_whom_it_was_given_to(server):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    ann.decide(item)
    ann.post("/undo", {})
    given = [one["item"] for one in Visitor(server, "Bob").items(5)]
    assert item["item"] not in given
    assert ann.items()[0]["item"] == item["item"]


def test_counting_what_is_left_does_not_wait_for_who_writes(folder):
    """In SQLite, where one writer keeps all others waiting."""
    with Server(folder) as server, sqlite3.connect(folder.parent / STORE_FILE, timeout=1) as writer:
        ann = Visitor(server, "Ann")
        item = ann.start()["items"][0]
        writer.execute("begin immediate")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            deciding = pool.submit(ann.decide, item)
            assert ann.get("/left")["items"] == 31
            assert not deciding.done()
            writer.rollback()
            assert deciding.result()[0] == 200


def test_a_session_and_what_was_decided_outlive_a_killed_server(server, site):
    ann = Visitor(server, "Ann")
    first = ann.items()[0]
    ann.decide(first)
    second = ann.items()[0]
    server.kill()
    server.start()
    assert ann.decide(second)[0] == 200
    assert [row["item"] for row in site.held()] == [first["item"], second["item"]]


def test_an_item_that_was_never_given_is_neither_shown_nor_decided(server):
    ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
    item = ann.items()[0]
    assert bob.ask("GET", f"/item?item={item['item']}")[0] == 404
    status, said = bob.decide(item)
    assert status == 404 and "is not assigned to you" in said["errors"][0]


def test_an_item_is_given_to_k_people_at_once(site):
    with site.serve("--overlap", 2) as server:
        visitors = [Visitor(server, name) for name in ("Ann", "Bob", "Cem", "Dan")]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            given = list(pool.map(lambda visitor: visitor.items(3), visitors))
    names = [item["item"] for items in given for item in items]
    assert len(names) == 12
    assert max(names.count(name) for name in names) <= 2


def test_what_comes_after_the_lease_is_over_is_kept_and_marked_surplus(site):
    with site.serve("--lease-seconds", 1) as server:
        ann = Visitor(server, "Ann")
        item = ann.items()[0]
        site.run("update review_leases set expires = 0")
        bob = Visitor(server, "Bob")
        assert bob.decide(bob.items()[0])[1]["surplus"] is False
        assert ann.decide(item)[1]["surplus"] is True
    assert [row["item"] for row in site.held()] == [item["item"], item["item"]]


def test_crisis_items_are_given_to_those_who_chose_them(tmp_path):
    records = [sample(1), sample(2)]
    records[0]["safety"] = {
        "route": "crisis",
        "codes": [],
        "by": "a test",
        "pii": {"text": None, "sound": None},
    }
    with Server(own_build(tmp_path, records)) as server:
        ann = Visitor(server, "Ann")
        assert [item["item"] for item in ann.items(3)] == [records[1]["id"]]
        assert ann.post("/crisis", {"wanted": True}) == (200, {"wanted": True})
        assert {item["item"] for item in ann.items(3)} == {record["id"] for record in records}


def test_a_hidden_draft_is_sent_only_after_the_first_answer(site):
    with site.serve("--hidden-share", 1) as server:
        ann = Visitor(server, "Ann")
        item = ann.items()[0]
        text = stored(site.folder, item["item"])["desired_response"]["text"]
        assert item["hidden"] and item["draft"] is None and text not in json.dumps(item)
        status, said = ann.decide(item)
        assert status == 422 and "the draft is still hidden" in said["errors"][0]
        about = {name: item[name] for name in ("item", "seen", "version")}
        assert ann.post("/first-answer", {**about, "strategies": []})[0] == 422
        first = {"strategies": ["validation"], "emotion": "anxiety"}
        status, said = ann.post("/first-answer", {**about, **first})
        assert status == 422 and "listen to the whole clip" in said["errors"][0]
        about |= {"seconds_heard": item["duration"]}
        status, shown = ann.post("/first-answer", {**about, **first})
        assert status == 200 and shown["draft"]["text"] == text and not shown["hidden"]
        ann.post("/first-answer", {**about, "strategies": ["celebration"]})
        assert ann.decide(shown)[0] == 200
    body = json.loads(site.held()[0]["body"])
    assert body["hidden"] and body["before"] == first


def test_strategies_that_the_reply_may_not_have_are_kept_as_an_opinion(site):
    with site.serve() as server:
        ann = Visitor(server, "Ann")
        accepted, edited = ann.items(2)
        others = ["celebration", "gratitude_expression", "reciprocal_enthusiasm", "de_escalation"]
        unfit = next(name for name in others if name not in accepted["fitting"])
        status, said = ann.decide(accepted, strategies=[unfit])
        assert status == 200 and said["opinion"]
        unfit = next(name for name in others if name not in edited["fitting"])
        reply = {**edited["draft"], "text": "That sounds hard to bear.", "strategies": [unfit]}
        status, said = ann.decide(edited, "edit", strategies=[unfit], reply=reply)
        assert status == 200 and said["opinion"]
    first, second = (json.loads(row["body"]) for row in site.held())
    assert first["opinion"] and first["reply"] is None and first["strategies"] != ["validation"]
    assert second["opinion"] and second["strategies"] == [unfit]
    assert second["reply"]["strategies"] == edited["draft"]["strategies"]
    assert second["reply"]["text"] == "That sounds hard to bear."


def test_a_build_of_nothing_but_text_needs_no_sound(tmp_path):
    with Server(own_build(tmp_path, [sample(1)])) as server:
        ann = Visitor(server, "Ann")
        item = ann.items()[0]
        assert item["audio"] is None and item["drawing"] is None
        assert ann.decide(item)[0] == 200


def test_the_text_only_arm_plays_nothing(folder):
    with Server(folder, "--text-only") as server:
        ann = Visitor(server, "Ann")
        item = ann.items()[0]
        assert item["audio"] is None and ann.decide(item, seconds_heard=0)[0] == 200


# ---- sound ----------------------------------------------------------------------------------


def test_a_clip_is_the_sound_of_the_build_and_comes_in_ranges(shared):
    ann = Visitor(shared, "Ann")
    flac = stored(shared.folder, "meld-train-0-0")["audio"]["bytes"]
    status, headers, clip = ann.ask("GET", "/audio?item=meld-train-0-0")
    assert (status, headers["content-type"]) == (200, "audio/wav")
    heard, built = (soundfile.read(io.BytesIO(one), dtype="int16") for one in (clip, flac))
    assert heard[1] == built[1] and (heard[0] == built[0]).all()
    assert headers["accept-ranges"] == "bytes"
    for wanted, part in (("0-99", clip[:100]), ("100-", clip[100:]), ("-50", clip[-50:])):
        got = ann.ask("GET", "/audio?item=meld-train-0-0", headers={"Range": f"bytes={wanted}"})
        assert got[0] == 206 and got[2] == part
        assert got[1]["content-range"].endswith(f"/{len(clip)}")
    beyond = {"Range": f"bytes={len(clip)}-"}
    status, headers, _ = ann.ask("GET", "/audio?item=meld-train-0-0", headers=beyond)
    assert (status, headers["content-range"]) == (416, f"bytes */{len(clip)}")


def test_what_was_not_said_is_held_as_null_whatever_the_page_sends_for_it(server, site):
    """A page that was open since the last release sends empty ones."""
    ann = Visitor(server, "Ann")
    empty = {"ratings": {}, "flags": [], "comment": None}
    null = dict.fromkeys(("ratings", "flags", "comment", "strategies", "emotion"))
    for sent in (empty, null, {}):
        assert ann.decide(ann.items()[0], **sent)[0] == 200
    for held in site.held():
        body = json.loads(held["body"])
        assert held["format"] == 2 and body.pop("seconds_heard") > 0
        assert body.pop("hidden") is False
        assert set(body.values()) == {None}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [("9" * 5000 + "-", 416), ("-" + "9" * 5000, 206), ("0-" + "9" * 5000, 206), ("x-", 200)],
)
def test_a_range_of_thousands_of_digits_is_answered(shared, wanted, status):
    ann = Visitor(shared, "Ann")
    headers = {"Range": f"bytes={wanted}"}
    assert ann.ask("GET", "/audio?item=meld-train-0-0", headers=headers)[0] == status


def test_a_text_only_review_plays_and_draws_nothing(site):
    with site.serve("--text-only") as running:
        ann = Visitor(running, "Ann")
        assert ann.items()[0]["audio"] is None
        for path in ("audio", "drawing", "mel"):
            status, _, content = ann.ask("GET", f"/{path}?item=meld-train-0-0")
            assert (status, b"no such item" in content) == (404, True)


def test_a_drawing_has_the_clips_length(shared):
    ann = Visitor(shared, "Ann")
    drawing = ann.get("/drawing?item=meld-train-0-0")
    clip = stored(shared.folder, "meld-train-0-0")["audio"]["bytes"]
    assert drawing["duration"] == pytest.approx(soundfile.info(io.BytesIO(clip)).duration)
    assert len(drawing["peaks"]) == 800 and any(drawing["pitch"])


@pytest.mark.slow  # librosa takes seconds to start, and most of a minute the first time
def test_a_mel_spectrogram_is_a_picture_and_is_drawn_once(shared):
    ann = Visitor(shared, "Ann")
    address = ann.get("/item?item=meld-train-0-0")["mel"]
    assert address == "/mel?item=meld-train-0-0"
    status, headers, picture = ann.ask("GET", address)
    assert (status, headers["content-type"]) == (200, "image/svg+xml")
    assert headers["cache-control"] == "private, max-age=3600"
    assert ElementTree.fromstring(picture).tag.endswith("svg")
    assert ann.ask("GET", address)[2] == picture


# ---- what must not pass ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/items?count=1", "/item?item=meld-train-0-0", "/audio?item=meld-train-0-0", "/review",
     "/drawing?item=meld-train-0-0", "/mel?item=meld-train-0-0", "/left", "/mine", "/guidelines",
     "/progress", "/disputed"],
)  # fmt: skip
def test_nothing_is_shown_to_whoever_is_not_signed_in(shared, path):
    assert Visitor(shared).ask("GET", path)[0] == 401


@pytest.mark.parametrize("path", ["/decide", "/undo", "/crisis", "/leave", "/renew", "/gold"])
def test_nothing_changes_without_the_form_token_or_from_another_site(shared, path):
    ann = Visitor(shared, "Ann")
    body = {"item": "meld-train-0-0", "wanted": True}
    assert ann.ask("POST", path, body, {"X-Form-Token": ""})[0] == 403
    assert ann.ask("POST", path, body, {"X-Form-Token": "0" * 64})[0] == 403
    assert ann.ask("POST", path, body, {"Origin": "http://elsewhere.example"})[0] == 403
    assert ann.ask("POST", path, body, {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert Site.beside(shared.folder).held() == []


def test_another_name_for_loopback_is_refused(shared):
    ann = Visitor(shared, "Ann")
    assert ann.ask("GET", "/items?count=1", headers={"Host": "rebound.example"})[0] == 421
    assert ann.ask("GET", "/items?count=1", headers={"Host": "[broken"})[0] in (400, 421)


@pytest.mark.parametrize("path", ["/join", "/review", "/static/review.js", "/nothing-there"])
def test_every_answer_forbids_frames_sniffing_and_foreign_content(shared, path):
    headers = Visitor(shared, "Ann").ask("GET", path)[1]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    ["/static/..%2fapp.py", "/static/../app.py", "/static/%2e%2e/server.py", "/audio?item=../../x",
     "/audio?item=/etc/passwd", "/drawing?item=..%2f..%2fmanifest.json", "/static/style.css%00"],
)  # fmt: skip
def test_no_path_leaves_the_build(shared, path):
    status, _, content = Visitor(shared, "Ann").ask("GET", path)
    assert status == 404 and b"root:" not in content and b"import" not in content


def test_a_large_body_is_refused(shared):
    ann = Visitor(shared, "Ann")
    sent = decision(ann.items()[0], comment="x" * 300_000)
    assert ann.ask("POST", "/decide", sent)[0] == 413
    assert ann.ask("POST", "/decide", {**sent, "comment": "x" * 5_001})[0] == 422
    assert Site.beside(shared.folder).held() == []


@pytest.mark.parametrize(
    "wrong",
    [{"verdict": "delete"}, {"ratings": {"fit": 6}}, {"ratings": {"fit": "5"}}, {"flags": ["<b>"]},
     {"seconds_heard": -1}, {"seconds_heard": float("inf")}, {"event_id": "'; drop table"},
     {"version": -1}, {"seen": "zz"}, {"emotion": "joyous"}, {"strategies": ["singing"]},
     {"reply": {"text": "x"}}, {"hidden": False}],
)  # fmt: skip
def test_a_decision_that_is_not_whole_is_refused(shared, wrong):
    ann = Visitor(shared, "Ann")
    assert ann.post("/decide", decision(ann.items()[0], **wrong))[0] == 422
    assert Site.beside(shared.folder).held() == []


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"reply": {"text": "\ud800"}},
            "reply.text: it cannot be stored, because it contains half a character",
        ),
        (
            {"reply": {"\udc00": 1}},
            "reply: it cannot be stored, because it contains half a character",
        ),
        ({"reply": nested(300)}, "nested more than 16 levels deep"),
        ({"comment": "a\0b"}, "comment: it cannot be stored, because it contains a NUL character"),
        (
            {"strategies": ["\ud800"]},
            "strategies.0: it cannot be stored, because it contains half a character",
        ),
        ({"emotion": "\ud800"}, "emotion: it cannot be stored"),
        ({"ratings": {"\ud800": 1}}, "ratings: it cannot be stored"),
        ({"item": "\ud800"}, "item: it cannot be stored"),
        ({"item": "meld-train-0-0\0"}, "item: it cannot be stored"),
        ({"more\ud800": 1}, "it cannot be stored"),
        ({"version": 10**40}, "has since been decided in another tab"),
        ({"seconds_heard": 10**300}, "seconds_heard: "),
        ({"ratings": {"fit": 10**30}}, "expected 1 to 5"),
        ({"reason": "generic"}, "reason: required for a rejection or a skip"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence_and_does_not_block(shared, change, words):
    """The page sends again what got an error of the server, and nothing behind it."""
    ann = Visitor(shared, "Ann")
    verdict = "edit" if "reply" in change else "accept"
    status, said = ann.post("/decide", decision(ann.items()[0], verdict) | change)
    assert 400 <= status < 500 and words in said["errors"][0]
    assert Site.beside(shared.folder).held() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/join", {"name": "\ud800"}),
        ("/renew", {"item": "\0"}),
        ("/decide", b"[" * 100_000),
        ("/decide", b"{" + b'"version": ' + b"9" * 5000 + b"}"),
        ("/decide", b"\xff\xfe"),
        ("/decide", []),
        ("/first-answer", {"strategies": ["\ud800"]}),
    ],
)
def test_no_body_is_an_error_of_the_server(shared, path, body):
    status, said = Visitor(shared, "Ann").post(path, body)
    assert 400 <= status < 500 and said["errors"][0]


def test_hostile_text_of_a_corpus_is_text(tmp_path):
    evil = '</script><script>window.evil=1</script><img src=x onerror="window.evil=1">\u202e\u0000x'
    record = sample(1, text=evil, turns=1)
    record["text_context"][0] |= {"text": evil * 200, "speaker": "<b>" * 100}
    record["background"] = {"text": evil, "origin": "scene"}
    with Server(own_build(tmp_path, [record])) as server:
        ann = Visitor(server, "<i>Ann</i>")
        assert ann.start()["items"][0]["text"] == evil
        for path in ("/review", "/mine", "/guidelines", "/progress", "/disputed"):
            page = ann.ask("GET", path)[2].decode()
            assert "<script>window" not in page and "<img src" not in page and "<i>Ann" not in page


# ---- invitations ----------------------------------------------------------------------------


def test_beyond_loopback_only_a_link_signs_in(site):
    with site.serve("--host", "0.0.0.0", "--invite", "Ann", "--invite-lead", "Lea") as server:
        links = dict(re.findall(r"(\w+): http://\S+/join#(\S+)", "\n".join(server.lines)))
        stranger = Visitor(server)
        assert stranger.post("/join", {"name": "Ann"})[0] == 403
        assert stranger.post("/join", {"token": "x" * 43})[0] == 403
        ann = Visitor(server, token=links["Ann"])
        assert ann.ask("GET", "/progress")[0] == 403
        assert Visitor(server, token=links["Lea"]).ask("GET", "/progress")[0] == 200
        said = server.stop()
    assert said.count(links["Ann"]) == 1, "printed once, and never logged"
    stored = site.everything()
    assert "token_sha256" in stored and "cookie_sha256" in stored
    assert links["Ann"] not in stored and ann.cookie.split("=")[1] not in stored


def test_signing_out_ends_the_session_and_gives_items_back(server):
    ann = Visitor(server, "Ann")
    item = ann.items()[0]
    assert ann.post("/leave", {})[0] == 200
    assert ann.ask("GET", "/items?count=1")[0] == 401
    assert Visitor(server, "Bob").items()[0]["item"] == item["item"]


def test_a_taken_port_is_one_line(server, folder):
    ended = hearten("review", folder, "--port", server.port)
    assert ended.code == 1
    assert "cannot listen on 127.0.0.1" in one_line_error(ended)


def test_an_unfinished_build_is_one_line(folder):
    (folder / "manifest.json").unlink()
    ended = hearten("review", folder)
    assert ended.code == 1 and "the build is not complete" in one_line_error(ended)


def test_a_setting_out_of_range_is_one_line(folder):
    ended = hearten("review", folder, "--overlap", 0)
    assert ended.code == 1 and "overlap is 0" in one_line_error(ended)


def own_build(tmp_path: Path, records: list[dict[str, Any]]) -> Path:
    """Write a build of these samples and return its folder."""
    folder = tmp_path / "output" / "trial"
    shutil.rmtree(folder, ignore_errors=True)
    manifest = make_build(folder, [orjson.loads(orjson.dumps(one)) for one in records])
    write_json(folder / "manifest.json", manifest)
    return folder


# ---- for leads ------------------------------------------------------------------------------


def test_what_people_disagree_about_is_settled_by_who_has_not_seen_it(site):
    with site.serve("--overlap", 2) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        item = ann.items()[0]
        ann.decide(item, comment="fine as it is")
        theirs = next(one for one in bob.items(3) if one["item"] == item["item"])
        bob.decide(theirs, "reject", reason="generic")
        address = f"/disputed?item={item['item']}"
        assert ann.ask("GET", address)[0] == 404, "Ann has seen it"
        assert item["item"] not in ann.ask("GET", "/disputed")[2].decode()
        with server_without_leases(site, server) as lea:
            assert item["item"] in lea.ask("GET", "/disputed")[2].decode()
            lea.page = lea.ask("GET", address)[2].decode()
            shown = lea.start()["items"][0]
            assert {one["verdict"] for one in shown["answers"]} == {"accept", "reject"}
            assert "Ann" not in json.dumps(shown) and "Bob" not in json.dumps(shown)
            assert lea.post("/adjudicate", decision(shown))[0] == 422, "it needs a reason"
            status, _ = lea.post("/adjudicate", decision(shown, comment="it fits what was said"))
            assert status == 200
            assert item["item"] not in lea.ask("GET", "/disputed")[2].decode()
    assert [row["kind"] for row in site.held()] == ["decision", "decision", "adjudication"]


def test_progress_shows_what_is_done_by_whom_and_agreement(site):
    with site.serve("--overlap", 2) as server:
        ann, bob = Visitor(server, "Ann"), Visitor(server, "Bob")
        for verdicts in (("accept", "accept"), ("skip", "accept"), ("reject", "reject")):
            for visitor, verdict in zip((ann, bob), verdicts, strict=True):
                item = visitor.items()[0]
                reason = {"reject": "generic", "skip": "unclear"}.get(verdict)
                assert visitor.decide(item, verdict, reason=reason)[0] == 200
        page = Page(ann.ask("GET", "/progress")[2].decode())
    assert "2 of 31 items are fully reviewed." in page.text
    assert page.row("Ann") == ["Ann", "2", "1", "–"]
    assert page.row("verdict", "1.00")[3:] == [
        "2",
        "100 %",
        "5 of 5",
        "too few items to say how sure that is",
    ]


def test_a_gold_answer_tests_annotators(site):
    with site.serve("--gold-share", 0.99) as server:
        lea = Visitor(server, "Lea")
        item = lea.items()[0]
        assert lea.post("/gold", decision(item, "reject", reason="generic"))[0] == 200
        ann = Visitor(server, "Ann")
        given = next(one for one in ann.items(5) if one["item"] == item["item"])
        assert ann.decide(given)[0] == 200
        page = Page(lea.ask("GET", "/progress")[2].decode())
    assert page.row("Ann") == ["Ann", "1", "0", "0 of 1"]


@contextlib.contextmanager
def server_without_leases(site: Site, server: Server):
    """Yield a lead whom no page has given anything yet."""
    lea = Visitor(server, "Lea")
    site.run(
        "delete from review_leases where annotator = "
        "(select id from review_annotators where name = 'Lea')"
    )
    yield lea
