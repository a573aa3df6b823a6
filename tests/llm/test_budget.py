import asyncio
import re
from dataclasses import replace

import pytest
from invented import target

from builders.errors import ConfigError, StoppedEarly
from builders.llm.budget import Budget, tokens_of
from builders.llm.prices import Price, price_of
from builders.llm.request import Request
from builders.llm.settings import Sampling
from builders.store.database import Spent
from builders.tasks.reply.draft import Drafter

PRICE = Price(prompt=1.0, completion=4.0)
REQUEST = Drafter("a-model", "assistant", "voice", Sampling(max_tokens=400)).first_request(
    target(1)
)
ROOM = tokens_of(REQUEST) + 400


def budget(*, max_usd=None, max_tokens=None, price=PRICE, before=()) -> Budget:
    return Budget({"a-model": price}, max_usd, max_tokens, before)


def test_a_price_is_for_a_million_tokens():
    assert PRICE.usd(1_000_000, 0) == 1.0
    assert PRICE.usd(500_000, 250_000) == 1.5


OPENAI, HERE = "https://api.openai.com/v1", "http://127.0.0.1:8000/v1"


def test_the_users_own_price_goes_before_a_lists_and_before_that_of_a_server_of_ones_own():
    own = {"gpt-4o-mini": {"prompt": 9, "completion": 10}, "mine": {"prompt": 1, "completion": 2}}
    assert price_of("gpt-4o-mini", own, [OPENAI]) == Price(9.0, 10.0)
    assert price_of("mine", own, [HERE]) == Price(1.0, 2.0)


def test_a_list_price_names_who_asks_it_and_how_old_the_list_is():
    found = price_of("gpt-4o-mini", {}, [OPENAI])
    assert (found.prompt, found.completion) == (0.15, 0.6)
    # The version in the lock has a date; whoever renews the lock adds it to prices.toml.
    assert re.fullmatch(r"OpenAI, genai-prices [0-9.]+ of [A-Z][a-z]+ 20\d\d", found.source)
    assert price_of("gpt-4o-mini", {}, ["https://gateway.invalid/v1"]) == found
    assert price_of("no-such-model", {}, [OPENAI]) is None


def test_a_server_of_ones_own_costs_nothing_and_one_elsewhere_is_unknown():
    assert price_of("gpt-4o-mini", {}, [HERE, "http://192.168.1.7/v1"]).usd(1e6, 1e6) == 0
    assert price_of("no-such-model", {}, [HERE, "https://gateway.invalid/v1"]) is None


@pytest.mark.parametrize("row", [{"prompt": 1}, {"prompt": "x", "completion": 1}, 3])
def test_a_price_that_is_not_whole_says_what_belongs_there(row):
    with pytest.raises(ConfigError) as raised:
        price_of("mine", {"mine": row})
    for words in ('prices."mine" is incomplete', "hearten.toml", "US dollars for a million tokens"):
        assert words in str(raised.value)


def test_a_limit_in_dollars_needs_a_price():
    with pytest.raises(ConfigError) as raised:
        budget(max_usd=5.0, price=None)
    assert "--max-usd 5.0 cannot be kept: the price of a-model is not known" in str(raised.value)
    assert '[prices."a-model"]' in str(raised.value)
    assert "--max-tokens" in str(raised.value)


def test_room_in_flight_counts_against_the_limit():
    kept = budget(max_tokens=3 * ROOM)
    rooms = [kept.reserve(REQUEST) for _ in range(3)]
    with pytest.raises(StoppedEarly, match=f"the budget --max-tokens {3 * ROOM} is reached"):
        kept.reserve(REQUEST)
    kept.settle(rooms[0], (10, 5))
    with pytest.raises(StoppedEarly, match="15 tokens"):
        kept.reserve(REQUEST)


def test_a_request_waits_for_room_while_others_are_under_way_and_stops_when_none_is():
    kept = budget(max_tokens=2 * ROOM)

    async def main():
        rooms = [await kept.room_for(REQUEST) for _ in range(2)]
        third = asyncio.create_task(kept.room_for(REQUEST))
        await asyncio.sleep(0.01)
        assert not third.done()
        kept.settle(rooms[0], (10, 5))
        await asyncio.sleep(0.01)
        assert not third.done()
        kept.settle(rooms[1], (10, 5))
        kept.settle(await third, (ROOM, 0))
        with pytest.raises(StoppedEarly, match=f"{ROOM + 30:,} tokens"):
            await kept.room_for(REQUEST)

    asyncio.run(main())


def test_room_that_was_not_used_is_given_back():
    kept = budget(max_tokens=2 * ROOM)
    for _ in range(2):
        kept.settle(kept.reserve(REQUEST), (10, 5))
    kept.reserve(REQUEST)
    assert (kept.prompt_tokens, kept.completion_tokens) == (20, 10)


def test_a_limit_in_dollars_stops_before_it_is_passed_and_says_how_to_go_on():
    one = PRICE.usd(tokens_of(REQUEST), 400)
    kept = budget(max_usd=2.5 * one)
    for _ in range(2):
        kept.settle(kept.reserve(REQUEST), (tokens_of(REQUEST), 400))
    with pytest.raises(StoppedEarly) as raised:
        kept.reserve(REQUEST)
    assert raised.value.exit_code == 3
    assert f"${2 * one:.4f} so far" in str(raised.value)
    assert "raise the limit and run the same command again" in str(raised.value)


def test_what_earlier_runs_spent_counts():
    before = [Spent("a-model", 3, 900, 90), Spent("another", 1, 100, 10)]
    kept = budget(max_tokens=1100 + ROOM - 1, before=before)
    assert kept.usd == PRICE.usd(1000, 100)
    with pytest.raises(StoppedEarly, match="1,100 tokens"):
        kept.reserve(REQUEST)
    budget(max_tokens=1100 + ROOM, before=before).reserve(REQUEST)


def test_without_a_limit_nothing_stops():
    free = budget(price=None)
    assert free.usd is None
    for _ in range(100):
        free.reserve(REQUEST)


def of_reader(request: Request) -> Request:
    return replace(request, model="a-reader")


def test_models_share_the_limits_each_at_its_own_price():
    prices = {"a-model": PRICE, "a-reader": Price(10.0, 40.0)}
    kept = Budget(prices, 1.0, None, [Spent("a-reader", 3, 50_000, 0)])
    assert kept.cost == {"prompt_tokens": 50_000, "completion_tokens": 0, "usd": 0.5}
    kept.settle(kept.reserve(REQUEST), (400_000, 0))
    with pytest.raises(StoppedEarly, match=r"--max-usd 1.0 is reached \(450,000 tokens, \$0.9"):
        for _ in range(10):
            kept.reserve(of_reader(REQUEST))


def test_room_that_another_model_has_reserved_is_waited_for():
    kept = Budget({"a-model": PRICE, "a-reader": PRICE}, None, ROOM, ())

    async def both():
        room = kept.reserve(of_reader(REQUEST))
        waiting = asyncio.create_task(kept.room_for(REQUEST))
        await asyncio.sleep(0)
        assert not waiting.done()
        kept.settle(room, (0, 0))
        return await waiting

    assert asyncio.run(both()) == ("a-model", tokens_of(REQUEST), 400)


def test_the_cost_is_unknown_where_one_model_has_no_price():
    kept = Budget({"a-model": PRICE, "no-price": None}, None, None, [Spent("a-model", 1, 10, 5)])
    assert kept.cost == {"prompt_tokens": 10, "completion_tokens": 5, "usd": None}
