"""Estimating the cost of a build: no request is sent, and no folder is made."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TypedDict

from builders.audio.analysis import Hearing
from builders.llm.estimate import Asking, Estimate, estimated
from builders.llm.prices import Price
from builders.llm.runner import BLOCK
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.qualifying import counting, examinations, held_result
from builders.record.manifest import Ledger
from builders.record.types import Target
from builders.settings import BuildConfig
from builders.store.database import Store, store_exists


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
    """The estimate for a build; without a caption model, `captions_to_ask` is None.

    `drafts` is by model, `held` and `to_ask` are of all drafts.
    `hours` is None if the store has no answers of the models that tell their pace.
    """

    model: str
    targets: int
    drafts: list[VoteEstimate]
    held: int
    to_ask: int
    captions_to_ask: int | None
    prompt_tokens: int
    completion_tokens: int
    usd: float | None
    hours: float | None
    qualification: list[QualificationEstimate]
    votes: list[VoteEstimate]
    to_speak: SpeechEstimate


def estimate(config: BuildConfig, prices: Mapping[str, object]) -> BuildEstimate:
    """Return the estimate for a build, without corrections or retries.

    Clips are analysed first, since prosody descriptions are part of the prompts; a caption that is
    not cached yet is left out. Prompt tokens are characters divided by four, plus a number for each
    second of audio; completion tokens are the maximum allowed.
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
    captioned = plan.captioned
    drafts, captions, count, characters = _drafting(plan, hearing)
    asking = [*drafts, captions] if captioned else drafts
    costs = [asked.usd(prices[asked.model]) for asked in asking]
    return {
        "model": plan.origin.model,
        "targets": count,
        "drafts": [
            {
                "model": asked.model,
                "held": asked.held,
                "to_ask": asked.count,
                "prompt_tokens": asked.prompt_tokens,
                "completion_tokens": asked.completion_tokens,
                "usd": asked.usd(prices[asked.model]),
            }
            for asked in drafts
        ],
        "held": sum(asked.held for asked in drafts),
        "to_ask": sum(asked.count for asked in drafts),
        "captions_to_ask": captions.count if captioned else None,
        "prompt_tokens": sum(asked.prompt_tokens for asked in asking),
        "completion_tokens": sum(asked.completion_tokens for asked in asking),
        "usd": None if None in costs else sum(cost for cost in costs if cost is not None),
        "hours": _hours(plan.config.store_url, asking),
        "qualification": qualification,
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
            "utterance_characters": characters if plan.config.speak else 0,
            "replies": count if plan.config.speak_replies else 0,
        },
    }


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


def _drafting(plan: Plan, hearing: Hearing | None) -> tuple[list[Asking], Asking, int, int]:
    """Return the estimates for drafts by model and for captions, targets and their characters."""
    url = plan.config.store_url
    store = Store(url, writes=False) if store_exists(url) else None
    captioned, count, characters = plan.captioned, 0, 0
    drafters = plan.plain_drafters
    drafts, captions = {m: Asking(m) for m, _ in drafters}, Asking(plan.config.caption_model or "")
    targets = (t for t in plan.targets(Ledger(), hearing) if isinstance(t, Target))
    while block := list(islice(targets, BLOCK)):
        count += len(block)
        characters += sum(len(target.utterance.text) for target in block)
        if captioned:
            captions.add(captioned.settled(block, store))
        for model, drafter in drafters:
            drafts[model].add(map(drafter.first_request, block), store)
    if store:
        store.close()
    return [*drafts.values()], captions, count, characters
