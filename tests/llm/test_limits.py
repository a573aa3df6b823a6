import asyncio
import time

import pytest

from builders.llm.concurrency import MOST, AdaptiveLimit


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
            limits.release()
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
        limits.release()
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
            limits.release()
            waiting.cancel()
        else:
            waiting.cancel()
            limits.release()
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled() and limits.in_flight == 0
        await asyncio.wait_for(limits.acquire(), 1)

    asyncio.run(main())


def test_a_burst_of_refusals_halves_the_limit_once():
    limits = AdaptiveLimit(32)
    sent = time.monotonic()
    for _ in range(32):
        limits.too_many(sent)
    assert limits.limit == 16
    time.sleep(0.002)
    limits.too_many(time.monotonic())
    assert limits.limit == 8


def test_the_limit_never_falls_below_one():
    limits = AdaptiveLimit(2)
    for _ in range(5):
        time.sleep(0.002)
        limits.too_many(time.monotonic())
    assert limits.limit == 1


def test_a_given_limit_is_where_it_starts_and_the_most_it_comes_back_to():
    limits = AdaptiveLimit(16)
    assert limits.limit == 16
    limits.too_many(time.monotonic())
    grown = [limits.limit]
    for _ in range(200):
        limits.answered()
        grown.append(limits.limit)
    assert grown[0] == 8 and grown[-1] == 16
    assert all(later - earlier in (0, 1) for earlier, later in zip(grown, grown[1:], strict=False))


def test_without_a_given_limit_it_starts_low_and_grows_while_answers_come():
    limits = AdaptiveLimit()
    assert limits.limit == 8
    for _ in range(1000):
        limits.answered()
    assert limits.limit == MOST == 64


def test_growth_lets_in_whoever_waits():
    async def main():
        limits = AdaptiveLimit(2)
        limits.too_many(time.monotonic())
        await limits.acquire()
        waiting = asyncio.create_task(limits.acquire())
        await _settle()
        assert not waiting.done()
        for _ in range(20):
            limits.answered()
        await asyncio.wait_for(waiting, 1)
        assert limits.in_flight == 2

    asyncio.run(main())
