"""Asking a judge: cached responses first, within a budget, resumable.

What is asked comes in units: the questions that make one result together, such as both orders of a
pair, and a function that reads their answers.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypedDict, TypeVar

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
from builders.llm.task import Accepted, Pending
from builders.progress import ProgressState
from builders.record.manifest_views import RunCost
from builders.record.types import Reject
from builders.store.database import Store
from builders.tasks.question import Question, QuestionTask
from builders.tasks.scoring import Answered
from builders.tasks.swap import TEMPLATE, answer_of, questions, value_of, verdict

_BATCH = 64

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Asked(Generic[T]):
    """The questions that make one result, and what reads it from their answers, in that order."""

    questions: tuple[Question, ...]
    read: Callable[[Sequence[Answered]], T]


@dataclass(frozen=True, slots=True)
class Doing:
    """What a run asks, in words: of the progress line, and of what has no response yet."""

    progress: str
    results: str


def ask_all(  # noqa: PLR0913 - what is asked, what becomes of it, and four things about the run
    by: Judge,
    units: Iterable[Asked[T]],
    take: Callable[[T], None],
    *,
    total: int,
    doing: Doing,
    prices: Mapping[str, object],
    quiet: bool,
) -> JudgingCost:
    """Ask all questions and hand on each result, in order; return the requests and their cost.

    Args:
        by: the judge.
        units: what is asked, read as it is needed.
        take: is given each result once all its questions have an outcome.
        total: how many questions there are at most.
        doing: what this is, in words.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end, or results have no response yet.
    """
    store = Store(by.store)
    try:
        before, limits = store.spent(by.spender), by.limits
        price = {by.model.model: price_of(by.model.model, prices, by.model.base_urls)}
        budget = Budget(price, limits.max_usd, limits.max_tokens, before)
        setup = Setup(store, by.spender, limits, budget, quiet=quiet)
        collecting = _Collecting(units, take)
        return asyncio.run(_ask(by.model, collecting, setup, total, doing))
    finally:
        store.close()


async def _ask(
    model: ModelSettings, collecting: _Collecting[T], setup: Setup, total: int, doing: Doing
) -> JudgingCost:
    state = ProgressState(total, paid=True, doing=doing.progress)
    async with open_session(setup, [model], state) as session:
        async with aclosing(ask(QuestionTask(), collecting.asked(), session)) as outcomes:
            async for item in outcomes:
                if not isinstance(item, Reject):
                    collecting.outcome(item[1])
    session.check()
    collecting.check(doing.results)
    return {"requests": session.asked, "cost": setup.budget.cost}


class _Collecting(Generic[T]):
    """Collects the outcomes of each unit, and hands on its result.

    Args:
        units: what is asked.
        take: is given each result.
    """

    def __init__(self, units: Iterable[Asked[T]], take: Callable[[T], None]) -> None:
        self._units = units
        self._take = take
        self._open: deque[Asked[T]] = deque()
        self._outcomes: list[Answered] = []
        self._left: Counter[str] = Counter()
        self._example = ""

    def asked(self) -> Iterator[Question]:
        """Yield the questions of all units."""
        for unit in self._units:
            self._open.append(unit)
            yield from unit.questions

    def outcome(self, outcome: Answered) -> None:
        """Take the next outcome; a unit with one that is pending has no result."""
        self._outcomes.append(outcome)
        unit = self._open[0]
        if len(self._outcomes) < len(unit.questions):
            return
        outcomes, self._outcomes = self._outcomes, []
        self._open.popleft()
        pending = next((one for one in outcomes if isinstance(one, Pending)), None)
        if pending is None:
            self._take(unit.read(outcomes))
            return
        self._left[pending.kind] += 1
        self._example = self._example or pending.detail

    def check(self, results: str) -> None:
        """Raise StoppedEarly if results have no response yet."""
        if self._left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._left.most_common())
            raise StoppedEarly(
                f"{self._left.total()} {results} have no response yet: {kinds} ({self._example})",
                do=KEPT_ANSWERS,
            )


class Saving:
    """Saves judgements in batches; leave the block to save the last ones.

    Args:
        store: the address of the store.
    """

    def __init__(self, store: str) -> None:
        self._store = Store(store)
        self._waiting: list[Judgement] = []

    def take(self, judgement: Judgement) -> None:
        """Save a judgement with the next batch."""
        self._waiting.append(judgement)
        if len(self._waiting) == _BATCH:
            self._flush()

    def __enter__(self) -> Saving:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Save what waits, also where the asking stopped."""
        try:
            self._flush()
        finally:
            self._store.close()

    def _flush(self) -> None:
        Judgements(self._store).append(self._waiting)
        self._waiting = []


def judge_pairs(
    by: Judge, pairs: Sequence[Pair], prices: Mapping[str, object], quiet: bool
) -> JudgingCost:
    """Ask about both orders of all pairs and save the results; see `ask_all`.

    Args:
        by: the judge.
        pairs: the pairs with distinguishable voices.
        prices: the user's own prices, by model.
        quiet: show no progress.
    """
    with Saving(by.store) as saving:
        return ask_all(
            by,
            swaps(by.model, pairs),
            saving.take,
            total=2 * len(pairs),
            doing=Doing("orders of pairs judged", "pairs"),
            prices=prices,
            quiet=quiet,
        )


def swaps(model: ModelSettings, pairs: Iterable[Pair]) -> Iterator[Asked[Judgement]]:
    """Yield what is asked of each pair of the swap test."""
    for pair in pairs:
        asked = tuple(questions([pair], model.model, model.reply_tokens))
        yield Asked(asked, partial(_swapped, pair, model.model))


def key_of(outcome: Answered) -> str | None:
    """Return the request key of an outcome's response, None where it is not usable."""
    return outcome.request_key if isinstance(outcome, Accepted) else None


def _swapped(pair: Pair, model: str, outcomes: Sequence[Answered]) -> Judgement:
    straight, swapped = outcomes
    said = verdict(answer_of(straight), answer_of(swapped))
    return Judgement(
        subject_hash=pair.seen,
        subject=pair.one.id,
        other=pair.other.id,
        test=SWAP,
        dimension=SWAP,
        value=value_of(said),
        verdict=said,
        model=model,
        prompt_version=prompts.load(TEMPLATE).version,
        keys={"straight": key_of(straight), "swapped": key_of(swapped)},
    )
