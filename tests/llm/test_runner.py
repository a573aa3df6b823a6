"""The runner's session and the seam of providers: what a stage and a new kind of server rely on."""

from __future__ import annotations

import asyncio

import pytest
from asking import a_request, session

from builders.errors import EndpointError, StoppedEarly
from builders.llm.budget import Budget
from builders.llm.cache import ResponseCache
from builders.llm.concurrency import AdaptiveLimit
from builders.llm.failures import Failure
from builders.llm.prices import Price
from builders.llm.providers import Completion, Help
from builders.llm.request import key
from builders.llm.runner import ask
from builders.llm.served import ServedModel
from builders.llm.task import Accepted, GivenUp, Pending
from builders.store.database import Answer, Store


class Words:
    """A task whose subjects are requests, and whose value is the answer's words."""

    def first_request(self, subject, number=0):
        return subject.request

    def steps(self, subject, first):
        answer = yield first
        return answer.text.split() if answer.outcome == "ok" else GivenUp("refusal", "", "")

    def prompt_version(self, subject):
        return "words 1"


class Subject:
    def __init__(self, number: int) -> None:
        self.id = f"meld-dev-1-{number}"
        self.request = a_request(f"Day {number}.")


class Stage:
    """A stage after the asking, which notes why it was stopped."""

    stopped = None

    def stop(self, error):
        self.stopped = error


class Echo:
    """A provider of no known kind: answers with the last message, or fails as it is told."""

    name, model, limit = "echo://here", "echo", AdaptiveLimit(2)
    help = Help("/talk", "echo://PLACE", "--place", "--echo", "ECHO_KEY")

    def __init__(self, failure: Failure | None = None) -> None:
        self._failure = failure
        self.closed = False

    async def complete(self, request):
        if self._failure:
            raise self._failure
        text = request.messages[-1]["content"]
        return Completion("ok", text, "end", "echo-1", 7, 2, 0.1, self.name)

    async def check(self, like):
        return self._failure is None

    async def answered_before(self):
        return False

    async def models(self):
        return ["echo", "echo-loud"]

    async def close(self):
        self.closed = True


@pytest.fixture
def store(tmp_path):
    opened = Store(str(tmp_path / "hearten.sqlite"))
    yield opened
    opened.close()


def asked_of(store: Store, provider: Echo, count: int = 3):
    """Ask a provider about some subjects; return the outcomes and what was spent."""
    budget = Budget({"echo": Price(1.0, 1.0)}, None, None, ())

    async def run():
        async with ResponseCache(store, "a-build") as cache:
            model = ServedModel([provider], 5.0, cache, budget)
            with_ = session(store, model)
            subjects = iter([Subject(number) for number in range(count)])
            outcomes = [one async for _, one in ask(Words(), subjects, with_)]
            await model.close()
            return outcomes, with_

    outcomes, with_ = asyncio.run(run())
    assert provider.closed
    return outcomes, with_, budget


def test_a_provider_fills_in_the_protocol_and_nothing_else(store):
    outcomes, with_, budget = asked_of(store, Echo())
    first = Subject(0).request
    assert outcomes[0] == Accepted(["Day", "0."], key(first), 1, "words 1")
    assert [one.value for one in outcomes[1:]] == [["Day", "1."], ["Day", "2."]]
    assert (with_.asked, budget.prompt_tokens, budget.completion_tokens) == (3, 21, 6)
    again, with_, _ = asked_of(store, Echo(Failure("server_error", "down")))
    assert again == outcomes and with_.asked == 0, "cached, so nothing is asked"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("wrong_address", ["there is no /talk", "expected echo://PLACE", "correct --place"]),
        ("authentication", ["set ECHO_KEY to a key"]),
        ("model_not_found", ["no model echo", "echo, echo-loud", "did you mean echo-loud?"]),
    ],
)
def test_failures_are_explained_in_the_words_of_the_provider(store, kind, words):
    outcomes, with_, _ = asked_of(store, Echo(Failure(kind, "no", 404)))
    assert isinstance(with_.stopped, EndpointError)
    for part in words:
        assert part in str(with_.stopped)
    assert {type(one) for one in outcomes} == {Pending}
    with pytest.raises(EndpointError):
        with_.check()


def test_a_stage_that_is_stopped_with_the_asking_hears_the_first_reason():
    first, second = StoppedEarly("first"), StoppedEarly("second")
    early, late, model = Stage(), Stage(), Stage()
    with_ = session(None, model)
    with_.check()
    with_.stop_with(early)
    with_.stop(first)
    with_.stop(second)
    with_.stop_with(late)
    assert early.stopped is late.stopped is model.stopped is with_.stopped is first


def test_progress_counts_outcomes_and_requests(store):
    class Model:
        async def answer(self, request, request_key):
            return Answer("ok", "Fine.")

        def stop(self, error):
            raise AssertionError(error)

    with_ = session(store, Model())

    async def run():
        async for _ in ask(Words(), iter([Subject(number) for number in range(5)]), with_):
            pass

    asyncio.run(run())
    state = with_.progress.state
    assert (state.done, state.requests) == (5, 5)
