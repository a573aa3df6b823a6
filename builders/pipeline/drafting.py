"""The drafting stage: a reply to each target, spoken if requested, then the writer."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builders.corpora import Card
from builders.errors import HeartenError
from builders.llm.recall import Recall
from builders.llm.runner import (
    WINDOW,
    WINDOW_WITH_CLIPS,
    Session,
    Setup,
    ask,
    open_session,
)
from builders.llm.task import Accepted, Outcome
from builders.pipeline.candidates import SeveralDrafts
from builders.pipeline.plan import Plan
from builders.pipeline.rejects_alone import RejectsAlone
from builders.pipeline.told import reply_language
from builders.pipeline.writer import Sink
from builders.progress import ProgressState
from builders.record.manifest_views import LearntEstimate
from builders.record.types import Reject, Target
from builders.settings import BuildConfig
from builders.tasks.reply.draft import Draft, drafted

if TYPE_CHECKING:  # without a voice nothing of it is imported
    from builders.pipeline.moderating import ModeratedReplies
    from builders.tts.stage import Item, Voicing


@dataclass(frozen=True, slots=True)
class DraftingResult:
    """How the stage ended: why it stopped early or None, its requests, the speech.

    `estimate` is what was expected after the first samples, None where there were few; `lost` are
    the models of which nothing more was asked while others went on, each with the reason.
    """

    stopped: HeartenError | None
    requests: int
    estimate: LearntEstimate | None
    speech: dict[str, Any] | None
    lost: Mapping[str, HeartenError]


async def draft(
    plan: Plan, setup: Setup, targets: Iterator[Target | Reject], sink: Sink, state: ProgressState
) -> DraftingResult:
    """Draft a reply to each target and hand everything to the writer, in order.

    Args:
        plan: the build.
        setup: store, limits and budget of the requests.
        targets: targets with their votes, and rejects of earlier stages.
        sink: the writer.
        state: what the progress line shows.
    """
    config, card = plan.config, plan.card
    models = frozenset(drafter.model for drafter in config.drafting)
    moderation = _moderation(plan, setup)
    async with (
        open_session(setup, config.models, state, models) as session,
        _voicing(config, card, session, setup) as voicing,
        _writer_loaded(session),
    ):
        plan.verdicts.to = session.cache.judge
        if voicing:
            session.stop_with(voicing)
        async with (
            _drafts(plan, targets, session) as items,
            aclosing(moderation.outcomes(items) if moderation else items) as kept,
            aclosing(voicing.outcomes(kept, session) if voicing else kept) as finished,
        ):
            rejects = RejectsAlone()
            async for item in finished:
                sink.take(item)
                if stop := rejects.note(item):
                    session.stop(stop)
        speech = voicing.result if voicing else None
        asked = session.asked + (moderation.asked if moderation else 0)
        return DraftingResult(
            session.stopped, asked, session.projection.result, speech, session.lost
        )


def _moderation(plan: Plan, setup: Setup) -> ModeratedReplies | None:
    """Return what asks about replies; without a moderation endpoint nothing of it is imported."""
    if not plan.config.moderation:
        return None
    from builders.pipeline.moderating import ModeratedReplies

    return ModeratedReplies(plan, setup.store)


@asynccontextmanager
async def _writer_loaded(session: Session) -> AsyncIterator[None]:
    """Import what the writer needs while other answers are waited for, and not before the first.

    A build whose answers are all in the store imports it when it writes.
    """

    async def load() -> None:
        await session.contact.wait()
        await asyncio.to_thread(importlib.import_module, "builders.record.parquet")

    loading = asyncio.create_task(load())
    try:
        yield
    finally:
        loading.cancel()


@asynccontextmanager
async def _voicing(
    config: BuildConfig, card: Card, session: Session, setup: Setup
) -> AsyncIterator[Voicing | None]:
    """Open the voice where one is wanted; without one nothing of it is imported."""
    if not config.speaks:
        yield None
        return
    from builders.tts.opening import open_voicing

    asked = (config, reply_language(card), session, setup.store, setup.budget)
    async with open_voicing(*asked) as voicing:
        yield voicing


@asynccontextmanager
async def _drafts(
    plan: Plan, targets: Iterator[Target | Reject], session: Session
) -> AsyncIterator[AsyncGenerator[Item, None]]:
    """Open the drafting: each target with its reply, or the best of several."""
    window = WINDOW_WITH_CLIPS if plan.heard else WINDOW
    drafters = plan.drafters
    if len(drafters) == 1:
        task, recall = drafters[0].task, _recall(plan, session)
        one = ask(task, targets, session, in_thread=plan.heard, window=window, recall=recall)
        async with aclosing(one), aclosing(_items(one)) as items:
            yield items
        return
    several = SeveralDrafts(drafters)
    drafts = several.spread(targets)
    each = ask(several, drafts, session, in_thread=plan.heard, window=window)
    async with aclosing(each), aclosing(several.chosen(each)) as items:
        yield items


def _recall(plan: Plan, session: Session) -> Recall[Target, Draft] | None:
    """Return what knows drafts from before; None where other answers are asked for first."""
    if plan.kept_drafts is None:
        return None
    cache, store = session.cache, session.cache.store
    return Recall(plan.kept_drafts, store.drafts, cache.held, cache.keep_draft, store.has_drafts())


async def _items(
    outcomes: AsyncGenerator[tuple[Target, Outcome[Draft]] | Reject, None],
) -> AsyncGenerator[Item, None]:
    """Yield each outcome in the form the next stages expect."""
    async for item in outcomes:
        if isinstance(item, Reject):
            yield item
        else:
            target, outcome = item
            yield target, drafted(outcome) if isinstance(outcome, Accepted) else outcome
