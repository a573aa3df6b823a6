"""A real browser at the review page, driven by the keyboard as its users are."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from serving import Server

LAPTOP = {"width": 1280, "height": 720}
PHONE = {"width": 390, "height": 844}
# Nothing takes so long; a machine that does much else at once must not fail for it.
PATIENCE = 90.0


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium without a window; sound plays into nothing, by the clock."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium: make browser installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def sign_in(browser: Browser, server: Server, name: str, **context: Any) -> Page:
    """Sign in by keyboard in a browser context of one's own, and wait for the first item."""
    page = new_page(browser, **context)
    page.wrong = []
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.wrong.append(said.text))
    page.goto(server.address)
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#desk:not([hidden]), #done:not([hidden])")
    return page


def sign_in_elsewhere(browser: Browser, server: Server, name: str) -> Page:
    """Sign in without opening the page that would give this person items."""
    page = new_page(browser)
    assert page.request.post(f"{server.address}/join", data={"name": name}).ok
    return page


def new_page(browser: Browser, **context: Any) -> Page:
    """Open a page in a browser context of its own."""
    page = browser.new_context(**{"viewport": LAPTOP, **context}).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    return page


def until(page: Page, expression: str, *, argument: Any = None) -> None:
    """Wait for something to be so in the page, asking from outside as its policy forbids eval."""
    over = time.monotonic() + PATIENCE
    while not page.evaluate(expression, argument):
        assert time.monotonic() < over, expression
        page.wait_for_timeout(30)


def text(page: Page) -> str:
    """Return what the target speaker says."""
    return page.text_content("#text")


def hear(page: Page) -> float:
    """Play the target by key until one may decide; return how far the sound's clock went."""
    until(page, "!document.querySelector('#desk').hidden")
    assert page.is_visible("#locked"), "nothing of it was heard before"
    page.evaluate(
        """() => {
          const sound = document.querySelector("#sound");
          if (window.furthest === undefined) sound.addEventListener("timeupdate", () =>
            (window.furthest = Math.max(window.furthest, sound.currentTime)));
          window.furthest = 0;
        }"""
    )
    page.keyboard.press("Space")
    until(page, "[...document.querySelectorAll('[data-decides]')].some(one => !one.disabled)")
    return page.evaluate("window.furthest")


def press_and_wait(page: Page, *keys: str) -> None:
    """Press keys, and wait until another item stands there or none is left."""
    before = text(page)
    for key in keys:
        page.keyboard.press(key)
    until(
        page,
        "before => !document.querySelector('#done').hidden ||"
        " (!document.querySelector('#desk').hidden &&"
        " document.querySelector('#text').textContent !== before)",
        argument=before,
    )


def fetched(page: Page, clips: int) -> None:
    """Wait until so many different clips have been fetched."""
    until(
        page,
        "clips => new Set(performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(name => name.includes('/audio?'))).size >= clips",
        argument=clips,
    )


def sent(page: Page) -> None:
    """Wait until nothing waits to be sent any more."""
    until(
        page,
        "Object.keys(localStorage).filter(k => k.startsWith('hearten outbox'))"
        ".every(k => localStorage[k] === '[]')",
    )
