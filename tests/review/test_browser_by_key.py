"""What keys do in a real browser: whatever has the focus, on other keyboards, while locked."""

from __future__ import annotations

import json
import shutil
import statistics
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import hear, press_and_wait, sent, sign_in, text, until
from rival import in_other_words
from serving import Server
from sites import held

from builders.audio.with_librosa import has_librosa

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow

SOUND = "document.querySelector('#sound')"
LISTEN = "Listen to the whole clip once; then you can"


@pytest.fixture(scope="module")
def server(short, tmp_path_factory) -> Iterator[Server]:
    """One server for the module; whoever comes has items and pairs of their own."""
    output = tmp_path_factory.mktemp("by_key") / "output"
    shutil.copytree(short.parent, output)
    folder = output / short.name
    with Server(folder, "--overlap", 20, "--against", in_other_words(folder, "rival", 3)) as made:
        yield made


@pytest.fixture
def compare(browser, server) -> Iterator[Any]:
    """The page of a new person at their first pair."""
    page = sign_in(browser, server, f"Ann {uuid.uuid4().hex[:6]}")
    yield page
    page.context.close()


@pytest.fixture
def page(compare, server) -> Any:
    """The page of a new person at their first item."""
    compare.goto(f"{server.address}/review")
    compare.wait_for_selector("#accept:visible")
    return compare


def key(page, name: str, code: str, **more: Any) -> None:
    """Press a key that has another letter than the tests' keyboard has at its place."""
    page.evaluate(
        "init => document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init }))",
        {"key": name, "code": code, **more},
    )


def ratings(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('.scale input:checked')].map(i => i.name + i.value)"
    )


def announced(page) -> str:
    """Return what a screen reader is told: of what is shown, and beside it."""
    page.wait_for_timeout(100)
    return page.inner_text("#notice") + page.text_content("#announced")


def test_letters_of_other_scripts_work_by_their_place(page):
    hear(page)
    first = text(page)
    key(page, "т", "KeyN")  # ru
    assert page.locator(".scale.current").get_attribute("id") == "scale-naturalness"
    key(page, "д", "KeyL")
    assert page.get_attribute("#label", "aria-pressed") == "true"
    key(page, "ش", "KeyA")  # ar
    until(page, "first => document.querySelector('#text').textContent !== first", argument=first)


def test_digits_need_no_shift_where_a_keyboard_has_them_there(page):
    for name, code in (("'", "Digit4"), ("(", "Digit5"), ("۳", "Digit3")):  # fr, fr, fa
        key(page, name, code)
    assert ratings(page) == ["fit4", "naturalness5", "restraint3"]
    page.keyboard.press("g")
    page.wait_for_selector("#choose[open]")
    second = page.locator("#choose-list button").nth(1)
    before = second.get_attribute("aria-pressed")
    key(page, "é", "Digit2")
    assert second.get_attribute("aria-pressed") != before


def test_a_scale_is_corrected_by_key_and_a_slip_wipes_nothing(page):
    for digit in "4432":
        page.keyboard.press(digit)
    assert ratings(page) == ["fit4", "naturalness4", "restraint3"]
    assert "All scales are rated. n goes to the one to correct." in announced(page)
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("2")
    assert ratings(page) == ["fit4", "naturalness2", "restraint3"]


@pytest.mark.parametrize(
    "selector", ["#scale-fit input[value='3']", "#fast", "#heard", "#start-editing", "#undo"]
)
def test_space_plays_whatever_has_the_focus(page, selector):
    page.evaluate("one => document.querySelector(one).focus()", selector)
    before = ratings(page)
    page.keyboard.press("Space")
    until(page, f"!{SOUND}.paused")
    assert ratings(page) == before and page.inner_text("#speed") == "1×"
    assert page.locator("dialog[open]").count() == 0


@pytest.mark.parametrize("pressed", ["a", "e", "x"])
def test_a_locked_key_says_why_and_says_it_once_more(page, pressed):
    page.keyboard.press(pressed)
    assert f"{LISTEN} decide. Space plays it." in announced(page)
    assert page.get_attribute("#notice", "role") == "status"
    page.keyboard.press(pressed)
    assert LISTEN in page.text_content("#announced") or LISTEN in announced(page)
    hear(page)
    assert "You can decide now." in announced(page) and LISTEN not in page.inner_text("#notice")


def test_a_locked_comparison_says_why(compare):
    for pressed in ("1", "2", "="):
        compare.keyboard.press(pressed)
        assert f"{LISTEN} compare. Space plays it." in announced(compare)


def test_a_key_means_the_same_on_both_pages(compare, server):
    def meanings() -> dict[str, str]:
        compare.keyboard.press("?")
        compare.wait_for_selector("#keys[open]")
        rows = compare.locator("#key-list li").all_inner_texts()
        compare.keyboard.press("Escape")
        named = [row.split("\n") for row in rows]
        return {row[0].split(":")[0].strip(): row[-1] for row in named if not row[0][:1].isdigit()}

    here = meanings()
    compare.goto(f"{server.address}/review")
    compare.wait_for_selector("#accept:visible")
    there = meanings()
    both = set(here) & set(there) - {"Esc"}
    assert len(both) > 12 and all(here[one] == there[one] for one in both)


def test_the_last_decision_is_undone_where_nothing_is_left(compare):
    for _ in range(3):
        hear(compare)
        press_and_wait(compare, "1")
    assert compare.is_visible("#done") and compare.is_visible("#done button[data-does=undo]")
    compare.keyboard.press("u")
    compare.wait_for_selector("#desk:not([hidden])")
    assert "Undone: the first is better" in compare.inner_text("#notice")
    press_and_wait(compare, "=")
    compare.click("#done button[data-does=undo]")
    compare.wait_for_selector("#desk:not([hidden])")


def test_the_next_clip_plays_by_itself_where_one_wants_that(page):
    page.keyboard.press("z")
    hear(page)
    press_and_wait(page, "a")
    until(page, "!document.querySelector('#accept').disabled")
    page.reload()
    page.wait_for_selector("#accept:visible")
    assert page.get_attribute("#autoplay", "aria-pressed") == "true", "it stays"


def test_the_spectrogram_is_shown_by_key_and_stays_or_its_absence_is_said(page):
    page.keyboard.press("p")
    if not has_librosa():
        assert "There is no spectrogram of this item." in announced(page)
        return
    drawn = "!document.querySelector('#mel').hidden && document.querySelector('#mel').naturalWidth"
    until(page, drawn)
    page.reload()
    page.wait_for_selector("#accept:visible")
    until(page, drawn)
    assert page.get_attribute("#picture", "aria-pressed") == "true", "it stays"
    page.keyboard.press("p")
    assert page.is_hidden("#mel") and page.wrong == []


def test_an_item_takes_two_keys_and_with_ratings_five(page, server, capsys):
    """Prints what an item costs; the figure that holds is the number of keys."""
    page.evaluate("() => { window.keys = 0; addEventListener('keydown', () => window.keys++) }")
    counted = {}
    for name, more in (("plain", ()), ("rated", ("4", "5", "3"))):
        before = page.evaluate("window.keys")
        for _ in range(4):
            hear(page)
            for each in more:
                page.keyboard.press(each)
            press_and_wait(page, "a")
        counted[name] = (page.evaluate("window.keys") - before) / 4
    sent(page)
    me = json.loads(page.text_content("#start"))["annotator"]
    bodies = [json.loads(row["body"]) for row in held(server.folder) if row["annotator"] == me]
    with capsys.disabled():
        for name, rows in (("plain", bodies[:4]), ("rated", bodies[4:])):
            seconds, clip = (
                statistics.median(row[field] for row in rows)
                for field in ("seconds", "seconds_heard")
            )
            print(
                f"\n{name}: {counted[name]:.0f} keys and {seconds:.1f} s an item,"
                f" {clip:.1f} s of them its clip"
            )
    assert counted == {"plain": 2, "rated": 5}
    assert all(row["seconds"] >= 0.9 * row["seconds_heard"] for row in bodies)
