"""Drafting the arms of an ablation through the runner: cached first, within a budget, resumable."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from builders.errors import StoppedEarly
from builders.evaluation.ablation.arms import Arm, other_voices, task_of, told_in
from builders.llm.budget import Budget
from builders.llm.estimate import Asking, Estimate
from builders.llm.interrupts import KEPT_ANSWERS
from builders.llm.runner import Session, Setup, ask, open_session
from builders.llm.task import Accepted, Outcome, Pending
from builders.pipeline.plan import Plan
from builders.progress import ProgressState
from builders.record.manifest_views import RunCost
from builders.record.types import Reject, Target
from builders.store.address import store_exists
from builders.store.database import Store
from builders.tasks.reply.draft import Draft, drafted


class ArmReply(TypedDict):
    """The reply of one arm to one target.

    `request_key` is that of the answer in the store, `reason` why there is no reply; `voice_of` is
    the utterance whose voice was told, if not its own.
    """

    id: str
    dialogue: str
    arm: str
    reply: str | None
    request_key: str | None
    reason: str | None
    voice_of: str | None


class AblationCost(TypedDict):
    """The number of requests, and the total cost including earlier runs."""

    requests: int
    cost: RunCost


@dataclass(frozen=True)
class Arms:
    """What is asked: the arms, the targets of all of them, and whose voice stands for another's."""

    plan: Plan
    arms: Sequence[Arm]
    targets: Sequence[Target]

    @property
    def spender(self) -> str:
        """Return the name its attempts are counted under, separate from the cost of the build."""
        return f"{self.plan.config.name} ablated"

    @cached_property
    def others(self) -> Mapping[str, Target]:
        """Return whose voice each target is told of in place of its own, by id."""
        return other_voices(self.targets)

    def told(self, arm: Arm) -> list[Target]:
        """Return the targets as an arm tells of them; those without another voice are left out."""
        others = self.others
        needs_other = arm.voice == "other"
        return [
            told_in(arm, target, others.get(target.id))
            for target in self.targets
            if not needs_other or target.id in others
        ]

    def voice_of(self, arm: Arm, name: str) -> str | None:
        """Return the id of the utterance whose voice an arm tells in place of a target's own."""
        return self.others[name].id if arm.voice == "other" else None


def draft_arms(
    asked: Arms, prices: Mapping[str, object], quiet: bool
) -> tuple[list[ArmReply], AblationCost]:
    """Return the replies of all arms, and what they took.

    Raises:
        StoppedEarly: it stopped before the end, or targets have no response yet.
    """
    config = asked.plan.config
    store = Store(config.store_url)
    try:
        limits, before = config.limits, store.spent(asked.spender)
        budget = Budget(asked.plan.prices(prices), limits.max_usd, limits.max_tokens, before)
        setup = Setup(store, asked.spender, limits, budget, quiet=quiet)
        return asyncio.run(_draft(asked, setup))
    finally:
        store.close()


async def _draft(asked: Arms, setup: Setup) -> tuple[list[ArmReply], AblationCost]:
    each = {arm: asked.told(arm) for arm in asked.arms}
    state = ProgressState(sum(map(len, each.values())), paid=True, doing="drafts of arms")
    found: list[ArmReply] = []
    left: Counter[str] = Counter()
    async with open_session(setup, asked.plan.config.models, state) as session:
        for arm, targets in each.items():
            found += await _draft_arm(asked, arm, targets, session, left)
    session.check()
    if left:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left.most_common())
        raise StoppedEarly(f"{left.total()} drafts have no response yet: {kinds}", do=KEPT_ANSWERS)
    return found, {"requests": session.asked, "cost": setup.budget.cost}


async def _draft_arm(
    asked: Arms, arm: Arm, targets: list[Target], session: Session, left: Counter[str]
) -> list[ArmReply]:
    found = []
    task = task_of(arm, asked.plan)
    async with aclosing(ask(task, iter(targets), session)) as outcomes:
        async for item in outcomes:
            if isinstance(item, Reject):
                continue
            target, outcome = item
            if isinstance(outcome, Pending):
                left[outcome.kind] += 1
            else:
                found.append(_reply(asked, arm, target, outcome))
    return found


def _reply(asked: Arms, arm: Arm, target: Target, outcome: Outcome[Draft]) -> ArmReply:
    said, key, reason = None, getattr(outcome, "request_key", None), None
    if isinstance(outcome, Accepted):
        reply = drafted(outcome)
        said, key = str(reply.reply["text"]), reply.request_key
    else:
        reason = getattr(outcome, "reason", None)
    return {
        "id": target.id,
        "dialogue": f"{target.split}|{target.utterance.dialogue}",
        "arm": arm.name,
        "reply": said,
        "request_key": key,
        "reason": reason,
        "voice_of": asked.voice_of(arm, target.id),
    }


def estimate_arms(asked: Arms, prices: Mapping[str, object]) -> Estimate:
    """Return what the first requests of all arms would take, without corrections or retries."""
    config = asked.plan.config
    asking = Asking(config.drafting[0].model)
    store = Store(config.store_url, writes=False) if store_exists(config.store_url) else None
    for arm in asked.arms:
        asking.add(map(task_of(arm, asked.plan).first_request, asked.told(arm)), store)
    if store:
        store.close()
    return {
        "held": asking.held,
        "to_ask": asking.count,
        "prompt_tokens": asking.prompt_tokens,
        "completion_tokens": asking.completion_tokens,
        "usd": asking.usd(asked.plan.prices(prices)[asking.model]),
    }
