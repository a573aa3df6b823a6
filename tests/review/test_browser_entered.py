"""What somebody has entered, in a real browser: saved, asked about or kept."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import hear, press_and_wait, sent, sign_in, text, until
from serving import Server
from sites import held

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(short, tmp_path_factory) -> Iterator[Server]:
    """One server for the module; all decisions are about one person's own items."""
    output = tmp_path_factory.mktemp("entered") / "output"
    shutil.copytree(short.parent, output)
    with Server(output / short.name, "--overlap", 20) as running:
        yield running


@pytest.fixture
def page(browser, server) -> Iterator[Any]:
    """The page of a new person, who has heard the first item."""
    page = sign_in(browser, server, f"Ann {uuid.uuid4().hex[:6]}")
    hear(page)
    yield page
    page.context.close()


def decided(server, page) -> list[dict[str, Any]]:
    """Return this person's events with their bodies, oldest first."""
    me = json.loads(page.text_content("#start"))["annotator"]
    rows = [row for row in held(server.folder) if row["annotator"] == me]
    return [{**row, **json.loads(row["body"])} for row in rows]


def begin_edit(page, words: str = "That must weigh on you a lot.") -> None:
    page.keyboard.press("e")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(words)


def chosen(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('.scale input:checked')].map(i => i.name + i.value)"
    )


@pytest.mark.parametrize("how", ["click", "key"])
def test_accept_saves_an_edit_that_is_open(page, server, how):
    begin_edit(page)
    assert page.inner_text("#accept-words") == "Save the edit"
    assert page.locator("button.main:visible").count() == 1
    before = text(page)
    page.click("#accept") if how == "click" else press_and_wait(page, "Escape", "a")
    until(page, "b => document.querySelector('#text').textContent !== b", argument=before)
    (row,) = decided(server, page)
    assert row["verdict"] == "edit" and row["reply"]["text"] == "That must weigh on you a lot."


@pytest.mark.parametrize(("key", "words"), [("x", "Reject"), ("s", "Skip")])
def test_other_decisions_ask_about_an_open_edit(page, server, key, words):
    begin_edit(page)
    page.keyboard.press("Escape")
    page.keyboard.press(key)
    page.wait_for_selector("#choose[open]")
    assert page.inner_text("#choose-title") == "Your edit is not saved"
    assert f"{words} without the edit" in page.inner_text("#choose-list")
    page.keyboard.press("Escape")
    assert page.input_value("#edit") == "That must weigh on you a lot."
    page.keyboard.press(key)
    page.wait_for_selector("#choose[open]")
    press_and_wait(page, "1")
    assert [row["verdict"] for row in decided(server, page)] == ["edit"]


def test_a_cancelled_edit_can_be_brought_back_and_undo_keeps_one(page, server):
    press_and_wait(page, "a")
    hear(page)
    begin_edit(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    assert "set aside" in page.inner_text("#notice") and page.is_hidden("#editing")
    page.keyboard.press("e")
    assert page.input_value("#edit") == "That must weigh on you a lot."
    page.keyboard.press("Escape")
    press_and_wait(page, "u")
    assert "What you began about the other item is kept." in page.inner_text("#notice")
    press_and_wait(page, "a")
    assert page.input_value("#edit") == "That must weigh on you a lot."


def test_signing_out_asks_about_an_open_edit_and_sends_what_was_decided(page, server):
    begin_edit(page)
    page.click("#leave")
    page.wait_for_selector("#choose[open]")
    assert "Sign out without the edit" in page.inner_text("#choose-list")
    page.keyboard.press("Escape")
    assert page.input_value("#edit") == "That must weigh on you a lot."
    page.click("#leave")
    press_and_wait(page, "1")
    assert [row["verdict"] for row in decided(server, page)] == ["edit"]
    page.route("**/decide", lambda route: route.abort())
    hear(page)
    press_and_wait(page, "a")
    page.click("#leave")
    until(page, "document.querySelector('#notice').textContent.includes('sign out when')")
    page.unroute("**/decide")
    sent(page)
    page.click("#leave")
    page.wait_for_url("**/join")


def test_a_refusal_brings_back_all_that_was_entered(page, server):
    for key in "453":
        page.keyboard.press(key)
    page.fill("#comment", "thought about for a minute")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    left, first = page.inner_text("#left"), text(page)
    refused = {"errors": ["comment: it is too strange"]}
    page.route("**/decide", lambda r: r.fulfill(status=422, body=json.dumps(refused)))
    page.keyboard.press("a")
    page.wait_for_selector("#errors:not(:empty)")
    until(page, "f => document.querySelector('#text').textContent === f", argument=first)
    page.unroute("**/decide")
    assert page.inner_text("#errors").startswith("Not saved: comment: it is too strange")
    assert page.get_attribute("#comment", "aria-invalid") == "true"
    assert page.input_value("#comment") == "thought about for a minute"
    assert chosen(page) == ["fit4", "naturalness5", "restraint3"]
    assert page.input_value("#heard") and page.is_enabled("#accept")
    assert page.inner_text("#left") == left
    press_and_wait(page, "a")
    sent(page)
    (row,) = decided(server, page)
    assert row["comment"] == "thought about for a minute" and row["seconds"] > 0


def test_any_strategy_may_be_chosen_and_says_what_becomes_of_it(page, server):
    page.keyboard.press("y")
    page.keyboard.press("g")
    page.wait_for_selector("#choose[open]")
    while page.locator("#choose-list [aria-pressed=true]").count():
        page.locator("#choose-list [aria-pressed=true]").first.click()
    other = page.locator("#choose-list button", has_text="Kept as your opinion").first
    other.click()
    assert other.locator(".place").inner_text().strip() == "✓ 1"
    page.keyboard.press("Enter")
    press_and_wait(page, "a")
    sent(page)
    assert "kept as your opinion" in page.inner_text("#notice")
    (row,) = decided(server, page)
    assert row["verdict"] == "accept" and row["opinion"] and len(row["strategies"]) == 1


def test_what_is_not_touched_is_not_said(page, server):
    press_and_wait(page, "a")
    sent(page)
    (row,) = decided(server, page)
    assert row["emotion"] is row["strategies"] is row["ratings"] is row["flags"] is None


def test_no_decided_item_is_shown_after_a_reload_with_something_unsent(page, server):
    first = text(page)
    page.route("**/decide", lambda route: route.abort())
    press_and_wait(page, "a")
    until(page, "document.querySelector('#notice').textContent.includes('No connection')")
    page.on("dialog", lambda dialog: dialog.accept())
    left = int(page.inner_text("#left").split()[0])
    page.reload()
    page.wait_for_selector("#desk:not([hidden])")
    assert text(page) != first and int(page.inner_text("#left").split()[0]) == left
    page.unroute("**/decide")
    sent(page)
    assert len(decided(server, page)) == 1 and page.inner_text("#left") == f"{left} left"


def test_a_skip_that_was_never_heard_stays_locked_when_it_is_undone(page):
    press_and_wait(page, "a")
    page.keyboard.press("s")
    page.wait_for_selector("#choose[open]")
    press_and_wait(page, "1")
    press_and_wait(page, "u")
    assert page.is_disabled("#accept") and page.is_visible("#locked")
