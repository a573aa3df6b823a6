import asyncio
import time

import pytest

from builders.llm.concurrency import START, AdaptiveLimit, Growth, Places


async def _settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_more_than_the_limit_get_in_and_the_rest_come_in_the_order_they_asked():
    async def main():
        limits, entered = AdaptiveLimit(2), []

        async def enter(number):
            await limits.acquire()
            entered.append(number)

        tasks = [asyncio.create_task(enter(number)) for number in range(6)]
        await _settle()
        assert entered == [0, 1]
        assert (limits.in_flight, limits.room) == (2, -4)
        for expected in range(3, 7):
            limits.release(0.0)
            await _settle()
            assert entered == list(range(expected))
        await asyncio.gather(*tasks)
        assert limits.in_flight == 2

    asyncio.run(main())


def test_nobody_overtakes_those_who_wait():
    async def main():
        limits = AdaptiveLimit(1)
        await limits.acquire()
        waiting = asyncio.create_task(limits.acquire())
        await _settle()
        limits.release(0.0)
        late = asyncio.create_task(limits.acquire())
        await _settle()
        assert waiting.done() and not late.done()
        late.cancel()

    asyncio.run(main())


@pytest.mark.parametrize("already_let_in", [False, True])
def test_whoever_gives_up_waiting_takes_no_slot_away(already_let_in):
    async def main():
        limits = AdaptiveLimit(1)
        await limits.acquire()
        waiting = asyncio.create_task(limits.acquire())
        await _settle()
        if already_let_in:
            limits.release(0.0)
            waiting.cancel()
        else:
            waiting.cancel()
            limits.release(0.0)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled() and limits.in_flight == 0
        await asyncio.wait_for(limits.acquire(), 1)

    asyncio.run(main())


def grown(growth: Growth, seconds, windows: int) -> list[int]:
    """Answer windows of requests, each of which takes what `seconds` says of the limit."""
    now, limits = 0.0, [growth.limit]
    for _ in range(windows):
        sent, now = now, now + seconds(growth.limit)
        for _ in range(max(START, growth.limit)):
            growth.answered(sent, now, growth.limit)
        limits.append(growth.limit)
    return limits


def test_without_a_given_limit_it_doubles_from_eight_while_the_latency_holds():
    assert grown(Growth(START, None, lowers=True), lambda _: 0.2, 6) == [
        8,
        16,
        32,
        64,
        128,
        256,
        512,
    ]


def test_it_doubles_while_that_brings_more_answers_a_second_though_each_takes_longer():
    limits = grown(Growth(START, None, lowers=True), lambda limit: 1 + limit / 200, 5)
    assert limits[-1] == 256


def test_it_goes_back_to_where_the_latency_held_and_stays_about_there():
    # A server with 64 slots: more requests only wait in its queue.
    limits = grown(Growth(START, None, lowers=True), lambda limit: 0.1 * max(1, limit / 64), 60)
    assert max(limits) == 128 and limits[-1] < 96


def test_one_slow_window_is_not_the_end_of_growth():
    times = iter([0.2, 0.2, 0.9, 0.2, 0.2, 0.2, 0.2])
    assert grown(Growth(START, None, lowers=True), lambda _: next(times), 7)[-1] >= 256


def test_a_server_that_became_slow_gets_fewer_and_never_fewer_than_it_began_with():
    growth = Growth(START, None, lowers=True)
    grown(growth, lambda limit: 0.1 * max(1, limit / 64), 20)
    assert min(grown(growth, lambda _: 5.0, 20)) == START


def test_a_given_limit_is_where_it_starts_and_the_most_it_comes_back_to():
    growth = Growth(16, 16, lowers=False)
    assert grown(growth, lambda _: 0.1, 3)[-1] == 16
    growth.halve(1e3)
    assert growth.limit == 8
    growth._changed = -1.0
    assert grown(growth, lambda _: 0.1, 10)[-1] == 16


def test_answers_to_what_was_sent_before_a_change_tell_nothing_of_it():
    growth = Growth(START, None, lowers=True)
    grown(growth, lambda _: 0.2, 1)
    assert not any(growth.answered(0.0, 0.3, 16) for _ in range(100)) and growth.limit == 16


def test_a_limit_that_is_never_reached_is_not_raised():
    growth = Growth(START, None, lowers=True)
    for _ in range(1000):
        assert not growth.answered(0.0, 0.2, START - 1)


async def _answered(limits: AdaptiveLimit, count: int) -> None:
    for _ in range(count):
        limits.answered(time.monotonic())


def test_a_refusal_in_ten_changes_nothing():
    async def main():
        limits = AdaptiveLimit(64)
        for number in range(200):
            if number % 10 == 9:
                assert not limits.refused(time.monotonic(), 1.0, 60.0)
            else:
                limits.answered(time.monotonic())
        assert limits.limit == 64 and not limits.paused

    asyncio.run(main())


def test_more_than_a_fifth_of_the_last_answers_refused_halves_it_once_for_all_and_pauses():
    async def main():
        limits = AdaptiveLimit(64)
        await _answered(limits, 39)
        sent = time.monotonic()
        told = [limits.refused(sent, 0.05, 60.0) for _ in range(64)]
        assert told == 9 * [False] + 55 * [True]
        assert limits.limit == 32 and limits.paused and limits.room <= 0

    asyncio.run(main())


def test_after_a_pause_one_request_tries_and_each_pause_is_twice_as_long(monkeypatch):
    monkeypatch.setattr("builders.llm.concurrency.FIRST_PAUSE", 0.02)
    pauses: list[float] = []

    async def main():
        limits = AdaptiveLimit(64)
        paused = limits.pause
        monkeypatch.setattr(limits, "pause", lambda s: (pauses.append(s), paused(s)))
        sent = time.monotonic()
        for _ in range(12):
            limits.refused(sent, None, 60.0)
        waiting = [asyncio.create_task(limits.acquire()) for _ in range(10)]
        for _ in range(3):
            await asyncio.sleep(pauses[-1] + 0.02)
            assert limits.in_flight == 1, "one tries"
            sent = time.monotonic()
            limits.refused(sent, 0.0, 60.0)
            limits.release(sent)
        await asyncio.sleep(pauses[-1] + 0.02)
        assert limits.limit == 32 and limits.in_flight == 1, "refused again is no reason to halve"
        limits.answered(time.monotonic())
        await asyncio.gather(*waiting)
        assert limits.in_flight == 7

    asyncio.run(main())
    assert pauses == [0.02, 0.04, 0.08, 0.16]


def test_no_pause_is_shorter_than_the_server_asks_nor_longer_than_is_left():
    async def main():
        limits = AdaptiveLimit(8)
        asked = []
        limits.pause = asked.append
        for wanted in (30.0, 500.0, 0.0):
            limits._recent.clear()
            for _ in range(10):
                limits.refused(time.monotonic(), wanted, 100.0)
        assert asked == [30.0, 100.0, 1.0]

    asyncio.run(main())


def test_a_server_that_loads_its_model_is_left_alone_at_the_first_word_and_not_lowered():
    async def main():
        limits = AdaptiveLimit()
        assert limits.refused(time.monotonic(), None, 60.0, busy=False)
        assert limits.paused and limits.limit == START

    asyncio.run(main())


def test_whoever_waits_can_be_sent_away():
    async def main():
        limits = AdaptiveLimit(1)
        assert await limits.acquire()
        waiting = asyncio.create_task(limits.acquire())
        await _settle()
        limits.send_away()
        assert not await waiting and limits.in_flight == 1

    asyncio.run(main())


def test_more_places_let_in_whoever_waits_when_one_is_given_back():
    async def main():
        count = 1
        places = Places(lambda: count)
        await places.acquire()
        waiting = [asyncio.create_task(places.acquire()) for _ in range(3)]
        await _settle()
        assert not any(task.done() for task in waiting)
        count = 2
        places.release()
        await _settle()
        assert [task.done() for task in waiting] == [True, True, False]
        waiting[2].cancel()

    asyncio.run(main())
