"""Builds that share a store: no prompt is paid for twice, and nobody waits for the dead."""

import asyncio
import signal
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from asking import a_request

from builders.errors import StoppedEarly
from builders.llm import claims as claiming
from builders.llm.budget import Budget
from builders.llm.prices import Price
from builders.llm.request import key
from builders.llm.runner import Setup, ask, open_session
from builders.llm.settings import Limits, ModelSettings
from builders.llm.task import Accepted, GivenUp
from builders.progress import ProgressState
from builders.store.claims import EXPIRY, ClaimTable, Holder
from builders.store.database import Store
from builders.store.tables import claim_holders, claims

ROOT = Path(__file__).parent.parent.parent
MODEL = "test-model"


class Words:
    """A task whose subjects are requests, and whose value is the answer's text."""

    def first_request(self, subject, number=0):
        return replace(subject.request, seed=subject.request.seed + number)

    def steps(self, subject, first):
        answer = yield first
        return answer.text if answer.outcome == "ok" else GivenUp(answer.outcome, "", "")

    def prompt_version(self, subject):
        return "words 1"


class Subject:
    def __init__(self, number: int) -> None:
        self.id = f"meld-dev-1-{number}"
        self.request = a_request(f"Day {number}.")


async def asked(url: str, base_url: str, folder: Path, count: int, began=None):
    """Ask about some subjects as a build of its own; return outcomes, requests, costs."""
    store = Store(url)
    budget = Budget({MODEL: Price(1.0, 1.0)}, None, None, ())
    setup = Setup(store, folder.name, Limits(max_concurrency=8), budget, quiet=True, folder=folder)
    models = [ModelSettings(model=MODEL, base_urls=(base_url,))]
    try:
        async with open_session(setup, models, ProgressState(count)) as session:
            subjects = iter([Subject(number) for number in range(count)])
            async with aclosing(ask(Words(), subjects, session)) as outcomes:
                found = []
                async for _, outcome in outcomes:
                    found.append(outcome)
                    if began:
                        began.set()
        return found, session.asked, budget
    finally:
        store.close()


def prompts(log: dict) -> list[int]:
    """Return how often each prompt about a day was asked; the bodies are the endpoint's."""
    seen: dict[str, int] = {}
    for body in log["bodies"]:
        about = body["messages"][-1]["content"]
        if about.startswith("Day "):
            seen[about] = seen.get(about, 0) + 1
    return sorted(seen.values())


def test_two_builds_at_once_ask_each_prompt_once_and_share_the_work(endpoint, url, tmp_path):
    endpoint.control(latency=0.02)
    Store(url).close()

    async def both():
        return await asyncio.gather(
            *(asked(url, endpoint.base_url, tmp_path / name, 200) for name in "ab")
        )

    (one, first, paid), (two, second, also) = asyncio.run(both())
    assert prompts(endpoint.log()) == [1] * 200
    assert one == two and all(isinstance(outcome, Accepted) for outcome in one)
    assert first + second == 200 and min(first, second) > 20
    assert paid.cost_of_answers == also.cost_of_answers
    tokens = paid.cost_of_answers["prompt_tokens"]
    assert 0 < paid.cost["prompt_tokens"] < tokens


def test_cached_answers_cost_nothing_again_and_still_have_a_cost(endpoint, url, tmp_path):
    _, _, first = asyncio.run(asked(url, endpoint.base_url, tmp_path / "a", 5))
    _, requests, second = asyncio.run(asked(url, endpoint.base_url, tmp_path / "b", 5))
    assert requests == 0 and second.cost["prompt_tokens"] == 0
    assert second.cost_of_answers == first.cost_of_answers
    assert first.cost_of_answers["usd"] > 0


HOLDS = """
import sys, time
from builders.store.claims import ClaimTable, Holder
from builders.store.database import Store
table = ClaimTable(Store(sys.argv[1]), Holder(sys.argv[2]))
table.enter(alone=True)
table.take(sys.argv[3:])
print("holds", flush=True)
time.sleep(600)
"""


def killed_while_it_held(url: str, folder: Path, keys: list[str]) -> None:
    command = [sys.executable, "-c", HOLDS, url, str(folder), *keys]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "holds\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


KEYS = [key(Subject(number).request) for number in range(3)]


def test_a_build_that_was_killed_goes_on_with_what_it_claimed_at_once(endpoint, url, tmp_path):
    killed_while_it_held(url, tmp_path / "a", KEYS)
    outcomes, requests, _ = asyncio.run(asked(url, endpoint.base_url, tmp_path / "a", 5))
    assert requests == 5 and all(isinstance(outcome, Accepted) for outcome in outcomes)


def test_what_a_killed_build_claimed_is_taken_over_when_it_lapses(
    endpoint, url, tmp_path, monkeypatch
):
    monkeypatch.setattr(claiming, "HEARTBEAT", 0.1)
    killed_while_it_held(url, tmp_path / "killed", KEYS)
    store = Store(url)

    async def lapse(run):
        before: list[int] = []
        while len(before) < 2 and not run.done():
            await asyncio.sleep(0.05)
            before = prompts(await asyncio.to_thread(endpoint.log))
        await asyncio.sleep(0.3)  # nothing more comes
        before = prompts(await asyncio.to_thread(endpoint.log))
        with store.engine.begin() as connection:
            lapsed = claim_holders.c.seen - EXPIRY - 1
            mine = claim_holders.c.build == str(tmp_path / "killed")
            connection.execute(sa.update(claim_holders).where(mine).values(seen=lapsed))
        return before

    async def main():
        # The first subject is one of those claimed: none comes out before the claim lapses.
        run = asyncio.create_task(asked(url, endpoint.base_url, tmp_path / "other", 5))
        return await lapse(run), await run

    before, (outcomes, requests, _) = asyncio.run(main())
    assert before == [1, 1], "what the other holds is waited for, the rest is asked"
    assert requests == 5 and all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert prompts(endpoint.log()) == [1] * 5
    with store.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(claims)) == 0
    store.close()


def test_a_build_that_waits_for_another_can_be_stopped(endpoint, url, tmp_path):
    store = Store(url)
    table = ClaimTable(store, Holder("/elsewhere"))
    table.enter(alone=True)
    table.take(KEYS)

    async def main():
        budget = Budget({MODEL: None}, None, None, ())
        setup = Setup(store, "b", Limits(), budget, quiet=True, folder=tmp_path)
        models = [ModelSettings(model=MODEL, base_urls=(endpoint.base_url,))]
        async with open_session(setup, models, ProgressState(3)) as session:
            asyncio.get_running_loop().call_later(0.3, session.stop, StoppedEarly("enough"))
            subjects = iter([Subject(number) for number in range(3)])
            return [outcome async for _, outcome in ask(Words(), subjects, session)]

    outcomes = asyncio.run(main())
    assert [outcome.kind for outcome in outcomes] == ["stopped"] * 3
    assert orjson.dumps(endpoint.log()["count"]) == b"0"
    table.leave()
    store.close()


@pytest.mark.parametrize("count", [1, 300])
def test_no_claim_is_left_when_a_build_ends(endpoint, url, tmp_path, count):
    asyncio.run(asked(url, endpoint.base_url, tmp_path / "a", count))
    store = Store(url)
    with store.engine.connect() as connection:
        for table in (claims, claim_holders):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
    store.close()


def test_a_server_is_asked_once_what_it_understands_and_that_counts(endpoint, url, tmp_path):
    endpoint.control(latency=0.05)
    Store(url).close()

    async def both():
        return await asyncio.gather(
            *(asked(url, endpoint.base_url, tmp_path / name, 3) for name in "ab")
        )

    (_, _, one), (_, _, two) = asyncio.run(both())
    assert endpoint.log()["count"] == 4, "three prompts and one question of our own"
    spent = one.cost["prompt_tokens"] + two.cost["prompt_tokens"]
    assert spent > one.cost_of_answers["prompt_tokens"], "which is paid for too"
