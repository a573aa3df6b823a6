"""Outcomes that are kept: a subject whose outcome is known is not asked about again step by step.

A task whose steps follow from its subject and from the responses alone comes to the same outcome
over the same responses. What it came to is kept under a digest of all it depends on, together with
the keys of its responses and a digest of them. It counts only while every one of these is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, NamedTuple, Protocol, TypeVar

import orjson

from builders.llm.task import Accepted, Subject
from builders.store.database import Answer

S = TypeVar("S", bound=Subject)
T = TypeVar("T")
S_contra = TypeVar("S_contra", bound=Subject, contravariant=True)
_BYTES = 16


@dataclass(frozen=True, slots=True)
class Used:
    """A response that was used up: the key of its request, and the model that gave it."""

    key: str
    model: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Recalled(Generic[S, T]):
    """A subject with its kept outcome, and the responses that it came from."""

    subject: S
    outcome: Accepted[T]
    used: tuple[Used, ...]


class _Kept(NamedTuple):
    asked: Sequence[tuple[str, str]]  # keys of requests, each with the model
    said: str  # a digest of the responses
    outcome: object


class Recallable(Protocol[S_contra, T]):
    """Says under which digest an outcome is kept, and how it is written."""

    def digest(self, subject: S_contra) -> str | None:
        """Return the digest of all that the outcome depends on; None where that has none."""
        ...

    def written(self, outcome: Accepted[T]) -> object:
        """Return an outcome as JSON values."""
        ...

    def read(self, kept: object) -> Accepted[T]:
        """Return the outcome that was written."""
        ...


class Recall(Generic[S, T]):
    """Finds outcomes that are kept, and keeps new ones.

    Args:
        how: what the digests are made of.
        found: returns the values that are kept under these digests, by digest.
        held: returns the cached responses to the requests of these keys, by key.
        keep: keeps a value under a digest, sooner or later.
        any_kept: whether there are values from before.
    """

    def __init__(
        self,
        how: Recallable[S, T],
        found: Callable[[Sequence[str]], Mapping[str, bytes]],
        held: Callable[[Sequence[str]], Mapping[str, Answer]],
        keep: Callable[[str, bytes], None],
        any_kept: bool,
    ) -> None:
        self._how = how
        self._found = found
        self._held = held
        self._keep = keep
        self._any_kept = any_kept

    def of(self, subjects: Sequence[S]) -> list[Recalled[S, T] | None]:
        """Return for each subject what is kept about it, None where nothing is."""
        if not self._any_kept:  # nothing of it takes time before the first request
            return [None] * len(subjects)
        digests = [self._how.digest(one) for one in subjects]
        values = self._found([one for one in digests if one])
        found = (values.get(one) if one else None for one in digests)
        kept = [_Kept(*orjson.loads(one)) if one else None for one in found]
        answers = self._held([key for one in kept if one for key, _ in one.asked])
        return [
            self._recalled(subject, one, answers) if one else None
            for subject, one in zip(subjects, kept, strict=True)
        ]

    def _recalled(
        self, subject: S, kept: _Kept, answers: Mapping[str, Answer]
    ) -> Recalled[S, T] | None:
        asked, said, outcome = kept
        used = tuple(Used(key, model, answers[key]) for key, model in asked if key in answers)
        if len(used) < len(asked) or _digest_of(used) != said:
            return None
        return Recalled(subject, self._how.read(outcome), used)

    def learn(self, subject: S, outcome: Accepted[T], used: Sequence[Used]) -> None:
        """Keep the outcome of a subject with the responses that it came from."""
        if digest := self._how.digest(subject):
            asked = [(one.key, one.model) for one in used]
            kept = _Kept(asked, _digest_of(used), self._how.written(outcome))
            self._keep(digest, orjson.dumps([*kept]))


def _digest_of(used: Iterable[Used]) -> str:
    said = orjson.dumps([(one.answer.outcome, one.answer.text) for one in used])
    return blake2b(said, digest_size=_BYTES).hexdigest()
