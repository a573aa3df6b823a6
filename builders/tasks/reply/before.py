"""What is asked before a reply is drafted: its plan, how a clip sounds, what happened before.

Each is a task that asks something about a target first, unless that is settled, and then has the
reply drafted by the task that follows; both are one exchange.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Any, Protocol

from builders.llm.exchange import Exchange
from builders.llm.request import Request
from builders.llm.task import GivenUp, Steps
from builders.record.types import Target
from builders.store.database import Answer, Store
from builders.tasks.question import Question, QuestionTask
from builders.tasks.reply.draft import Draft


class ReplyTask(Protocol):
    """A task that ends with a drafted reply."""

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """See `Task`."""
        ...

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """See `Task`."""
        ...

    def prompt_version(self, subject: Target) -> str | None:
        """See `Task`."""
        ...


class BeforeReply(ABC):
    """Asks about a target what it does not know yet, then has the reply drafted.

    Args:
        then: drafts the reply.
    """

    def __init__(self, then: ReplyTask) -> None:
        self.then = then

    @abstractmethod
    def opening(self, target: Target) -> Request | None:
        """Return the first request about a target; None where nothing is left to ask."""

    @abstractmethod
    def asking(self, target: Target, first: Request) -> Generator[Request, Answer, None]:
        """Yield requests until what was asked about is settled."""

    @abstractmethod
    def answers(self, target: Target) -> int:
        """Return how many responses that took, of those that are counted for the reply."""

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request: what is asked before, unless that is settled."""
        return self.opening(subject) or self.then.first_request(subject, number)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests: what is asked before comes first, unless that is settled."""
        if self.opening(subject):
            yield from self.asking(subject, first)
            first = self.then.first_request(subject)
        result = yield from self.then.steps(subject, first)
        if isinstance(result, Draft):
            return replace(result, beside=result.beside + self.answers(subject))
        return result

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the prompt for the reply."""
        return self.then.prompt_version(subject)

    def settled(self, targets: Iterable[Target], store: Store | None) -> list[Request]:
        """Settle what cached responses tell; return the requests for what they do not."""
        asked = []
        for target in targets:
            if self.opening(target) is None:
                continue
            exchange = Exchange(self, target)
            while self.opening(target):
                held = store.held([exchange.key]) if store else {}
                answer = held.get(exchange.key)
                if answer is None:
                    asked.append(exchange.request)
                    break
                exchange.take(answer)
        return asked


class QuestionBeforeReply(BeforeReply):
    """Asks one question before the reply, as often as a question is asked."""

    def __init__(self, then: ReplyTask) -> None:
        super().__init__(then)
        self._questions = QuestionTask()

    @abstractmethod
    def question(self, target: Target) -> Question | None:
        """Return what is asked about a target; None where it is settled or cannot be asked."""

    @abstractmethod
    def settle(self, target: Target, result: dict[str, Any] | GivenUp, answers: int) -> None:
        """Settle what was asked about, by the answer or for want of one."""

    def opening(self, target: Target) -> Request | None:
        """See `BeforeReply`."""
        question = self.question(target)
        return self._questions.first_request(question) if question else None

    def asking(self, target: Target, first: Request) -> Generator[Request, Answer, None]:
        """See `BeforeReply`."""
        question = self.question(target)
        if question is None:
            return
        steps = self._questions.steps(question, first)
        request, answers = next(steps), 0
        while True:
            answer = yield request
            answers += 1
            try:
                request = steps.send(answer)
            except StopIteration as ended:
                self.settle(target, ended.value, answers)
                return
