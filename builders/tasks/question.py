"""Questions: tasks of one request whose answer is a small JSON object.

What a voice sounds like, which emotion the words show, which reply fits which voice: the answer is
checked against the request's schema and cached like every response.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builders.llm.objects import find_object
from builders.llm.request import NarrowedSchema, Request, seed_for
from builders.llm.task import HOPELESS, GivenUp, Steps
from builders.record.schema import Validator, violations
from builders.store.database import Answer

# How often a question is asked before it is given up.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the request, whose schema the answer must fit, and what it is about.

    `id` is that of the sample; `name` tells the questions about one sample apart.
    """

    id: str
    name: str
    request: Request


class QuestionTask:
    """Asks each question up to `ATTEMPTS` times, every time with another seed."""

    def first_request(self, subject: Question, number: int = 0) -> Request:
        """See `Task`."""
        return _seeded(subject, number * ATTEMPTS)

    def steps(self, subject: Question, first: Request) -> Steps[dict[str, object]]:
        """Yield requests until an answer fits the schema; return it as an object."""
        schema = subject.request.schema.document
        checker = Validator(schema)
        request = first
        while True:
            answer = yield request
            document, fault = read_fitting(answer, checker, schema)
            if not fault:
                return document
            last = request.attempt - first.attempt == ATTEMPTS - 1
            if last or answer.outcome in HOPELESS:
                reason = "invalid_answer" if answer.outcome == "ok" else answer.outcome
                return GivenUp(reason, fault, answer.text)
            request = _seeded(subject, request.attempt + 1)

    def put(
        self, subject: Question
    ) -> Generator[Request, Answer, tuple[dict[str, Any] | GivenUp, int]]:
        """Ask within another task: yield requests, return the result and how many answers came."""
        steps = self.steps(subject, self.first_request(subject))
        request, used = next(steps), 0
        while True:
            answer = yield request
            used += 1
            try:
                request = steps.send(answer)
            except StopIteration as ended:
                return ended.value, used

    def prompt_version(self, subject: Question) -> str | None:
        """Return the version of the question's template."""
        return subject.request.prompt_version


def to_ask(
    model: str, text: str, schema: NarrowedSchema, max_tokens: int, record_id: str, version: str
) -> Request:
    """Return a request of one message, which is to be answered as surely as the model can.

    Args:
        model: its name.
        text: the message.
        schema: what the answer must fit.
        max_tokens: of the answer.
        record_id: the sample that it is about.
        version: that of the template.
    """
    return Request(
        model=model,
        messages=({"role": "user", "content": text},),
        schema=schema,
        audio_sha256=None,
        temperature=0.0,
        top_p=1.0,
        max_tokens=max_tokens,
        seed=0,
        record_id=record_id,
        attempt=0,
        prompt_version=version,
    )


def _seeded(question: Question, attempt: int) -> Request:
    seed = seed_for(f"{question.id}|{question.name}", attempt)
    return replace(question.request, attempt=attempt, seed=seed)


def read_fitting(
    answer: Answer, checker: Validator, schema: Mapping[str, Any]
) -> tuple[dict[str, object], str]:
    """Return an answer's document, and what is wrong with it or an empty string."""
    if answer.outcome != "ok":
        return {}, f"the answer is {answer.outcome}"
    found = find_object(answer.text, schema)
    if found is None:
        return {}, "the answer is not one JSON object"
    document = found.document
    wrong = violations(checker, document)
    return ({}, "; ".join(wrong)) if wrong else (document, "")
