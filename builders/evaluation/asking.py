"""Asking a judge about pairs: cached responses first, within a budget, resumable."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypedDict

from builders.errors import StoppedEarly
from builders.evaluation.dimensions import SWAP
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair
from builders.llm import prompts
from builders.llm.budget import Budget
from builders.llm.interrupts import KEPT_ANSWERS
from builders.llm.prices import price_of
from builders.llm.runner import Setup, ask, open_session
from builders.llm.settings import Limits, ModelSettings
from builders.llm.task import Accepted, Outcome, Pending
from builders.progress import ProgressState
from builders.record.manifest_views import RunCost
from builders.record.types import Reject
from builders.store.database import Store
from builders.tasks.question import QuestionTask
from builders.tasks.swap import TEMPLATE, answer_of, questions, value_of, verdict

_BATCH = 64

Answered = Outcome[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Judge:
    """The model that judges, its limits, the address of the store, and the build's name."""

    model: ModelSettings
    limits: Limits
    store: str
    build: str

    @property
    def spender(self) -> str:
        """Return the name its attempts are counted under, separate from the cost of the build."""
        return f"{self.build} judged"


class JudgingCost(TypedDict):
    """The number of requests, and the total cost including earlier runs."""

    requests: int
    cost: RunCost


def judge_pairs(
    by: Judge, pairs: Sequence[Pair], prices: Mapping[str, object], quiet: bool
) -> JudgingCost:
    """Ask about all pairs and save the results; return the requests and their cost.

    Args:
        by: the judge.
        pairs: the pairs with distinguishable voices.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end, or pairs have no response yet.
    """
    store = Store(by.store)
    try:
        before, limits = store.spent(by.spender), by.limits
        price = {by.model.model: price_of(by.model.model, prices, by.model.base_urls)}
        budget = Budget(price, limits.max_usd, limits.max_tokens, before)
        setup = Setup(store, by.spender, limits, budget, quiet=quiet)
        return asyncio.run(_judge(by.model, pairs, setup))
    finally:
        store.close()


async def _judge(model: ModelSettings, pairs: Sequence[Pair], setup: Setup) -> JudgingCost:
    """Ask about both orders of each pair, and save a judgement for each pair with both outcomes."""
    state = ProgressState(2 * len(pairs), paid=True, doing="orders of pairs judged")
    judging = _Judging(model.model, pairs, Judgements(setup.store))
    async with open_session(setup, [model], state) as session:
        asked = questions(pairs, model.model, model.reply_tokens)
        async with aclosing(ask(QuestionTask(), asked, session)) as outcomes:
            async for item in outcomes:
                if not isinstance(item, Reject):
                    judging.take(item[1])
        judging.flush()
    session.check()
    judging.check()
    return {"requests": session.asked, "cost": setup.budget.cost}


class _Judging:
    """Takes outcomes two by two, in the order of the pairs, and saves the judgements."""

    def __init__(self, model: str, pairs: Sequence[Pair], judgements: Judgements) -> None:
        self._model = model
        self._pairs = iter(pairs)
        self._judgements = judgements
        self._waiting: list[Judgement] = []
        self._first: Answered | None = None
        self._left: Counter[str] = Counter()
        self._example = ""

    def take(self, outcome: Answered) -> None:
        """Take the outcome of one order of a pair; the original order comes first."""
        if self._first is None:
            self._first = outcome
            return
        if judgement := self._judgement(next(self._pairs), self._first, outcome):
            self._waiting.append(judgement)
        self._first = None
        if len(self._waiting) == _BATCH:
            self.flush()

    def flush(self) -> None:
        """Save pending judgements."""
        self._judgements.append(self._waiting)
        self._waiting = []

    def check(self) -> None:
        """Raise StoppedEarly if pairs have no response yet."""
        if self._left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._left.most_common())
            raise StoppedEarly(
                f"{self._left.total()} pairs have no response yet: {kinds} ({self._example})",
                do=KEPT_ANSWERS,
            )

    def _judgement(self, pair: Pair, straight: Answered, swapped: Answered) -> Judgement | None:
        both = (straight, swapped)
        pending = next((one for one in both if isinstance(one, Pending)), None)
        if pending:
            self._left[pending.kind] += 1
            self._example = self._example or pending.detail
            return None
        keys = [one.request_key if isinstance(one, Accepted) else None for one in both]
        said = verdict(answer_of(straight), answer_of(swapped))
        return Judgement(
            subject_hash=pair.seen,
            subject=pair.one.id,
            other=pair.other.id,
            test=SWAP,
            dimension=SWAP,
            value=value_of(said),
            verdict=said,
            model=self._model,
            prompt_version=prompts.load(TEMPLATE).version,
            keys={"straight": keys[0], "swapped": keys[1]},
        )
