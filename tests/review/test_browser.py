"""The review page in a real browser, by keyboard, with sound that really plays."""

from __future__ import annotations

import json
import sqlite3
import time
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import (
    LAPTOP,
    PATIENCE,
    PHONE,
    fetched,
    hear,
    press_and_wait,
    sent,
    sign_in,
    sign_in_elsewhere,
    text,
    until,
)
from builds import samples
from serving import Server
from sites import held

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow


def bodies(folder: Path) -> list[dict]:
    return [{**row, **json.loads(row["body"])} for row in held(folder)]


def test_twenty_items_by_keyboard_with_sound_that_plays(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        seen = []
        for number in range(20):
            seen.append(text(page))
            played = hear(page)
            assert played > 0.5, "the clock of the media element moved"
            for key in ("4", "5", "3"):
                page.keyboard.press(key)
            if number % 5 == 4:
                page.keyboard.press("x")
                page.wait_for_selector("#choose[open]")
                press_and_wait(page, "5")
            else:
                press_and_wait(page, "a")
        sent(page)
        assert page.inner_text("#left") == "1 left"
        assert page.wrong == []
    decided = bodies(scenes)
    assert len({row["item"] for row in decided}) == 20
    assert [row["verdict"] for row in decided].count("reject") == 4
    assert all(row["ratings"] == {"fit": 4, "naturalness": 5, "restraint": 3} for row in decided)
    by_id = {one["id"]: one for one in samples(scenes)}
    for row in decided:
        assert row["seconds_heard"] > 0.9 * by_id[row["item"]]["audio_info"]["duration"]
    assert seen == [by_id[row["item"]]["target_utterance"]["text"] for row in decided]


def test_keys_for_deciding_open_once_the_speaker_was_heard(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        first = text(page)
        page.keyboard.press("a")
        page.keyboard.press("e")
        assert text(page) == first and page.is_hidden("#editing")
        assert page.is_visible("#locked")
        hear(page)
        assert page.is_hidden("#locked")
        press_and_wait(page, "a")
        sent(page)
    assert len(held(scenes)) == 1


def test_sound_that_was_fetched_ahead_starts_without_asking_for_it(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        fetched(page, 3)
        for number in range(3):
            hear(page)
            assert page.evaluate("document.querySelector('#sound').src").startswith("blob:")
            press_and_wait(page, "a")
            fetched(page, 4 + number)
        addresses = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
        clips = [address for address in addresses if "/audio?" in address]
        assert len(clips) == len(set(clips)), "each is fetched once, and not again to be played"


def test_an_edit_shows_what_changes_and_is_checked(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        draft = page.inner_text("#reply")
        hear(page)
        page.keyboard.press("e")
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type("Hm.")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#errors:not(:empty)")
        assert "a reply has 3 to 60" in page.inner_text("#errors")
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(f"{draft} Truly so.")
        assert page.inner_text("#diff ins").strip() == "Truly so." or (
            page.locator("#diff ins").all_inner_texts()[-1] == "so."
        )
        assert page.locator("#diff del").count() == 0
        press_and_wait(page, "Control+Enter")
    (row,) = bodies(scenes)
    assert row["verdict"] == "edit" and row["reply"]["text"] == f"{draft} Truly so."


def test_keys_do_nothing_while_somebody_types(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        first = text(page)
        page.keyboard.press("t")
        page.keyboard.type("axes u? 1")
        assert page.input_value("#comment") == "axes u? 1"
        assert text(page) == first and page.locator("dialog[open]").count() == 0
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        assert page.is_visible("#keys")
        page.keyboard.press("a")
        assert text(page) == first
        page.keyboard.press("Escape")
        press_and_wait(page, "a")
        sent(page)
    assert bodies(scenes)[0]["comment"] == "axes u? 1"


def test_single_keys_can_be_turned_off(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        page.keyboard.press("?")
        page.uncheck("#keys-on")
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        assert page.locator("dialog[open]").count() == 0


def test_skip_flag_strategies_and_emotion_by_key(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        page.keyboard.press("f")
        for key in ("1", "3", "Enter"):
            page.keyboard.press(key)
        assert page.inner_text("#flagged").split("\n")[0].startswith("the audio is broken")
        page.keyboard.press("g")
        page.wait_for_selector("#choose[open]")
        for key in ("1", "2", "1", "Enter"):
            page.keyboard.press(key)
        assert page.inner_text("#chosen .chip") != ""
        page.keyboard.press("m")
        for _ in range(60):
            if page.input_value("#heard") != "nostalgia":
                page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.keyboard.press("s")
        page.wait_for_selector("#choose[open]")
        press_and_wait(page, "2")
        sent(page)
    (row,) = bodies(scenes)
    assert (row["verdict"], row["reason"]) == ("skip", "cannot_hear")
    assert row["flags"] == ["audio_broken", "personal_data"]
    assert row["emotion"] == "nostalgia"


def test_undo_brings_items_back_one_after_the_other(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        seen = []
        for _ in range(3):
            seen.append(text(page))
            hear(page)
            press_and_wait(page, "a")
        for expected in reversed(seen):
            press_and_wait(page, "u")
            assert text(page) == expected
        assert page.is_enabled("#accept"), "what was heard stays heard"
        press_and_wait(page, "a")
        sent(page)
    kinds = [row["kind"] for row in held(scenes)]
    assert kinds == ["decision"] * 3 + ["undo"] * 3 + ["decision"]


def test_a_killed_server_loses_nothing_and_the_page_goes_on(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        press_and_wait(page, "a")
        sent(page)
        fetched(page, 4)
        server.kill()
        for _ in range(2):
            hear(page)
            press_and_wait(page, "a")
        until(page, "document.querySelector('#notice').textContent.includes('No connection')")
        server.start()
        sent(page)
        page.reload()
        page.wait_for_selector("#desk:not([hidden])")
        assert page.inner_text("#left") == "18 left"
    rows = held(scenes)
    assert len({row["item"] for row in rows}) == 3 == len(rows)


def test_what_was_begun_is_there_after_the_tab_was_closed(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        page.keyboard.press("2")
        page.keyboard.press("e")
        page.keyboard.type("Well, ")
        begun = page.input_value("#edit")
        again = page.context.new_page()
        page.close()
        again.goto(f"{server.address}/review")
        again.wait_for_selector("#editing:not([hidden])")
        assert again.input_value("#edit") == begun
        assert again.is_checked("#scale-fit input[value='2']")


def test_a_second_tab_on_an_item_is_told(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        second = page.context.new_page()
        second.goto(f"{server.address}/review")
        second.wait_for_selector("#notice:not(:empty)")
        assert "open in another tab" in second.inner_text("#notice")
        first = text(second)
        hear(page)
        press_and_wait(page, "a")
        second.wait_for_selector("#errors:not(:empty)")
        assert "in another tab" in second.inner_text("#errors")
        assert text(second) != first


def test_two_people_decide_about_the_same_items_where_k_is_two(browser, scenes):
    with Server(scenes, "--overlap", 2) as server:
        ann, bob = sign_in(browser, server, "Ann"), sign_in(browser, server, "Bob")
        for page in (ann, bob):
            for _ in range(3):
                hear(page)
                press_and_wait(page, "a")
            sent(page)
        assert text(ann) != ""
    rows = held(scenes)
    by = {}
    for row in rows:
        by.setdefault(row["item"], set()).add(row["annotator"])
    assert [len(people) for people in by.values()] == [2, 2, 2]
    assert not any(row["surplus"] for row in rows)


def test_a_hidden_reply_is_shown_after_ones_own_answer(browser, scenes):
    with Server(scenes, "--hidden-share", 1) as server:
        page = sign_in(browser, server, "Ann")
        assert page.is_hidden("#reply")
        page.keyboard.press("g")
        page.keyboard.press("f")
        page.keyboard.press("Enter")
        page.keyboard.press("d")
        assert "Listen to the whole clip" in page.inner_text("#notice"), "nobody answers unheard"
        page.keyboard.press("Space")
        until(page, "!document.querySelector('#locked').textContent.startsWith('Listen')")
        page.keyboard.press("d")
        page.wait_for_selector("#reply:not(:empty)")
        page.keyboard.press("y")
        press_and_wait(page, "a")
        sent(page)
    (row,) = bodies(scenes)
    assert row["hidden"] and row["before"] == {"strategies": ["summarization"]}
    assert row["strategies"] != ["summarization"]


def test_a_disagreement_is_settled_side_by_side(browser, scenes):
    with Server(scenes, "--overlap", 2) as server:
        ann, bob = sign_in(browser, server, "Ann"), sign_in(browser, server, "Bob")
        hear(ann)
        press_and_wait(ann, "a")
        sent(ann)
        hear(bob)
        bob.keyboard.press("x")
        bob.wait_for_selector("#choose[open]")
        press_and_wait(bob, "1")
        sent(bob)
        lea = sign_in_elsewhere(browser, server, "Lea")
        lea.goto(f"{server.address}/disputed")
        lea.click("tbody a")
        lea.wait_for_selector("#desk:not([hidden])")
        assert lea.locator(".answer").count() == 2
        hear(lea)
        lea.keyboard.press("t")
        lea.keyboard.type("It answers what was said.")
        lea.keyboard.press("Escape")
        accepted = lea.locator(".answer").filter(has_text="accept")
        number = accepted.locator("button kbd").inner_text()
        lea.keyboard.press(number)
        lea.wait_for_url("**/disputed")
        assert "nothing for you to adjudicate" in lea.inner_text("main")
    last = bodies(scenes)[-1]
    assert (last["kind"], last["verdict"]) == ("adjudication", "accept")
    assert last["comment"] == "It answers what was said."


def test_ones_own_items_can_be_decided_again(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        first = text(page)
        hear(page)
        press_and_wait(page, "a")
        sent(page)
        page.goto(f"{server.address}/mine")
        page.click("tbody a")
        page.wait_for_selector("#desk:not([hidden])")
        assert text(page) == first and page.is_enabled("#accept")
        page.keyboard.press("x")
        page.wait_for_selector("#choose[open]")
        page.keyboard.press("5")
        page.wait_for_url("**/mine")
    assert [row["verdict"] for row in held(scenes)] == ["accept", "reject"]


# ---- how it looks ---------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_axe_finds_nothing_on_any_page(browser, hard, scheme, viewport):
    page = sign_in(browser, hard, "Axe", viewport=viewport, color_scheme=scheme)
    assert accessible(page) == []
    for key, dialog in (("?", "#keys"), ("g", "#choose")):
        page.keyboard.press(key)
        page.wait_for_selector(f"{dialog}[open]")
        assert accessible(page) == []
        page.keyboard.press("Escape")
    for path in ("guidelines", "mine", "progress", "disputed", "join"):
        page.goto(f"{hard.address}/{path}")
        assert accessible(page) == [], path


def accessible(page) -> list[str]:
    """Return what axe-core finds against WCAG 2.2 A and AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


def test_a_usual_item_fits_a_laptop_without_scrolling(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        for _ in range(5):
            height = page.evaluate("document.documentElement.scrollHeight")
            assert height <= LAPTOP["height"]
            hear(page)
            press_and_wait(page, "a")


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_items_that_are_hard_to_show_are_shown(browser, hard, viewport):
    page = sign_in(browser, hard, f"Hard {viewport['width']}", viewport=viewport)
    for name in ("german", "rtl", "silent", "long", "many", "hostile"):
        page.goto(f"{hard.address}/review")
        page.wait_for_selector("#desk:not([hidden])")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], name
        if name == "rtl":
            assert directions(page, "#text", "#turns li div:last-child") == {"rtl"}
        if name == "silent":
            assert page.is_visible("#silent") and page.is_enabled("#accept")
        if name == "long":
            assert page.inner_text("#clock") == "0:00 of 10:00"
        if name == "many":
            assert page.locator("#turns li").count() == 40
            assert in_sight(page, "#turns li:last-child") and in_sight(page, "#text")
            if viewport is LAPTOP:
                assert page.evaluate("document.documentElement.scrollHeight") <= 720
        if name == "hostile":
            assert "<img src=x" in text(page) and page.evaluate("window.evil") is None
        page.keyboard.press("s")
        page.wait_for_selector("#choose[open]")
        page.keyboard.press("1")
        sent(page)
    assert page.wrong == []


def directions(page, *selectors: str) -> set[str]:
    """Return in which directions the texts of some elements run."""
    return set(
        page.evaluate(
            "all => all.flatMap(one => [...document.querySelectorAll(one)])"
            ".map(one => getComputedStyle(one).direction)",
            list(selectors),
        )
    )


def in_sight(page, selector: str) -> bool:
    """Return whether an element is not scrolled out of what it lies in."""
    return page.evaluate(
        """selector => {
          const one = document.querySelector(selector);
          const [own, around] = [one, one.parentElement].map(e => e.getBoundingClientRect());
          return own.bottom <= around.bottom + 1 && own.bottom > around.top;
        }""",
        selector,
    )


def test_text_from_right_to_left_is_edited_so(browser, hard):
    page = sign_in(browser, hard, "Rina")
    while "אני" not in text(page):
        page.keyboard.press("s")
        page.wait_for_selector("#choose[open]")
        press_and_wait(page, "1")
    hear(page)
    page.keyboard.press("e")
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("זה נשמע קשה מאוד.")
    assert directions(page, "#edit") == {"rtl"}
    assert page.get_attribute("#edit", "lang") == "he"
    assert page.locator("#diff ins").count() > 0
    page.keyboard.press("Escape")


def test_one_key_after_the_other_opens_and_closes_lists_as_pressed(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        before = page.inner_text("#chosen")
        page.keyboard.press("g")
        page.keyboard.press("Escape")
        page.keyboard.press("f")
        page.keyboard.press("2")
        page.keyboard.press("Enter")
        page.keyboard.press("g")
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        page.keyboard.press("?")
        page.wait_for_selector("#keys[open]")
        page.keyboard.press("Escape")
        assert page.locator("dialog[open]").count() == 0
        assert page.inner_text("#flagged") == "the text does not match"
        assert page.inner_text("#chosen") != before
        assert page.wrong == []


def test_an_edit_saved_twice_at_once_is_one_decision(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        page.keyboard.press("e")
        page.keyboard.type("Well then. ")
        held_back = []
        page.route("**/decide", lambda route: held_back.append(route))
        page.keyboard.press("Control+Enter")
        page.keyboard.press("Control+Enter")
        over = time.monotonic() + PATIENCE
        while not held_back:
            assert time.monotonic() < over, page.inner_text("#errors") or page.content()[:2000]
            page.wait_for_timeout(30)
        page.wait_for_timeout(300)
        assert len(held_back) == 1
        first = text(page)
        held_back[0].continue_()
        until(
            page, "first => document.querySelector('#text').textContent !== first", argument=first
        )
        assert page.inner_text("#errors") == ""
    assert len(held(scenes)) == 1


def test_an_answer_that_comes_late_is_not_about_the_next_item(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        second = page.context.new_page()
        second.goto(f"{server.address}/review")
        second.wait_for_selector("#notice:not(:empty)")
        second.keyboard.press("s")
        second.wait_for_selector("#choose[open]")
        hear(page)
        press_and_wait(page, "a")
        second.wait_for_selector("#errors:not(:empty)")
        assert second.locator("dialog[open]").count() == 0
        second.keyboard.press("1")
        sent(page)
        sent(second)
    assert [row["verdict"] for row in held(scenes)] == ["accept"]


def test_whoever_was_signed_out_elsewhere_sends_what_they_decided_on_coming_back(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        with sqlite3.connect(scenes.parent / "hearten.sqlite") as connection:
            connection.execute("delete from review_sessions")
        page.keyboard.press("a")
        page.wait_for_url("**/join")
        page.keyboard.type("Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("#desk:not([hidden])")
        sent(page)
    assert [row["verdict"] for row in held(scenes)] == ["accept"]


def test_nobody_is_told_that_nothing_is_left_while_the_server_is_away(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        fetched(page, 3)
        server.kill()
        for _ in range(3):
            page.keyboard.press("s")
            page.wait_for_selector("#choose[open]")
            page.keyboard.press("1")
        until(page, "document.querySelector('#desk').hidden")
        page.wait_for_selector("#errors:not(:empty)")
        assert "cannot be reached" in page.inner_text("#errors")
        assert page.is_hidden("#done")
        server.start()
        page.wait_for_selector("#desk:not([hidden])")
        sent(page)
    assert len(held(scenes)) == 3


def test_what_could_not_be_sent_is_sent_again_at_odd_times(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        tried = []
        page.on(
            "requestfailed",
            lambda request: "/decide" in request.url and tried.append(time.monotonic()),
        )
        server.kill()
        page.keyboard.press("s")
        page.wait_for_selector("#choose[open]")
        page.keyboard.press("1")
        while len(tried) < 7:
            page.wait_for_timeout(100)
        server.start()
        sent(page)
    # The first try is made at once, the others about two seconds apart, half of that at least.
    # What failed while the server was starting is heard of later, all at one time.
    waited = [after - before for before, after in pairwise(tried[1:7])]
    assert min(waited) > 0.9 and max(waited) - min(waited) > 0.1
    assert len(held(scenes)) == 1
