"""A task: what a model is asked about a subject, until there is a value or the task gives up.

A task's steps are a generator that yields requests and is sent the response to each. The runner
decides where a response comes from: the cache, or the model. So a run that was killed takes the
same steps over cached responses as it took over fresh ones.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from builders.errors import HeartenError
from builders.llm.request import Request
from builders.store.database import Answer

# A response that the same prompt can only bring again.
HOPELESS = frozenset({"context_length", "refused"})


class Subject(Protocol):
    """What is asked about: an utterance, a clip, a pair of replies."""

    @property
    def id(self) -> str:
        """Return the id of the sample it belongs to."""
        ...


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No acceptable answer came: the reason that is counted, the sentences, the last answer.

    `request_key` and `seed` are those of the last request, None until the exchange has ended.
    """

    reason: str
    detail: str
    answer: str
    request_key: str | None = field(default=None, compare=False)
    seed: int | None = field(default=None, compare=False)


S_contra = TypeVar("S_contra", bound=Subject, contravariant=True)
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

# Yields requests, is sent the response to each, and returns the value or why there is none.
Steps = Generator[Request, Answer, T | GivenUp]


@dataclass(frozen=True, slots=True)
class Accepted(Generic[T_co]):
    """The value of an answer that was accepted, and how it came about.

    `attempts` counts the responses used up, `request_key` is that of the last one. `prompt_version`
    is None where it is that of the whole build; `heard_audio` says whether the model was sent the
    clip.
    """

    value: T_co
    request_key: str
    attempts: int
    prompt_version: str | None = None
    heard_audio: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """No response could be had: the subject is neither accepted nor given up; a later run asks."""

    kind: str
    detail: str


Outcome = Accepted[T] | GivenUp | Pending


class Task(Protocol[S_contra, T_co]):
    """Makes the requests about a subject and reads the responses."""

    def first_request(self, subject: S_contra, number: int = 0) -> Request:
        """Return the first request; `number` counts how often the subject was given up before."""
        ...

    def steps(self, subject: S_contra, first: Request) -> Steps[T_co]:
        """Return the generator of all requests from the first one on."""
        ...

    def prompt_version(self, subject: S_contra) -> str | None:
        """Return the version of the prompt; None where it is the one of all drafts."""
        ...


class Model(Protocol):
    """Answers requests: a served model, the phrasebook, or a router to several."""

    async def answer(self, request: Request, request_key: str) -> Answer | Pending:
        """Return the committed response, or why there is none."""
        ...

    @property
    def at_once(self) -> int:
        """Return how many requests it answers at once as things are."""
        ...

    def stop(self, error: HeartenError) -> None:
        """Send nothing more: requests that wait to be sent raise this error."""
        ...
