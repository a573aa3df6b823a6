"""Keys of one's own in a real browser: given, refused, kept, given back, turned off."""

from __future__ import annotations

import pytest
from browsing import hear, press_and_wait, sent, sign_in, text, until
from serving import Server
from sites import held

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow


@pytest.fixture
def page(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        page.server = server
        yield page
        page.context.close()


def give(page, action: str, key: str) -> str:
    """Give an action another key in the list of keys, and return what is said of it."""
    if not page.is_visible("#keys"):
        page.keyboard.press("?")
    page.click(f"[data-changes={action}]")
    page.keyboard.press(key)
    return page.inner_text("#keys-said")


def hint(page, button: str) -> str:
    return page.inner_text(f"{button} kbd")


def test_an_action_with_another_key_follows_that_one_alone(page, scenes):
    assert give(page, "accept", "w") == "w is now for: accept."
    assert page.inner_text("[data-changes=accept] kbd") == "w"
    page.keyboard.press("Escape")
    assert hint(page, "#accept") == "w"
    assert page.get_attribute("#accept", "aria-keyshortcuts") == "w"
    first = text(page)
    hear(page)
    page.keyboard.press("a")
    assert text(page) == first, "its usual key does nothing any more"
    press_and_wait(page, "w")
    sent(page)
    assert [row["verdict"] for row in held(scenes)] == ["accept"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("x", "x is already used for: reject, with a reason."),
        ("3", "3 is reserved for: rate the marked scale."),
        ("Enter", "Enter cannot be changed."),
        ("Control+z", "Keys with Ctrl, Alt or Cmd belong to the browser."),
    ],
)
def test_a_key_that_is_taken_is_refused_with_words(page, key, words):
    assert words in give(page, "accept", key)
    page.keyboard.press("Escape")
    assert page.is_visible("#keys"), "Esc leaves the change, not the list"
    assert page.inner_text("[data-changes=accept] kbd") == "a"
    page.keyboard.press("Escape")
    assert page.is_hidden("#keys") and hint(page, "#accept") == "a"


def test_keys_can_be_swapped_by_way_of_a_free_one(page):
    give(page, "accept", "w")
    give(page, "reject", "a")
    give(page, "accept", "x")
    page.keyboard.press("Escape")
    assert (hint(page, "#accept"), hint(page, "#reject")) == ("x", "a")


def test_keys_with_names_are_keys_too(page):
    assert give(page, "play", "ArrowRight") == "ArrowRight is now for: play or pause the speaker."
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    until(page, "!document.querySelector('#accept').disabled")


def test_keys_of_ones_own_are_kept_for_oneself_and_given_back(browser, page):
    give(page, "undo", "w")
    page.reload()
    page.wait_for_selector("#desk:not([hidden])")
    assert hint(page, "#undo") == "w"
    page.click("#leave")
    page.wait_for_url("**/join")
    page.keyboard.type("Bob")
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk:not([hidden])")
    assert hint(page, "#undo") == "u", "Bob has keys of his own"
    give(page, "undo", "q")
    page.click("#usual-keys")
    assert page.inner_text("#keys-said") == "The default keys are restored."
    assert page.inner_text("[data-changes=undo] kbd") == "u"
    page.keyboard.press("Escape")
    assert hint(page, "#undo") == "u"


def test_without_single_keys_no_hint_promises_one(page):
    page.keyboard.press("?")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    assert page.locator("dialog[open]").count() == 0
    assert page.is_hidden("#skip kbd") and page.get_attribute("#skip", "aria-keyshortcuts") is None
    page.reload()
    page.wait_for_selector("#desk:not([hidden])")
    assert page.is_hidden("#skip kbd"), "it is kept"
    page.click("#show-keys")
    page.check("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.wait_for_selector("#choose[open]")


def test_caps_lock_is_no_other_key(page):
    page.evaluate(
        "document.querySelector('#main').dispatchEvent("
        "new KeyboardEvent('keydown', { key: 'S', bubbles: true }))"
    )
    page.wait_for_selector("#choose[open]")
