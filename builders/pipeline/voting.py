"""The voting stage: each model votes on all targets, one model after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing

from builders.errors import StoppedEarly
from builders.llm.interrupts import KEPT_ANSWERS
from builders.llm.runner import Setup, ask, open_session
from builders.llm.settings import ModelSettings
from builders.pipeline.contribution import Ballots
from builders.pipeline.plan import Plan
from builders.progress import ProgressState
from builders.record.types import Reject, Target
from builders.tasks.vote import Voter


async def vote(plan: Plan, setup: Setup) -> tuple[Ballots, int]:
    """Return the votes of all models, and the number of requests.

    One model after the other, for servers that load one model at a time.

    Raises:
        StoppedEarly: votes have no response yet.
        HeartenError: what stopped the requests.
    """
    ballots, asked = Ballots(tuple(voter.model for voter in plan.voters)), 0
    models = {settings.model: settings for settings in plan.config.models}
    for voter in plan.voters:
        asked += await _vote(voter, models[voter.model], plan, setup, ballots)
    _check(ballots)
    return ballots, asked


async def _vote(
    voter: Voter, model: ModelSettings, plan: Plan, setup: Setup, ballots: Ballots
) -> int:
    """Collect one model's votes on all targets; return the number of requests."""
    state = ProgressState(plan.survey.chosen, paid=True, doing=f"{voter.model} votes")
    async with open_session(setup, [model], state) as session:
        async with aclosing(ask(voter, plan.to_vote(), session)) as outcomes:
            async for item in outcomes:
                if not isinstance(item, Reject):
                    ballots.take(voter.model, *item)
    session.check()
    return session.asked


def _check(ballots: Ballots) -> None:
    left = ballots.left
    if left:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left.most_common())
        raise StoppedEarly(
            f"{left.total()} votes have no response yet: {kinds} ({ballots.example})",
            do=KEPT_ANSWERS,
        )


def with_votes(
    items: Iterator[Target | Reject], ballots: Ballots, plan: Plan
) -> Iterator[Target | Reject]:
    """Yield targets with the results of the votes; rejects pass through."""
    evidence = plan.evidence
    for item in items:
        if isinstance(item, Target) and ballots.voters:
            item.contribution = ballots.contribution(item, evidence.share(item))
        yield item
