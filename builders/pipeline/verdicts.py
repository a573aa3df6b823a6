"""What models say of targets before a reply is drafted: a routing model, a moderation endpoint.

Whoever has no answer is not drafted: a target without one is left for the next run, and one whose
model gave no route in three answers is held for people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import cache, partial
from itertools import islice

import orjson

from builders import resources
from builders.labels.tables import read_rows
from builders.llm.failures import Failure
from builders.llm.providers.openai_moderation import ModerationServer
from builders.llm.runner import Setup, ask, open_session
from builders.llm.served import api_key
from builders.llm.task import Accepted, GivenUp, Outcome
from builders.pipeline.plan import Plan
from builders.pipeline.routing import RouteVerdict
from builders.progress import ProgressState
from builders.record.manifest import Ledger
from builders.record.types import Reject, Target
from builders.safety.routing import ROUTES, worse
from builders.settings import BuildConfig
from builders.store.address import store_exists
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue, key_of
from builders.tasks.route import RouteAsker

Verdicts = dict[str, list[RouteVerdict]]
_BLOCK = 32
# What the endpoint is sent of what was said before.
_TURNS = 3


async def verdicts(plan: Plan, setup: Setup) -> tuple[Verdicts, int]:
    """Return what models say of each target that the patterns leave open, and the requests.

    Raises:
        HeartenError: what stopped the requests.
    """
    found: Verdicts = {}
    asked = await _routes(plan, setup, found) if plan.config.router else 0
    if plan.config.moderation:
        asked += await _moderation(plan, setup, found)
    return found, asked


def open_targets(plan: Plan) -> Iterator[Target]:
    """Yield the targets that a model may say something about."""
    for item in plan.targets(Ledger()):
        if isinstance(item, Target) and item.safety:
            if item.safety.route not in ("crisis", "exclude"):
                yield item


async def _routes(plan: Plan, setup: Setup, found: Verdicts) -> int:
    """Ask the routing model; return the number of requests."""
    name = str(plan.config.router)
    asker = RouteAsker(name, plan.card.speakers_have_names)
    state = ProgressState(plan.survey.chosen, paid=True, doing=f"{name} routes")
    (model,) = [one for one in plan.config.models if one.model == name]
    async with open_session(setup, [model], state) as session:
        async with aclosing(ask(asker, open_targets(plan), session)) as outcomes:
            async for item in outcomes:
                if not isinstance(item, Reject):
                    target, outcome = item
                    found.setdefault(target.id, []).append(_told(outcome, f"model {name}"))
    session.check()
    return session.asked


def _told(outcome: Outcome[dict[str, object]], by: str) -> RouteVerdict:
    if isinstance(outcome, Accepted):
        reasons = outcome.value["reasons"]
        codes = tuple(f"model_{one}" for one in reasons) if isinstance(reasons, list) else ()
        return RouteVerdict(str(outcome.value["route"]), codes, by)
    if isinstance(outcome, GivenUp):
        return RouteVerdict("crisis", ("model_gave_no_route",), by)
    return RouteVerdict(None, (), by, (outcome.kind, outcome.detail))


async def _moderation(plan: Plan, setup: Setup, found: Verdicts) -> int:
    """Ask the moderation endpoint, a block at a time; return the number of requests."""
    values, asked = KeyValue(setup.store), 0
    server = open_server(plan.config)
    targets = open_targets(plan)
    try:
        while block := list(islice(targets, _BLOCK)):
            known = {t.id: _held(values, server.model, t) for t in block}
            waiting = [target for target in block if known[target.id] is None]
            asked += len(waiting)
            told = await asyncio.gather(*map(partial(_asked, server, values), waiting))
            for target in block:
                verdict = known[target.id] or told[waiting.index(target)]
                found.setdefault(target.id, []).append(verdict)
            if waiting and all(one.failure for one in told):
                _leave_the_rest(targets, told[0], found)
    finally:
        values.close()
        await server.close()
    return asked


def to_moderate(plan: Plan) -> int:
    """Return how many requests to the moderation endpoint are to be made."""
    store = (
        Store(plan.config.store_url, writes=False) if store_exists(plan.config.store_url) else None
    )
    if store is None:
        return sum(1 for _ in open_targets(plan))
    values, model = KeyValue(store), plan.config.moderation_model.model
    try:
        return sum(_held(values, model, target) is None for target in open_targets(plan))
    finally:
        store.close()


def open_server(config: BuildConfig) -> ModerationServer:
    """Return the moderation endpoint of a build."""
    settings = config.moderation_model
    return ModerationServer(
        settings.base_urls[0], settings.model, api_key(settings.keys), config.timeout
    )


def _leave_the_rest(targets: Iterator[Target], failed: RouteVerdict, found: Verdicts) -> None:
    """An endpoint that answers nobody is not asked about thousands more."""
    for target in targets:
        found.setdefault(target.id, []).append(failed)


def _sent(target: Target) -> str:
    said = [turn.utterance.text for turn in target.turns[-_TURNS:]]
    return "\n".join((*said, target.utterance.text))


def _held(values: KeyValue, model: str, target: Target) -> RouteVerdict | None:
    kept = values.get("moderated", key_of(model, _sent(target)), target.id)
    return _verdict(model, orjson.loads(kept.value)) if kept else None


async def _asked(server: ModerationServer, values: KeyValue, target: Target) -> RouteVerdict:
    return await _said(server, values, _sent(target), target.id)


async def moderated(
    server: ModerationServer, values: KeyValue, text: str, sample_id: str
) -> tuple[RouteVerdict, bool]:
    """Return what the endpoint says of a text about a sample, and whether it was asked for it."""
    if kept := values.get("moderated", key_of(server.model, text), sample_id):
        return _verdict(server.model, orjson.loads(kept.value)), False
    return await _said(server, values, text, sample_id), True


async def _said(
    server: ModerationServer, values: KeyValue, text: str, sample_id: str
) -> RouteVerdict:
    try:
        categories = await server.categories(text)
    except Failure as failure:
        return RouteVerdict(None, (), "", (failure.kind, f"moderation: {failure.detail}"))
    kept = Kept(orjson.dumps(categories))
    values.put("moderated", key_of(server.model, text), kept, sample_id)
    return _verdict(server.model, categories)


def _verdict(model: str, categories: Sequence[str]) -> RouteVerdict:
    at = "normal"
    for one in categories:
        at = worse(at, moderation_routes().get(one, "sensitive"))
    codes = tuple(f"moderation_{one}" for one in categories)
    return RouteVerdict(at, codes, f"moderation {model}")


@cache
def moderation_routes() -> Mapping[str, str]:
    """Return the route of each category; LabelError where the table is wrong."""
    path = resources.label_maps() / "safety/_moderation.tsv"
    rows = read_rows(path, ("category", "route", "reason"), key=("category",))
    return {row.text("category"): row.choice("route", ROUTES) for row in rows}
