"""Where things stand in a real browser: at all sizes, zoomed, in the colours of the system."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import LAPTOP, PHONE, hear, press_and_wait, sent, sign_in, until
from rival import in_other_words
from serving import Server
from test_browser import accessible

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow

# A laptop's window of 1280 by 720 zoomed to 200 and 400 %, as the page sees it.
ZOOM_2, ZOOM_4 = {"width": 640, "height": 360}, {"width": 320, "height": 180}
SIZES = {
    "desk": {"width": 1440, "height": 900},
    "laptop": LAPTOP,
    "tablet": {"width": 820, "height": 1100},
    "zoom_2": ZOOM_2,
    "zoom_4": ZOOM_4,
    "phone": PHONE,
    "small_phone": {"width": 320, "height": 640},
}
# How many options have words over their meaning, or words that are cut off.
UNREADABLE = """() => [...document.querySelectorAll("#choose-list button")].filter((one) => {
  const small = one.querySelector("small") ?? one.querySelector(".place");
  const words = document.createRange();
  words.selectNodeContents([...one.childNodes].find((node) => node.nodeType === 3));
  const [a, b] = [words, small].map((each) => each.getBoundingClientRect());
  const beside = a.left < b.right && b.left < a.right;
  const cut = one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1;
  return (beside && a.top < b.bottom && b.top < a.bottom) || cut;
}).length"""
VIEWS = ("guidelines", "mine", "progress", "disputed", "join")


@pytest.fixture(scope="module")
def server(short, tmp_path_factory) -> Iterator[Server]:
    """One server for the module, of a review and of a comparison with another build."""
    output = tmp_path_factory.mktemp("layout") / "output"
    shutil.copytree(short.parent, output)
    folder = output / short.name
    with Server(folder, "--overlap", 20, "--against", in_other_words(folder, "rival", 6)) as made:
        yield made


def reviewer(browser, server, **context: Any):
    """Return the page of a new person at the review."""
    page = sign_in(browser, server, f"Ann {uuid.uuid4().hex[:6]}", **context)
    page.goto(f"{server.address}/review")
    page.wait_for_selector("#accept:visible")
    return page


def box(page, selector: str) -> dict[str, float]:
    """Return where an element is in the window."""
    found = page.evaluate(
        "one => { const b = document.querySelector(one).getBoundingClientRect();"
        " return { left: b.left, top: b.top, right: b.right, bottom: b.bottom } }",
        selector,
    )
    return {name: round(at) for name, at in found.items()}


def on_top(page, selector: str) -> bool:
    """Return whether nothing lies over an element, at its middle."""
    return page.evaluate(
        """selector => {
          const one = document.querySelector(selector), b = one.getBoundingClientRect();
          const at = document.elementFromPoint((b.left + b.right) / 2, (b.top + b.bottom) / 2);
          return at === one || one.contains(at);
        }""",
        selector,
    )


@pytest.fixture(scope="module")
def walked(browser, server) -> dict[str, list[dict[str, Any]]]:
    """What stands where at each size: before an item was heard, after it, and at the next one."""
    found = {}
    page = reviewer(browser, server)
    for name, size in SIZES.items():
        page.set_viewport_size(size)
        found[name] = [_measured(page)]
        hear(page)
        found[name].append(_measured(page))
        press_and_wait(page, "a")
        found[name].append(_measured(page))
    page.context.close()
    return found


def _measured(page) -> dict[str, Any]:
    page.wait_for_timeout(150)  # the page is told how high its bar is
    names = ("#accept", "#undo", "#decide", "#reply", "header")
    seen = {name: box(page, name) for name in names}
    seen |= {"reply in sight": on_top(page, "#reply"), "accept in sight": on_top(page, "#accept")}
    seen["width"] = page.evaluate("document.documentElement.scrollWidth")
    seen["rows"] = page.evaluate(
        "new Set([...document.querySelectorAll('header *')].filter(one => one.children.length === 0"
        " && one.offsetParent).map(one => { const b = one.getBoundingClientRect();"
        " return Math.round((b.top + b.bottom) / 2 / 12) })).size"
    )
    return seen


@pytest.mark.parametrize("name", SIZES)
def test_one_decides_in_one_place_at_every_size(walked, name):
    size = SIZES[name]
    assert len({tuple(one["#accept"].values()) for one in walked[name]}) == 1, "it never moves"
    for one in walked[name]:
        assert one["#decide"]["bottom"] == size["height"] and one["accept in sight"]
        assert one["#undo"]["right"] <= size["width"] >= one["width"]
        assert one["#undo"]["top"] == one["#accept"]["top"], "one row of buttons"


@pytest.mark.parametrize("name", SIZES)
def test_the_reply_is_in_sight_above_the_bar_and_the_header_has_one_row(walked, name):
    for one in walked[name]:
        assert one["header"]["bottom"] <= 50 and one["rows"] == 1
        if name != "zoom_4":  # there, a few lines fill the window
            assert one["reply in sight"]
            assert one["#reply"]["bottom"] <= one["#decide"]["top"]


def test_both_replies_are_compared_above_the_bar_on_a_phone(browser, server):
    page = sign_in(browser, server, "Cleo", viewport=PHONE)
    until(page, "document.querySelector('#choose-b').offsetParent !== null")
    page.wait_for_timeout(150)
    for reply in ("#reply-0", "#reply-1"):
        assert on_top(page, reply) and box(page, reply)["bottom"] <= box(page, "#decide")["top"]
    page.context.close()


@pytest.mark.parametrize("width", [320, 390, 640, 820, 960, 1280])
def test_lists_can_be_read_at_any_width(browser, server, width):
    page = reviewer(browser, server, viewport={"width": width, "height": 700})
    for key in "gfs":
        page.keyboard.press(key)
        page.wait_for_selector("#choose[open]")
        assert page.evaluate(UNREADABLE) == 0
        assert on_top(page, "#choose-stop"), "the way out is in sight"
        page.keyboard.press("Escape")
    page.context.close()


def test_strategies_are_found_and_put_in_order_beside_the_reply(browser, server):
    page = reviewer(browser, server)
    page.keyboard.press("g")
    page.wait_for_selector("#choose[open]")
    assert box(page, "#choose")["right"] <= box(page, "#reply")["left"]
    assert page.inner_text("#choose-about") == page.text_content("#text")
    while page.locator("#choose-list [aria-pressed=true]").count():
        page.locator("#choose-list [aria-pressed=true]").first.click()
    assert page.inner_text("#choose-said") == "Nothing is chosen."
    for words in ("summar", "valida"):
        page.keyboard.press("/")
        page.keyboard.type(words)
        assert page.locator("#choose-list button:visible").count() == 1
        page.keyboard.press("Enter")
    assert page.inner_text("#choose-said") == "1 summarization, 2 validation"
    places = page.locator("#choose-list [aria-pressed=true] .place").all_inner_texts()
    assert [place.strip() for place in places] == ["✓ 2", "✓ 1"], (
        "validation comes first in the list"
    )
    page.keyboard.press("Enter")
    assert page.locator("#chosen .chip").all_inner_texts() == ["summarization", "validation"]
    page.context.close()


@pytest.mark.parametrize(
    "context",
    [{"forced_colors": "active"}, {"forced_colors": "active", "color_scheme": "dark"},
     {"viewport": ZOOM_4}, {"viewport": ZOOM_4, "color_scheme": "dark"}],
    ids=["forced", "forced_dark", "zoom_4", "zoom_4_dark"],
)  # fmt: skip
def test_axe_finds_nothing_in_forced_colours_and_zoomed(browser, server, context):
    page = sign_in(browser, server, f"Axe {uuid.uuid4().hex[:6]}", **context)
    assert accessible(page) == [], "compare"
    page.goto(f"{server.address}/review")
    hear(page)
    for keys, what in ((), "review"), (("4", "l"), "rated"), (("e",), "an edit"):
        for key in keys:
            page.keyboard.press(key)
        assert accessible(page) == [], what
    page.keyboard.press("Escape")
    for key, dialog in (("?", "#keys"), ("g", "#choose"), ("x", "#choose")):
        page.keyboard.press(key)
        page.wait_for_selector(f"{dialog}[open]")
        assert accessible(page) == [], dialog
        page.keyboard.press("Escape")
    for path in VIEWS:
        page.goto(f"{server.address}/{path}")
        assert accessible(page) == [], path
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], path
    page.context.close()


def test_what_is_chosen_can_be_seen_in_forced_colours(browser, server):
    page = reviewer(browser, server, forced_colors="active")
    hear(page)
    for selector, key in (
        ("#scale-fit label:nth-of-type(4)", "4"),
        ("#label", "l"),
        ("#loop", "o"),
        ("#autoplay", "z"),
    ):
        assert changes(page, selector, key), selector
    page.keyboard.press("g")
    page.wait_for_selector("#choose[open]")
    page.click("#choose-title")
    assert page.evaluate("document.activeElement.id") == "choose", "its keys still work"
    assert changes(page, "#choose-list button:nth-of-type(4)", "4")
    page.context.close()


def changes(page, selector: str, key: str) -> bool:
    """Return whether the picture of an element is another one after a key."""
    one = page.locator(selector)
    page.focus("#choose[open] #choose-stop, body:not(:has(#choose[open])) #main")
    before = one.screenshot()
    page.keyboard.press(key)
    page.wait_for_timeout(200)
    return one.screenshot() != before


def test_on_a_small_screen_the_menu_has_the_pages_and_the_way_out(browser, server):
    page = reviewer(browser, server, viewport=PHONE)
    assert page.is_hidden("#leave")
    page.click("#show-menu")
    assert page.locator("#menu a:visible").count() >= 4 and accessible(page) == []
    page.click("#leave")
    page.wait_for_url("**/join")
    page.context.close()


def test_progress_and_the_time_left_stand_at_the_bar(browser, server):
    page = reviewer(browser, server)
    assert page.inner_text("#pace") == "0 done"
    for _ in range(3):
        hear(page)
        press_and_wait(page, "a")
    sent(page)
    said = page.inner_text("#pace")
    assert said.startswith("3 done, ") and "s an item, about " in said and said.endswith(" to go")
    assert page.evaluate("document.querySelector('#share').value") == 3
    page.reload()
    page.wait_for_selector("#accept:visible")
    assert page.inner_text("#pace") == "3 done"
    page.context.close()
