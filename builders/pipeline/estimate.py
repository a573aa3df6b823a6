"""Estimating the cost of a build: no request is sent, and no folder is made."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypedDict

from builders.audio.analysis import Hearing
from builders.llm.estimate import Asking, Estimate, estimated
from builders.llm.prices import Price
from builders.llm.runner import BLOCK
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.qualifying import counting, examinations, held_result
from builders.pipeline.routing import sent_on
from builders.record.manifest import Ledger
from builders.record.types import Target
from builders.settings import BuildConfig
from builders.store.address import store_exists
from builders.store.database import Store
from builders.tasks.reply.executing import ModelTagger
from builders.tasks.reply.planned import PlannedDrafter
from builders.tasks.route import RouteAsker

# As long as most replies: what a tagger is asked about is not written yet.
_ANY_REPLY = "word " * 15


class VoteEstimate(Estimate):
    """The estimate for the votes or the drafts of one model."""

    model: str


class QualificationEstimate(Estimate):
    """The estimate for what a model is asked before its word counts; see `QualificationResult`.

    `qualified` is None until all of it is cached.
    """

    model: str
    purpose: str
    qualified: bool | None


class SpeechEstimate(TypedDict):
    """The estimate for speech."""

    utterance_characters: int
    replies: int


class BuildEstimate(TypedDict):
    """The estimate for a build.

    `drafts` is by model, `held` and `to_ask` are of all drafts. `captions_to_ask`,
    `summaries_to_ask`, `plans_to_ask`, `tags_to_ask` and `reply_routes_to_ask` are None without a
    model for them; of the last two, each reply needs one. `hours` is None if the store has no
    answers of the models that tell their pace. `routes` and `moderation_to_ask` are None without a
    model or endpoint for them; the latter counts utterances and replies.
    """

    model: str
    targets: int
    drafts: list[VoteEstimate]
    held: int
    to_ask: int
    captions_to_ask: int | None
    summaries_to_ask: int | None
    plans_to_ask: int | None
    tags_to_ask: int | None
    reply_routes_to_ask: int | None
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    hours: float | None
    qualification: list[QualificationEstimate]
    routes: VoteEstimate | None
    moderation_to_ask: int | None
    votes: list[VoteEstimate]
    to_speak: SpeechEstimate


@dataclass(slots=True)
class _Drafting:
    """Drafts by model, what is asked `beside` them by name; targets and their characters."""

    drafts: dict[str, Asking]
    beside: dict[str, Asking] = field(default_factory=dict)
    targets: int = 0
    characters: int = 0

    def to_ask(self, name: str) -> int | None:
        """Return how many requests are to be made beside the drafts; None where none are."""
        return self.beside[name].count if name in self.beside else None


def estimate(config: BuildConfig, prices: Mapping[str, object]) -> BuildEstimate:
    """Return the estimate for a build, without corrections or retries.

    Clips are analysed first, since prosody descriptions are part of the prompts; a caption or a
    summary that is not cached yet is left out of the prompt that it will be in. Prompt tokens are
    characters divided by four, plus a number for each second of audio; completion tokens are the
    maximum allowed.
    """
    plan = make_plan(config)
    with (
        tempfile.TemporaryDirectory() as folder,
        plan.listening(Path(folder), quiet=True) as hearing,
    ):
        return _estimated(plan, hearing, prices)


def _estimated(plan: Plan, hearing: Hearing | None, own: Mapping[str, object]) -> BuildEstimate:
    prices = plan.prices(own)
    qualification, plan = _qualification(plan, prices)
    found = _drafting(plan, hearing)
    asking = [*found.drafts.values(), *found.beside.values()]
    costs = [one.usd(prices[one.model]) for one in asking]
    return {
        "model": plan.origin.model,
        "targets": found.targets,
        "drafts": [
            {
                "model": one.model,
                "held": one.held,
                "to_ask": one.count,
                "prompt_tokens": one.prompt_tokens,
                "completion_tokens": one.completion_tokens,
                "usd": one.usd(prices[one.model]),
            }
            for one in found.drafts.values()
        ],
        "held": sum(one.held for one in found.drafts.values()),
        "to_ask": sum(one.count for one in found.drafts.values()),
        "captions_to_ask": found.to_ask("captions"),
        "summaries_to_ask": found.to_ask("summaries"),
        "plans_to_ask": found.to_ask("plans"),
        "tags_to_ask": found.to_ask("tags"),
        "reply_routes_to_ask": found.to_ask("reply routes"),
        "prompt_tokens": sum(one.prompt_tokens for one in asking),
        "completion_tokens": sum(one.completion_tokens for one in asking),
        "usd": None if None in costs else sum(cost for cost in costs if cost is not None),
        "hours": _hours(plan.config.store_url, asking),
        "qualification": qualification,
        "routes": _routes(plan, prices),
        "moderation_to_ask": _moderation(plan, found.targets),
        "votes": [
            {
                "model": voter.model,
                **estimated(
                    map(voter.first_request, plan.to_vote()),
                    plan.config.store_url,
                    prices[voter.model],
                ),
            }
            for voter in plan.voters
        ],
        "to_speak": {
            "utterance_characters": found.characters if plan.config.speak else 0,
            "replies": found.targets if plan.config.speak_replies else 0,
        },
    }


def _routes(plan: Plan, prices: Mapping[str, Price | None]) -> VoteEstimate | None:
    """Return what the model that routes would take; None without one."""
    asker = _router(plan)
    if not asker:
        return None
    from builders.pipeline.verdicts import open_targets

    requests = map(asker.first_request, open_targets(plan))
    told = estimated(requests, plan.config.store_url, prices[asker.model])
    return {"model": asker.model, **told}


def _router(plan: Plan) -> RouteAsker | None:
    model = plan.config.router
    return RouteAsker(model, plan.card.speakers_have_names) if model else None


def _moderation(plan: Plan, replies: int) -> int | None:
    if not plan.config.moderation:
        return None
    from builders.pipeline.verdicts import to_moderate

    return to_moderate(plan) + replies


def _qualification(
    plan: Plan, prices: Mapping[str, Price | None]
) -> tuple[list[QualificationEstimate], Plan]:
    """Return what qualifying would take, and the plan without models known to fall short."""
    url = plan.config.store_url
    store = Store(url, writes=False) if store_exists(url) else None
    found: list[QualificationEstimate] = []
    results = []
    for one in examinations(plan):
        result = held_result(one, store)
        if result:
            results.append(result)
        requests = map(one.task.first_request, one.subjects)
        found.append(
            {
                "model": one.model,
                "purpose": one.purpose,
                "qualified": result["qualified"] if result else None,
                **estimated(requests, url, prices[one.model]),
            }
        )
    if store:
        store.close()
    return found, counting(plan, results)


def _hours(url: str, asking: list[Asking]) -> float | None:
    """Return the hours of the requests to make, at the pace of each model's last answers."""
    store = Store(url, writes=False) if store_exists(url) else None
    if store is None:
        return None
    paces = [(asked.count, store.pace(asked.model)) for asked in asking]
    store.close()
    if any(pace is None for _, pace in paces):
        return None
    return sum(count / pace for count, pace in paces if pace) / 3600


def _drafting(plan: Plan, hearing: Hearing | None) -> _Drafting:
    """Return the estimates of drafts and what goes with them."""
    url = plan.config.store_url
    store = Store(url, writes=False) if store_exists(url) else None
    captioned, replying, tagger = plan.captioned, plan.replying, plan.tagger
    router = _router(plan)
    drafters = plan.plain_drafters
    found = _Drafting({model: Asking(model) for model, _ in drafters})
    summarised = plan.summarised
    items = sent_on(plan.targets(Ledger(), hearing), {})
    targets = (t for t in items if isinstance(t, Target))
    while block := list(islice(targets, BLOCK)):
        found.targets += len(block)
        found.characters += sum(len(target.utterance.text) for target in block)
        if summarised:
            of = found.beside.setdefault("summaries", Asking(plan.origin.model))
            of.add(summarised.settled(block, store))
        if captioned:
            of = found.beside.setdefault("captions", Asking(captioned.model))
            of.add(captioned.settled(block, store))
        if isinstance(replying, PlannedDrafter):
            of = found.beside.setdefault("plans", Asking(plan.origin.model))
            of.add(replying.settled(block, store))
        # What is drafted after a summary that is not cached yet is not cached, either.
        later = {target.id for target in block if summarised and summarised.opening(target)}
        for model, drafter in drafters:
            for known in (True, False):
                some = (target for target in block if (target.id not in later) == known)
                asked = map(drafter.first_request, some)
                found.drafts[model].add(asked, store if known else None)
            if isinstance(tagger, ModelTagger):
                of = found.beside.setdefault("tags", Asking(tagger.model))
                names = drafter.prompts
                of.add(tagger.question(one, _ANY_REPLY, names).request for one in block)
            if router:
                of = found.beside.setdefault("reply routes", Asking(router.model))
                of.add(router.of_reply(one, _ANY_REPLY).request for one in block)
    if store:
        store.close()
    return found
