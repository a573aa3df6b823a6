"""Hearing in a real browser: what counts as heard, half speed, loops, going back, turn by turn."""

from __future__ import annotations

import time

import pytest
from browsing import LAPTOP, hear, press_and_wait, sent, sign_in, text, until
from builds import samples
from hard import LONG
from serving import Server
from test_browser import bodies

# Minutes of a browser: with the slow ones.
pytestmark = pytest.mark.slow

SOUND = "document.querySelector('#sound')"


def duration(folder, said: str) -> float:
    """Return the seconds of the clip in which something is said."""
    record = next(one for one in samples(folder) if one["target_utterance"]["text"] == said)
    return record["audio_info"]["duration"]


def at(page) -> float:
    """Return where the sound stands."""
    return page.evaluate(f"{SOUND}.currentTime")


def pressed(page, button: str) -> bool:
    return page.get_attribute(button, "aria-pressed") == "true"


def click_wave(page, share: float) -> None:
    """Click at a part of the waveform's width."""
    page.click(
        "#wave", position={"x": page.locator("#wave").bounding_box()["width"] * share, "y": 9}
    )


def test_at_half_speed_all_of_the_clip_is_heard_before_keys_open(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        seconds = duration(scenes, text(page))
        page.keyboard.press("h")
        page.keyboard.press("h")
        assert page.inner_text("#speed") == "0.5×"
        began = time.monotonic()
        assert hear(page) > 0.9 * seconds
        assert time.monotonic() - began > 1.8 * 0.9 * seconds - 0.3
        press_and_wait(page, "a")
        assert page.evaluate(f"{SOUND}.playbackRate") == 0.5, "it stays from item to item"
        for _ in range(9):
            page.keyboard.press("i")
        assert page.evaluate(f"{SOUND}.playbackRate") == 2
        sent(page)
    (row,) = bodies(scenes)
    assert 0.9 * seconds < row["seconds_heard"] < 1.1 * seconds


def test_a_loop_plays_again_until_it_is_turned_off(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        page.evaluate("window.rounds = 0")
        page.evaluate(f"() => {SOUND}.addEventListener('seeking', () => window.rounds++)")
        page.keyboard.press("o")
        assert pressed(page, "#loop")
        hear(page)
        until(page, "window.rounds >= 2")
        page.keyboard.press("o")
        until(page, f"{SOUND}.ended")
        seconds = duration(scenes, text(page))
        press_and_wait(page, "a")
        assert not pressed(page, "#loop") and not page.evaluate(f"{SOUND}.loop")
        sent(page)
    (row,) = bodies(scenes)
    assert row["seconds_heard"] > 1.5 * seconds, "all rounds are counted"


def test_all_turns_are_played_one_after_the_other(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        for _ in range(2):
            hear(page)
            press_and_wait(page, "a")
        until(page, "document.querySelectorAll('#turns button').length === 2")
        watch_turns(page)
        page.keyboard.press("c")
        until(page, "!document.querySelector('#accept').disabled")
        until(page, f"{SOUND}.ended")
        assert page.evaluate("window.turns") == [0, 1, -1]
        assert page.locator("#turns .playing").count() == 0


def watch_turns(page) -> None:
    """Note which turn begins to play, -1 for the target."""
    page.evaluate(
        f"""() => {{
          window.turns = [];
          {SOUND}.addEventListener("playing", () => window.turns.push(
            [...document.querySelectorAll("#turns li")].findIndex(
              one => one.classList.contains("playing"))));
        }}"""
    )


def test_turns_are_played_one_by_one_and_only_the_target_counts(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        for _ in range(2):
            hear(page)
            press_and_wait(page, "a")
        until(page, "document.querySelectorAll('#turns button').length === 2")
        watch_turns(page)
        for key, expected in zip("kkkj", ([1], [1, 0], [1, 0, 0], [1, 0, 0, 1]), strict=True):
            page.keyboard.press(key)
            until(
                page,
                "expected => window.turns.join() === expected",
                argument=",".join(map(str, expected)),
            )
            until(page, f"{SOUND}.ended")
            assert page.is_disabled("#accept"), "an earlier turn is not the target"
        page.keyboard.press("j")
        until(page, "!document.querySelector('#accept').disabled")
        assert page.evaluate("window.turns") == [1, 0, 0, 1, -1]
        assert page.wrong == []


def test_a_part_heard_twice_is_not_the_whole(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        for _ in range(2):
            hear(page)
            press_and_wait(page, "a")
        for _ in range(3):
            click_wave(page, 0.6)
            until(page, f"{SOUND}.ended")
        assert page.is_disabled("#accept"), "the beginning was not heard"
        page.keyboard.press("r")
        until(page, "!document.querySelector('#accept').disabled")


def test_what_was_heard_of_a_clip_is_there_after_the_page_was_loaded_again(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        hear(page)
        page.keyboard.press("4")
        page.reload()
        page.wait_for_selector("#desk:not([hidden])")
        assert page.is_enabled("#accept")


def test_two_presses_before_the_clip_is_there_play_nothing(browser, scenes):
    with Server(scenes) as server:
        page = sign_in(browser, server, "Ann")
        waiting = []
        page.route("**/audio?*", lambda route: waiting.append(route))
        page.reload()
        page.wait_for_selector("#desk:not([hidden])")
        page.keyboard.press("Space")
        page.keyboard.press("Space")
        while len(waiting) < 3:
            page.wait_for_timeout(30)
        for route in waiting:
            route.continue_()
        until(page, f"{SOUND}.readyState === 4")
        assert page.evaluate(f"{SOUND}.paused")
        hear(page)


# ---- ten minutes ----------------------------------------------------------------------------


@pytest.fixture
def long(browser, hard):
    """A page at the item whose clip lasts ten minutes, and nobody else's."""
    page = sign_in(browser, hard, f"Long {time.monotonic_ns()}", viewport=LAPTOP)
    while text(page) != LONG:
        page.keyboard.press("s")
        page.wait_for_selector("#choose[open]")
        press_and_wait(page, "1")
    yield page
    page.context.close()


def test_ten_minutes_are_streamed_in_parts_and_begin_anywhere(long):
    assert "/audio?" in long.evaluate(f"{SOUND}.src")
    until(long, "document.querySelector('#clock').textContent === '0:00 of 10:00'")
    long.keyboard.press("Space")
    until(long, f"{SOUND}.currentTime > 0.2")
    click_wave(long, 0.5)
    until(long, f"{SOUND}.currentTime > 299 && !{SOUND}.seeking")
    assert 299 < at(long) < 400 and not long.evaluate(f"{SOUND}.paused")
    until(long, "/^[56]:/.test(document.querySelector('#clock').textContent)")


def test_back_goes_two_seconds_back_and_forward_jumps_are_not_heard(long):
    click_wave(long, 0.5)
    until(long, f"{SOUND}.currentTime > 302")
    long.keyboard.press("Space")
    until(long, f"{SOUND}.paused")
    before = at(long)
    long.keyboard.press("b")
    assert at(long) == pytest.approx(before - 2, abs=0.01)
    for share in (0.2, 0.4, 0.8, 0.995):
        click_wave(long, share)
        until(long, f"{SOUND}.currentTime > {600 * share} - 1")
    until(long, f"{SOUND}.ended")
    long.keyboard.press("4")
    assert long.is_disabled("#accept") and long.is_visible("#locked")
    kept = long.evaluate(
        "Object.values(localStorage).map(one => JSON.parse(one)).find(one => one.parts)"
    )
    assert kept["heard"] < 60, "minutes lie between the places that were played"
