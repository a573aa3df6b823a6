"""An exchange: what is asked next about one subject, and in the end its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from builders.llm.recall import Used
from builders.llm.request import Request, key
from builders.llm.task import Accepted, GivenUp, Outcome, Subject, Task
from builders.store.database import Answer, Store

S = TypeVar("S", bound=Subject)
T = TypeVar("T")


# What a server refuses for good; some reasons are known by the words it has for them.
REFUSED = frozenset({"refused", "content_filter", "context_length"})


@dataclass(frozen=True, slots=True)
class Retry:
    """Which subjects that were given up are asked about again: all, or those of some reasons."""

    wanted: bool = False
    kinds: frozenset[str] = frozenset()

    def covers(self, reason: str) -> bool:
        """Return whether a subject given up for this reason is to be asked about again."""
        named = {reason, "refused"} if reason in REFUSED else {reason}
        return self.wanted or not named.isdisjoint(self.kinds)


class Exchange(Generic[S, T]):
    """Takes a task's steps about one subject, one response at a time.

    After the steps were given up, `optional` is true: the next request is made only if its response
    is cached already or a retry is wanted, and `give_up` ends the exchange otherwise.

    Attributes:
        used: the responses so far.
        request, key: what is asked next, or was asked last.
    """

    request: Request
    key: str

    def __init__(self, task: Task[S, T], subject: S) -> None:
        self.subject = subject
        self.outcome: Outcome[T] | None = None
        self.optional = False
        self.used: list[Used] = []
        self._task = task
        self._number = 0
        self._given_up: GivenUp | None = None
        self._open(task.first_request(subject))

    @property
    def reason(self) -> str:
        """Return why the last steps were given up, or an empty string."""
        return self._given_up.reason if self._given_up else ""

    @property
    def begun(self) -> bool:
        """Return whether responses were used up, so that the next request was not looked up yet."""
        return bool(self.used)

    def take(self, answer: Answer) -> None:
        """Go on with the response to `request`."""
        self.optional = False
        self.used.append(Used(self.key, self.request.model, answer))
        try:
            self.request = self._steps.send(answer)
            self.key = key(self.request)
        except StopIteration as ended:
            self._end(ended.value)

    def give_up(self) -> None:
        """Make the giving up the outcome."""
        self.outcome = self._given_up

    def _open(self, first: Request) -> None:
        self._steps = self._task.steps(self.subject, first)
        self.request = next(self._steps)
        self.key = key(self.request)

    def _end(self, result: T | GivenUp) -> None:
        if not isinstance(result, GivenUp):
            self.outcome = Accepted(
                result,
                self.key,
                len(self.used),
                self._task.prompt_version(self.subject),
                self.request.audio_sha256 is not None or self.request.video is not None,
            )
            return
        self._given_up = replace(result, request_key=self.key, seed=self.request.seed)
        self._number += 1
        self.optional = True
        self._open(self._task.first_request(self.subject, self._number))


def replay(exchange: Exchange[S, T], store: Store | None, done: Callable[[S], bool]) -> bool:
    """Take cached responses until a subject is done with; return whether it came to that."""
    while not done(exchange.subject):
        held = store.held([exchange.key]) if store else {}
        answer = held.get(exchange.key)
        if answer is None:
            return False
        exchange.take(answer)
    return True
