"""The qualifying stage: models that route, vote or describe clips answer what is known first.

The questions are requests like any other: cached, in the budget, never paid for twice. A model that
falls short is asked nothing more: it does not vote, and describes no clip. A build whose routing
model falls short does not begin, as nobody else would see what the patterns miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from builders.errors import ConfigError, StoppedEarly
from builders.llm.exchange import Exchange
from builders.llm.interrupts import KEPT_ANSWERS
from builders.llm.runner import Setup, ask, open_session
from builders.llm.settings import ModelSettings
from builders.llm.task import Accepted, Pending
from builders.pipeline.plan import Plan
from builders.progress import ProgressState
from builders.record.manifest_views import QualificationResult
from builders.record.types import Reject
from builders.store.database import Store
from builders.tasks.qualification import Examination, listening, meanings, reading, routing


def examinations(plan: Plan) -> Iterator[Examination[Any]]:
    """Yield the examination of the model that routes, those that vote, the one that describes."""
    config = plan.config
    models = {settings.model: settings for settings in config.models}
    if config.router:
        yield routing(config.router, models[config.router].base_urls)
    for model in config.voters:
        addresses = models[model].base_urls
        yield reading(model, addresses, plan.card.language, config.reply_tokens)
    if config.caption_model:
        yield listening(config.caption_model, models[config.caption_model].base_urls)


async def qualify(plan: Plan, setup: Setup) -> tuple[list[QualificationResult], int]:
    """Return what each model was found to be able to do, and the number of requests.

    Raises:
        StoppedEarly: questions have no response yet.
        ConfigError: the routing model fell short.
        HeartenError: what stopped the requests.
    """
    results, asked = [], 0
    models = {settings.model: settings for settings in plan.config.models}
    for examination in examinations(plan):
        result, count = await _examine(examination, models[examination.model], setup)
        refuse_unfit_router(result)
        results.append(result)
        asked += count
    return results, asked


def refuse_unfit_router(result: QualificationResult) -> None:
    """Raise ConfigError where a result is that of a routing model that fell short."""
    if result["purpose"] != "routes" or result["qualified"]:
        return
    found = ", ".join(
        f"it {meanings()[part['part']]} {part['right']} of {part['of']} times"
        for part in result["parts"]
    )
    needed = " and ".join(f"{part['least']:.0%}" for part in result["parts"])
    raise ConfigError(
        f"{result['model']} is not fit to route: {found}",
        expected=f"{needed} of the lines in prompts/qualification/routes.tsv",
        do="choose another --route-model, or route by patterns alone",
    )


async def _examine(
    examination: Examination[Any], model: ModelSettings, setup: Setup
) -> tuple[QualificationResult, int]:
    answers: dict[str, dict[str, object]] = {}
    left: Counter[str] = Counter()
    subjects = examination.subjects
    state = ProgressState(len(subjects), paid=True, doing=f"{examination.model} qualifies")
    async with open_session(setup, [model], state) as session:
        async with aclosing(ask(examination.task, iter(subjects), session)) as outcomes:
            async for item in outcomes:
                if isinstance(item, Reject):
                    continue
                subject, outcome = item
                if isinstance(outcome, Accepted):
                    answers[subject.id] = outcome.value
                elif isinstance(outcome, Pending):
                    left[outcome.kind] += 1
    session.check()
    if left:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left.most_common())
        raise StoppedEarly(
            f"{left.total()} questions that {examination.model} qualifies by have no response yet:"
            f" {kinds}",
            do=KEPT_ANSWERS,
        )
    return examination.marked(answers), session.asked


def counting(plan: Plan, results: Sequence[QualificationResult]) -> Plan:
    """Return the plan without the models that fell short."""
    unfit = [(one["purpose"], one["model"]) for one in results if not one["qualified"]]
    return replace(plan, unfit=frozenset(unfit))


def held_result(examination: Examination[Any], store: Store | None) -> QualificationResult | None:
    """Return the result if all responses are cached, else None; nothing is asked."""
    answers = {}
    for subject in examination.subjects:
        exchange = Exchange(examination.task, subject)
        while exchange.outcome is None:
            held = store.held([exchange.key]).get(exchange.key) if store else None
            if held is None:
                if not exchange.optional:
                    return None
                exchange.give_up()
            else:
                exchange.take(held)
        if isinstance(exchange.outcome, Accepted):
            answers[subject.id] = exchange.outcome.value
    return examination.marked(answers)
