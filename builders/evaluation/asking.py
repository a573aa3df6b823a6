"""Asking a judge about pairs: held answers first, within a budget, and on after a stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from builders.errors import HeartenError, StoppedEarly
from builders.evaluation.dimensions import SWAP
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair
from builders.llm import prompts
from builders.llm.budget import Budget, price_of
from builders.llm.committer import Committer
from builders.llm.conversations import Conversations, Left, Outcome, Retry, blocks_of
from builders.llm.interrupts import KEPT_ANSWERS, stopped_by_signals
from builders.llm.models import open_models
from builders.llm.questions import Question, Questions
from builders.progress import Progress, State
from builders.record.types import Drafted
from builders.settings import BuildConfig
from builders.store.database import Store
from builders.tasks.swap import TEMPLATE, answer_of, questions, value_of, verdict

_BATCH = 64


def judge(
    config: BuildConfig, pairs: Sequence[Pair], prices: Mapping[str, Any], quiet: bool
) -> dict[str, Any]:
    """Ask about all pairs and keep what comes of each; return the requests and what they cost.

    Args:
        config: the model, where it is, the store, the budget; its name is the build's.
        pairs: those that can be told apart.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end, or pairs are left without an answer.
    """
    store = Store(config.store_url)
    try:
        return asyncio.run(_Run(config, pairs, store, prices).run(quiet))
    finally:
        store.close()


class _Run:
    """One run over the pairs."""

    def __init__(
        self, config: BuildConfig, pairs: Sequence[Pair], store: Store, prices: Mapping[str, Any]
    ) -> None:
        self._config = config
        self._pairs = pairs
        self._store = store
        self._events = Judgements(store)
        self._spender = f"{config.name} judged"  # apart from what the build itself has cost
        self._model = str(config.model)
        price, before = price_of(config.model, prices), store.spent(self._spender)
        self._budget = Budget({self._model: price}, config.max_usd, config.max_tokens, before)
        self._left: Counter[str] = Counter()
        self._example = ""

    async def run(self, quiet: bool) -> dict[str, Any]:
        """Ask, and append an event for each pair with two outcomes."""
        config = self._config
        state = State(len(self._pairs), paid=True, doing="pairs judged")
        async with (
            Committer(self._store, self._spender) as committer,
            open_models(config, self._model, committer, self._store, self._budget) as model,
        ):
            conversations = Conversations(
                Questions(),
                self._store,
                model,
                Retry(),
                open_at_once=2 * (config.max_concurrency or 64),
            )
            asked = questions(self._pairs, self._model, config.reply_tokens)
            blocks = blocks_of(iter(asked), in_thread=False)
            with stopped_by_signals([conversations]), Progress(state, quiet) as progress:
                async with aclosing(conversations.outcomes(blocks)) as outcomes:
                    await self._take(outcomes, conversations, state, progress)
        self._check(conversations.stopped)
        return {"requests": conversations.asked, "cost": self._budget.cost}

    async def _take(
        self,
        outcomes: AsyncIterator[Any],
        conversations: Conversations[Question],
        state: State,
        progress: Progress,
    ) -> None:
        """Take outcomes two by two, in the order of the pairs."""
        waiting: list[Judgement] = []
        both: list[Outcome] = []
        pairs = iter(self._pairs)
        async for _, outcome in outcomes:
            both.append(outcome)
            if len(both) < 2:
                continue
            if judgement := self._judgement(next(pairs), both):
                waiting.append(judgement)
            both = []
            if len(waiting) == _BATCH:
                self._events.append(waiting)
                waiting = []
            state.requests, state.usd = conversations.asked, self._budget.usd
            progress.advance()
        self._events.append(waiting)

    def _judgement(self, pair: Pair, both: Sequence[Outcome]) -> Judgement | None:
        left = [outcome for outcome in both if isinstance(outcome, Left)]
        if left:
            self._left[left[0].kind] += 1
            self._example = self._example or left[0].detail
            return None
        straight, swapped = both
        keys = [one.request_key if isinstance(one, Drafted) else None for one in both]
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

    def _check(self, stopped: HeartenError | None) -> None:
        if stopped:
            raise stopped
        if self._left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._left.most_common())
            raise StoppedEarly(
                f"{self._left.total()} pairs are left without an answer: {kinds} ({self._example})",
                do=KEPT_ANSWERS,
            )
