"""Questions beside the drafts: asked, checked, asked again, and answered from the store."""

from __future__ import annotations

import asyncio
import json

from asking import session

from builders.llm.request import NarrowedSchema, Request
from builders.llm.runner import ask
from builders.llm.task import Accepted, GivenUp, Pending
from builders.store.database import Answer, Attempt, RequestRow, Store
from builders.tasks.question import ATTEMPTS, Question, QuestionTask

SCHEMA = NarrowedSchema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["emotion"],
        "properties": {"emotion": {"enum": ["anger", "joy"]}},
    }
)
ANGER = Answer("ok", json.dumps({"emotion": "anger"}), "stop", "a-model")


def question(name: str) -> Question:
    messages = ({"role": "user", "content": f"Which emotion? {name}"},)
    request = Request(
        "a-model", messages, SCHEMA, None, 0.0, 1.0, 50, 0, "meld-dev-1-1", 0, "votes 1"
    )
    return Question("meld-dev-1-1", name, request)


class Scripted:
    """Commits what it is told to say, in turn; `asked` are the requests."""

    def __init__(self, store: Store, *answers: Answer | Pending) -> None:
        self.store, self.answers, self.asked = store, list(answers), []

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Answer):
            kept = RequestRow(
                request_key, request.record_id, request.attempt, "a-model", request.prompt_version
            )
            attempt = Attempt(request_key, "a-model", "here", answer.outcome)
            self.store.save([kept], {request_key: answer}, [("a-build", attempt)])
        return answer

    def stop(self, error: Exception) -> None:
        raise AssertionError(error)


def outcomes(store: Store, model: Scripted, *names: str) -> list:
    async def run() -> list:
        asked = iter([question(name) for name in names])
        return [item async for item in ask(QuestionTask(), asked, session(store, model))]

    return [outcome for _, outcome in asyncio.run(run())]


def test_an_answer_that_fits_is_the_outcome_and_is_asked_for_once(tmp_path):
    store = Store(str(tmp_path / "store.sqlite"))
    model = Scripted(store, ANGER, ANGER)
    first = outcomes(store, model, "one", "two")
    assert [one.value for one in first] == [{"emotion": "anger"}] * 2
    assert isinstance(first[0], Accepted)
    assert outcomes(store, Scripted(store), "one", "two") == first, "held, so nothing is asked"
    store.close()


def test_what_does_not_fit_is_asked_again_with_another_seed_and_then_given_up(tmp_path):
    store = Store(str(tmp_path / "store.sqlite"))
    wrong = [
        Answer("ok", '{"emotion": "hunger"}', "stop", "a-model"),
        Answer("ok", "anger, I think", "stop", "a-model"),
        Answer("refusal", "I will not say", "stop", "a-model"),
    ]
    model = Scripted(store, *wrong)
    (given_up,) = outcomes(store, model, "one")
    assert isinstance(given_up, GivenUp) and given_up.reason == "refusal"
    assert len({request.seed for request in model.asked}) == ATTEMPTS
    (better,) = outcomes(store, Scripted(store), "one")
    assert better == given_up, "all three answers are held"
    mended = Scripted(store, wrong[0], ANGER)
    (answered,) = outcomes(store, mended, "two")
    assert isinstance(answered, Accepted) and answered.attempts == 2
    store.close()


def test_questions_about_one_sample_are_told_apart_by_their_names(tmp_path):
    asks = QuestionTask()
    seeds = {asks.first_request(question(name)).seed for name in ("one", "two", "three")}
    assert len(seeds) == 3


def test_a_long_prompt_is_not_sent_three_times(tmp_path):
    asked = QuestionTask().first_request(question("one"))
    steps = QuestionTask().steps(question("one"), asked)
    next(steps)
    try:
        steps.send(Answer("context_length", ""))
    except StopIteration as ended:
        assert isinstance(ended.value, GivenUp) and ended.value.reason == "context_length"
    else:
        raise AssertionError("it goes on asking")
