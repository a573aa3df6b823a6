"""Several drafts of each target: by several models, or several by each. The best is the reply.

The best is the draft of which the checks note least; of several, the one whose request has the
smallest key, a SHA-256. Neither its length nor the order of the answers counts. The others stay in
the record, each with its model, seed, request key and notes.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace

from builders.llm.request import Request
from builders.llm.task import Accepted, GivenUp, Outcome, Pending, Steps, Task
from builders.record.other_drafts import OtherDraft
from builders.record.types import Drafted, Reject, Target
from builders.tasks.reply.draft import Draft, drafted


@dataclass(frozen=True, slots=True)
class DraftNumber:
    """A draft to be made: of which target, by which of the drafters."""

    target: Target
    drafter: int

    @property
    def id(self) -> str:
        """Return the id of the sample."""
        return self.target.id


@dataclass(frozen=True, slots=True)
class OneOfSeveral:
    """Who makes a draft: the task that asks, its model, and the number among the model's drafts."""

    task: Task[Target, Draft]
    model: str
    draft: int


class SeveralDrafts:
    """Has each target drafted by every drafter; a task about one draft at a time.

    Args:
        drafters: who makes the drafts, at least one.
    """

    def __init__(self, drafters: Sequence[OneOfSeveral]) -> None:
        self.drafters = drafters

    def first_request(self, subject: DraftNumber, number: int = 0) -> Request:
        """Return the first request of a draft."""
        return self._task(subject).first_request(subject.target, number)

    def steps(self, subject: DraftNumber, first: Request) -> Steps[Draft]:
        """Return the requests of a draft."""
        return self._task(subject).steps(subject.target, first)

    def prompt_version(self, subject: DraftNumber) -> str | None:
        """Return the version of the prompt, None for that of the whole build."""
        return self._task(subject).prompt_version(subject.target)

    def _task(self, subject: DraftNumber) -> Task[Target, Draft]:
        return self.drafters[subject.drafter].task

    def spread(self, items: Iterator[Target | Reject]) -> Iterator[DraftNumber | Reject]:
        """Yield each draft to be made; rejects pass through.

        Each has a target of its own, since a caption is set while a draft is made.
        """
        for item in items:
            if isinstance(item, Reject):
                yield item
                continue
            for number in range(len(self.drafters)):
                yield DraftNumber(copy.copy(item) if number else item, number)

    async def chosen(
        self, outcomes: AsyncGenerator[tuple[DraftNumber, Outcome[Draft]] | Reject, None]
    ) -> AsyncGenerator[tuple[Target, Drafted | GivenUp | Pending] | Reject, None]:
        """Yield each target with its best draft, once all of them have an outcome."""
        waiting: list[tuple[DraftNumber, Outcome[Draft]]] = []
        async for item in outcomes:
            if isinstance(item, Reject):
                yield item
                continue
            waiting.append(item)
            if len(waiting) == len(self.drafters):
                yield self._best(waiting)
                waiting = []

    def _best(
        self, found: Sequence[tuple[DraftNumber, Outcome[Draft]]]
    ) -> tuple[Target, Drafted | GivenUp | Pending]:
        target = found[0][0].target
        outcomes = [outcome for _, outcome in found]
        for drafter, outcome in zip(self.drafters, outcomes, strict=True):
            if isinstance(outcome, Pending):
                return target, Pending(outcome.kind, f"{drafter.model}: {outcome.detail}")
        accepted = [n for n, one in enumerate(outcomes) if isinstance(one, Accepted)]
        if not accepted:
            return target, self._given_up(outcomes)
        best = min(accepted, key=lambda number: _rank(outcomes[number]))
        others = tuple(
            _other(drafter, outcome)
            for number, (drafter, outcome) in enumerate(zip(self.drafters, outcomes, strict=True))
            if number != best
        )
        reply = drafted(_accepted(outcomes[best]))
        model = self.drafters[best].model
        return found[best][0].target, replace(reply, model=model, others=others)

    def _given_up(self, outcomes: Sequence[Outcome[Draft]]) -> GivenUp:
        """Return that no draft was accepted: the reason of the first one, what is said of each."""
        given_up = [outcome for outcome in outcomes if isinstance(outcome, GivenUp)]
        said = (
            f"{drafter.model}: {one.detail}"
            for drafter, one in zip(self.drafters, given_up, strict=True)
        )
        return replace(given_up[0], detail="; ".join(said))


def _accepted(outcome: Outcome[Draft]) -> Accepted[Draft]:
    if not isinstance(outcome, Accepted):
        raise TypeError(f"{outcome} is no accepted draft")
    return outcome


def _rank(outcome: Outcome[Draft]) -> tuple[int, str]:
    """Return what the best draft has the least of: notes, then the key of its request."""
    accepted = _accepted(outcome)
    return len(accepted.value.notes), drafted(accepted).request_key or accepted.request_key


def _other(drafter: OneOfSeveral, outcome: Outcome[Draft]) -> OtherDraft:
    """Return a draft that was not chosen as the record has it."""
    if isinstance(outcome, Accepted):
        made, request = drafted(outcome), outcome.value.request
        return OtherDraft(
            drafter.model,
            drafter.draft,
            request.seed if request else 0,
            made.request_key or outcome.request_key,
            made.prompt_version,
            made.attempts,
            made.reply,
            made.notes,
        )
    if not isinstance(outcome, GivenUp) or outcome.request_key is None or outcome.seed is None:
        raise TypeError(f"{outcome} is no outcome of a draft that has ended")
    return OtherDraft(
        drafter.model, drafter.draft, outcome.seed, outcome.request_key, reason=outcome.reason
    )
