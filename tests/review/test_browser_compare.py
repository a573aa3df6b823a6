"""Two drafts compared in a real browser, by keyboard."""

from __future__ import annotations

import json

import pytest
from browsing import LAPTOP, PHONE, fetched, hear, press_and_wait, sent, sign_in, text, until
from rival import WORDS, in_other_words
from serving import Server
from test_browser import accessible, bodies

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow


@pytest.fixture
def server(scenes):
    """A server that compares six drafts of a build with those of another."""
    with Server(scenes, "--against", in_other_words(scenes, "rival", 6)) as running:
        yield running


def replies(page) -> list[str]:
    return [page.inner_text(f"#reply-{at}") for at in range(2)]


def test_drafts_are_compared_by_keyboard_after_hearing_the_speaker(browser, server, scenes):
    page = sign_in(browser, server, "Ann")
    assert page.url.endswith("/compare") and page.inner_text("#left") == "6 left"
    first = text(page)
    page.keyboard.press("1")
    assert text(page) == first and page.is_disabled("#equal"), "nothing was heard"
    assert "Listen to the whole clip" in page.inner_text("#notice")
    chosen = []
    for key in ("1", "2", "=", "1"):
        hear(page)
        shown = replies(page)
        assert WORDS in shown and shown[0] != shown[1]
        chosen.append({"1": shown[0], "2": shown[1], "=": None}[key])
        if key == "2":
            page.keyboard.press("t")
            page.keyboard.type("a = b?")
            page.keyboard.press("Escape")
        press_and_wait(page, key)
    sent(page)
    assert page.inner_text("#left") == "2 left" and page.wrong == []
    made = bodies(scenes)
    verdicts = [None if c is None else "b" if c == WORDS else "a" for c in chosen]
    assert [row["verdict"] for row in made] == [one or "equal" for one in verdicts]
    assert made[1]["comment"] == "a = b?" and made[0]["comment"] is None
    assert all(row["seconds_heard"] > 0.5 for row in made)


def test_undo_goes_back_as_often_as_one_likes(browser, server, scenes):
    page = sign_in(browser, server, "Ann")
    seen = []
    for key in ("1", "2"):
        seen.append((text(page), replies(page)))
        hear(page)
        press_and_wait(page, key)
    for before, said in zip(reversed(seen), ("the second", "the first"), strict=True):
        press_and_wait(page, "u")
        assert (text(page), replies(page)) == before
        assert f"Undone: {said} is better" in page.inner_text("#notice")
    assert page.is_enabled("#choose-a"), "what was heard stays heard"
    press_and_wait(page, "=")
    sent(page)
    kinds = ["comparison", "comparison", "undo", "undo", "comparison"]
    assert [row["kind"] for row in bodies(scenes)] == kinds


def test_all_pairs_done_says_so(browser, server, scenes):
    page = sign_in(browser, server, "Ann")
    for _ in range(6):
        page.keyboard.press("f")
        press_and_wait(page, "2")
    assert page.is_visible("#done")
    sent(page)
    made = bodies(scenes)
    assert len(made) == 6 and all(row["broken"] for row in made)
    page.click("text=Review")
    page.wait_for_selector("#accept")
    assert page.inner_text("#left") == "21 left", "the review is another matter"


def test_what_is_compared_while_the_server_is_away_is_sent_later(browser, server, scenes):
    page = sign_in(browser, server, "Ann")
    fetched(page, 3)
    server.kill()
    hear(page)
    press_and_wait(page, "2")
    until(page, "document.querySelector('#notice').textContent.includes('No connection')")
    server.start()
    sent(page)
    assert len(bodies(scenes)) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_axe_finds_nothing_and_a_usual_pair_fits(browser, server, scheme, viewport):
    page = sign_in(browser, server, "Axe", viewport=viewport, color_scheme=scheme)
    assert accessible(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    if viewport is LAPTOP:
        assert page.evaluate("document.documentElement.scrollHeight") <= LAPTOP["height"]
    page.click("#show-keys")
    assert accessible(page) == []


def test_no_page_of_an_annotator_says_which_build_is_which(browser, server):
    page = sign_in(browser, server, "Ann")
    start = json.loads(page.text_content("#start"))
    for pair in start["items"]:
        assert "rival" not in json.dumps(pair) and "phrasebook" not in json.dumps(pair)
