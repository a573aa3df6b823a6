"""Takes the pictures of the review page and of a report for the README and docs/.

    python tests/review/pictures.py docs/images

They show MELD's invented sample, which comes along.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from browsing import (  # noqa: E402
    LAPTOP,
    PHONE,
    chromium,
    hear,
    new_page,
    press_and_wait,
    sent,
    sign_in,
    sign_in_elsewhere,
)
from builds import hearten  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402
from rival import in_other_words  # noqa: E402
from serving import Server, Visitor, decision  # noqa: E402


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        hearten("build", "--corpus", "meld", "--sample", "--output", temporary)
        build = Path(temporary) / "meld-sample"
        _report(browser, build, folder)
        with Server(build, "--overlap", 2) as server:
            _review(browser, server, folder)
            _decide(server)
            _leads(browser, server, folder)
        with Server(build, "--against", in_other_words(build, "other", 9)) as server:
            page = sign_in(browser, server, "Rosa")
            hear(page)
            _take(page, folder, "review-compare")
        with Server(build, "--hidden-share", 1) as server:
            page = sign_in(browser, server, "Mila")
            _take(page, folder, "review-hidden")


def _report(browser: Browser, build: Path, folder: Path) -> None:
    page = new_page(browser, viewport={"width": 1280, "height": 1040})
    page.goto((build / "report.html").as_uri())
    # Emotions and strategies; the counts above them are in the README's own text.
    page.locator("h2").nth(1).evaluate("one => { one.scrollIntoView(); scrollBy(0, -16) }")
    _take(page, folder, "report")


def _review(browser: Browser, server: Server, folder: Path) -> None:
    page = sign_in(browser, server, "Ann")
    page.goto(f"{server.address}/join")
    _take(page, folder, "review-join")
    page.goto(f"{server.address}/review")
    for _ in range(4):
        hear(page)
        for key in "445":
            page.keyboard.press(key)
        press_and_wait(page, "a")
    sent(page)
    page.wait_for_timeout(1000)
    hear(page)
    page.keyboard.press("4")
    _take(page, folder, "review-light")
    page.emulate_media(color_scheme="dark")
    _take(page, folder, "review-dark")
    page.emulate_media(color_scheme="light")
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type(" Take your time.")
    _take(page, folder, "review-edit")
    # Out of the field, out of the edit; the page loaded again does not speak of it any more.
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector("#desk:not([hidden])")
    for key, name in (("?", "review-keys"), ("g", "review-strategies")):
        page.keyboard.press(key)
        _take(page, folder, name)
        page.keyboard.press("Escape")
    page.set_viewport_size(PHONE)
    _take(page, folder, "review-phone")
    page.keyboard.press("g")
    _take(page, folder, "review-phone-list")
    page.keyboard.press("Escape")
    page.set_viewport_size(LAPTOP)
    for name in ("guidelines", "mine"):
        page.goto(f"{server.address}/{name}")
        _take(page, folder, f"review-{name}")


def _decide(server: Server) -> None:
    """Let two people decide about some items, not always alike."""
    for name in ("Ann", "Bob"):
        visitor = Visitor(server, name)
        for number in range(16):
            item = visitor.items()[0]
            verdict = "reject" if name == "Bob" and number % 5 == 4 else "accept"
            more: dict[str, Any] = {
                "ratings": {"fit": 3 + (number + len(name)) % 3, "restraint": 4}
            }
            more["strategies"] = item["draft"]["strategies"]
            reason = "generic" if verdict == "reject" else None
            visitor.post("/decide", decision(item, verdict, reason=reason, **more))


def _leads(browser: Browser, server: Server, folder: Path) -> None:
    page = sign_in_elsewhere(browser, server, "Lea")
    for name in ("progress", "disputed"):
        page.goto(f"{server.address}/{name}")
        _take(page, folder, f"review-{name}")
    page.click("tbody a")
    page.wait_for_selector(".answer")
    _take(page, folder, "review-settle")


def _take(page: Page, folder: Path, name: str) -> None:
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
