"""Questions beside the drafts: asked, checked against their schema, held like every answer.

What a voice sounds like, which emotion the words show, which reply fits which voice: each is one
request whose answer is a small JSON object. `Conversations` drives them as it drives drafts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from builders.llm.request import Request, seed_for
from builders.record.schema import Validator, violations
from builders.record.types import GivenUp
from builders.store.database import Answer
from builders.tasks.reply.draft import HOPELESS, Draft, Round

TRIES = 3


@dataclass(frozen=True, slots=True)
class Question:
    """One question: the request, whose schema the answer must fit, and what it is about.

    `id` is that of the sample; `name` tells the questions about one sample apart.
    """

    id: str
    name: str
    request: Request


class Questions:
    """Asks each question up to `TRIES` times, every time with another seed."""

    def first_request(self, target: Question, number: int = 0) -> Request:
        """Return the request that opens a round."""
        return _seeded(target, number * TRIES)

    def round(self, target: Question, first: Request) -> Round:
        """Yield requests until an answer fits; return it as a draft's reply, or why not."""
        checker = Validator(target.request.schema.document)
        request = first
        while True:
            answer = yield request
            document, fault = _read(answer, checker)
            if not fault:
                return Draft(document, [])
            last = request.attempt - first.attempt == TRIES - 1
            if last or answer.outcome in HOPELESS:
                reason = "invalid_answer" if answer.outcome == "ok" else answer.outcome
                return GivenUp(reason, fault, answer.text)
            request = _seeded(target, request.attempt + 1)

    def prompt_version(self, target: Question) -> str | None:
        """Return the version of the question's template."""
        return target.request.prompt_version


def _seeded(question: Question, attempt: int) -> Request:
    seed = seed_for(f"{question.id}|{question.name}", attempt)
    return replace(question.request, attempt=attempt, seed=seed)


def _read(answer: Answer, checker: Validator) -> tuple[dict[str, object], str]:
    """Return the answer's document, and what is wrong with it or an empty string."""
    if answer.outcome != "ok":
        return {}, f"the answer is {answer.outcome}"
    try:
        document = orjson.loads(answer.text)
    except orjson.JSONDecodeError as error:
        return {}, f"the answer is not JSON: {error}"
    wrong = violations(checker, document)
    return ({}, "; ".join(wrong)) if wrong else (document, "")
