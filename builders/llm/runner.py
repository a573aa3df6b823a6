"""The runner: asks about many subjects at once, cached responses first, outcomes in order.

    async with open_session(setup, models, state) as session:
        async with aclosing(ask(task, subjects, session)) as outcomes:
            async for item in outcomes: ...
    session.check()

Outcomes come out in the order in which subjects go in, whatever order the responses arrive in. Two
limits hold memory flat: how many exchanges are open, and how many outcomes wait for an earlier one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from builders.errors import HeartenError
from builders.llm.budget import Budget, OverBudget
from builders.llm.cache import ResponseCache
from builders.llm.claims import RequestClaims
from builders.llm.concurrency import Places
from builders.llm.exchange import Exchange, Retry
from builders.llm.interrupts import Stops, stopped_by_signals
from builders.llm.line import ExchangeLine
from builders.llm.pool import warn
from builders.llm.projection import Projection
from builders.llm.recall import Recall
from builders.llm.request import Request
from builders.llm.router import open_models
from builders.llm.settings import Limits, ModelSettings
from builders.llm.task import Model, Outcome, Pending, Subject, Task
from builders.progress import ProgressLine, ProgressState
from builders.record.types import Reject
from builders.store.claims import ClaimTable, Holder
from builders.store.database import Answer, Store

BLOCK = 64
# The first request leaves before more than these are made.
_FIRST_BLOCK = 2
# How many outcomes may wait for an earlier one: without clips, and with their bytes.
WINDOW, WINDOW_WITH_CLIPS = 4096, 512
_CONCURRENCY = 64
# Why nothing came of a request to one of several models.
LOST = "model_lost"

S = TypeVar("S", bound=Subject)
T = TypeVar("T")


class Session:
    """What tasks are asked with, and whether the asking has stopped.

    Args:
        cache: where responses are looked up and committed.
        model: answers what is not cached.
        budget: what may be spent.
        progress: shows how far it is.
        retry: what is asked again after it was given up.
        open_at_once: says how many exchanges with the model may be open.
        claims: tells other builds what is asked; None where there is none.
        several: the models that do the same, of which one may go on without the others.

    Attributes:
        cache, budget, progress, retry: as given.
        stopped: why nothing more is asked; None while it goes on.
        asked: how many requests the model was asked.
        begun: set once there is one; claims: as given.
        contact: set once the first is over, however it ended.
        projection: what the run will take in all.
        lost: of `several`, those that are asked nothing more, each with the reason.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        cache: ResponseCache,
        model: Model,
        budget: Budget,
        progress: ProgressLine,
        retry: Retry,
        open_at_once: Callable[[], int] = lambda: 2 * _CONCURRENCY,
        claims: RequestClaims | None = None,
        several: frozenset[str] = frozenset(),
    ) -> None:
        self.cache = cache
        self.lost: dict[str, HeartenError] = {}
        self._several = several
        self._under_way: dict[str, asyncio.Event] = {}
        self.budget = budget
        self.retry = retry
        self.room = Places(open_at_once)
        self.stopped: HeartenError | None = None
        self.asked = 0
        self.begun, self.contact = asyncio.Event(), asyncio.Event()
        self._model = model
        self.progress = progress
        self._asked_before = progress.state.requests
        self.claims = claims or RequestClaims(None)
        self._settled = 0
        self.projection = Projection(progress.state.total, budget)
        self._stops: list[Stops] = [model, self.claims]

    def stop(self, error: HeartenError) -> None:
        """Ask nothing more; the first reason given is the one that counts."""
        self.stopped = self.stopped or error
        for each in self._stops:
            each.stop(self.stopped)

    def stop_with(self, other: Stops) -> None:
        """Have another stage stopped together with the asking."""
        self._stops.append(other)
        if self.stopped:
            other.stop(self.stopped)

    def check(self) -> None:
        """Raise the error that stopped the asking, if one did."""
        if self.stopped:
            raise self.stopped

    async def answer(self, exchange: Exchange[S, T]) -> Answer | Pending:
        """Return the response to what is asked next, cached or fresh."""
        if exchange.begun:
            cached = self.cache.held([exchange.key]).get(exchange.key)
            if cached:
                return cached
        try:
            return await self._ask(exchange.request, exchange.key)
        except HeartenError as error:
            return self._failed(exchange.request.model, error)

    async def _ask(self, request: Request, key: str) -> Answer | Pending:
        """Return the model's response, or what somebody else was answered meanwhile."""
        while not self.stopped:
            if error := self.lost.get(request.model):
                return Pending(LOST, str(error))
            if other := self._under_way.get(key):  # two drafts ask for the same caption
                await other.wait()
            elif (answer := await self._asked_once(request, key)) is not None:
                return answer
            if cached := self.cache.held([key]).get(key):
                return cached
        return Pending("stopped", str(self.stopped))

    async def _asked_once(self, request: Request, key: str) -> Answer | Pending | None:
        """Return the model's response, None where another build asks; the same is asked once."""
        done = self._under_way[key] = asyncio.Event()
        try:
            if not await self.claims.take(key, self.room):
                return None
            self.asked += 1
            self.begun.set()
            try:
                return await self._model.answer(request, key)
            finally:
                self.contact.set()
                self.claims.free(key)
        finally:
            del self._under_way[key]
            done.set()

    def _failed(self, model: str, error: HeartenError) -> Pending:
        """Stop the asking, or leave out one of several models while the others go on."""
        left = self._several - self.lost.keys() - {model}
        if self.stopped or model not in self._several or not left or isinstance(error, OverBudget):
            self.stop(error)
            return Pending("stopped", str(error))
        if model not in self.lost:
            self.lost[model] = error
            others = " and ".join(sorted(left))
            warn(f"{model}: {error}; nothing more is asked of it, {others} goes on")
        return Pending(LOST, str(error))

    def expect(self, keys: Iterable[str]) -> None:
        """Say what will be asked next, so that no other build asks it."""
        if not self.stopped:
            self.claims.ahead(keys)

    def took(self, model: str, answer: Answer) -> None:
        """Count what a model's answer took that this build uses, whoever paid for it."""
        self.budget.count_answer(model, answer)

    def settle(self, answers: Sequence[tuple[str, Answer]] | None = None) -> None:
        """Count a subject whose outcome is known, in whatever order.

        Args:
            answers: those about it, with the models that gave them, where it was asked about. What
                a sample takes is learnt from them: others are under way at the same time.
        """
        self._settled += 1
        if answers is not None:
            usd, tokens = self.budget.worth(answers)
            self.projection.note(self._settled, usd, tokens)

    def count(self, done: bool) -> None:
        """Show how far it is, after one more outcome where `done`."""
        state = self.progress.state
        state.projected_usd = self.projection.projected_usd(self._settled)
        state.sample_usd = self.projection.sample_usd
        state.requests, state.usd = self._asked_before + self.asked, self.budget.usd
        if done:
            self.progress.advance()
        else:
            self.progress.tick()


@dataclass(frozen=True, slots=True)
class Setup:
    """What the sessions of one run have in common.

    `spender` is the name under which attempts are counted in the store; `phrasebook` the model name
    under which the phrasebook answers, None where it does not; `folder` that of the build, whose
    lock is held, None where there is no build. `speaks` says that a voice is asked over HTTP.
    """

    store: Store
    spender: str
    limits: Limits
    budget: Budget
    retry: Retry = Retry()
    quiet: bool = False
    phrasebook: str | None = None
    folder: Path | None = None
    speaks: bool = False


@asynccontextmanager
async def open_session(
    setup: Setup,
    models: Iterable[ModelSettings],
    state: ProgressState,
    several: frozenset[str] = frozenset(),
) -> AsyncIterator[Session]:
    """Open models, cache and progress; SIGINT and SIGTERM stop the asking while it is open.

    Args:
        setup: what all sessions of the run share.
        models: those that are asked over HTTP.
        state: what the progress line shows.
        several: the models that do the same, of which one may go on without the others.
    """
    limits, quiet, asked = setup.limits, setup.quiet, [*models]
    async with (
        ResponseCache(setup.store, setup.spender) as cache,
        _claims(setup, bool(asked) or setup.speaks) as claims,
        open_models(asked, setup.phrasebook, cache, limits, setup.budget, claims) as model,
    ):
        with ProgressLine(state, quiet) as progress:
            session = Session(
                cache,
                model,
                setup.budget,
                progress,
                setup.retry,
                lambda: 2 * model.at_once,
                claims,
                several,
            )
            with stopped_by_signals([session]):
                yield session


def _claims(setup: Setup, needed: bool) -> RequestClaims:
    """Return the claims of a run; only what is asked over HTTP can be paid for twice."""
    if not needed:
        return RequestClaims(None)
    folder = setup.folder.resolve() if setup.folder else setup.spender
    return RequestClaims(
        ClaimTable(setup.store, Holder(str(folder))), alone=setup.folder is not None
    )


async def ask(
    task: Task[S, T],
    subjects: Iterator[S | Reject],
    session: Session,
    *,
    in_thread: bool = False,
    window: int = WINDOW,
    recall: Recall[S, T] | None = None,
) -> AsyncGenerator[tuple[S, Outcome[T]] | Reject, None]:
    """Yield each subject with its outcome, and each reject, in order; ends early once stopped.

    Args:
        task: makes the requests.
        subjects: what is asked about, with rejects of earlier stages.
        session: what it is asked with.
        in_thread: whether `subjects` is iterated in a thread, as it is where clips are decoded.
        window: how many outcomes may wait for an earlier one.
        recall: knows outcomes from before; None where none are kept.
    """
    line = ExchangeLine(task, session, recall)
    try:
        async for block in _blocks(subjects, in_thread):
            for item in line.begin(block):
                await line.put(item)
                while line.ready(window):
                    yield await line.next()
            if session.stopped:
                break
        while line:
            yield await line.next()
    finally:
        await line.cancel()


async def _blocks(items: Iterator[S | Reject], in_thread: bool) -> AsyncIterator[list[S | Reject]]:
    """Yield items in blocks; a thread frees the loop while clips are decoded."""
    size = _FIRST_BLOCK

    def take() -> list[S | Reject]:
        return list(islice(items, size))

    while block := (await asyncio.to_thread(take) if in_thread else take()):
        yield block
        size = BLOCK
