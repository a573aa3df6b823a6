"""What all tests of `hearten judge` do alike: ask leave, warn, say what asking would take."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from builders.corpora import load_card, slugs
from builders.errors import ConfigError
from builders.evaluation.asking import Asked, Judge
from builders.evaluation.fitness import Fitness
from builders.evaluation.scales import load_kinds, same_family
from builders.evaluation.score_results import drafters_of
from builders.llm.addresses import check_may_send, check_named
from builders.llm.estimate import estimated
from builders.llm.prices import price_of
from builders.record.dataset import Build
from builders.tasks.question import QuestionTask


def check_sendable(
    corpora: Collection[str], addresses: tuple[str, ...], claimed: tuple[str, ...]
) -> None:
    """Raise ConfigError where the text of a corpus may not be sent to a judge."""
    check_named(claimed, sorted(corpora))
    for corpus in sorted(corpora):
        if corpus not in slugs():
            raise ConfigError(
                f"there is no card of {corpus}, which says where its text may be sent",
                do="judge builds of known corpora",
            )
        check_may_send(load_card(corpus), addresses, claimed=claimed)


def warn_of_family(build: Build, judge: str) -> None:
    """Print a warning where a judge drafted the replies, or is of a drafter's family."""
    for drafter in drafters_of(build):
        if same_family(judge, drafter):
            how = "drafted these replies" if judge == drafter else f"is of the family of {drafter}"
            also = "" if judge == drafter else ", which drafted these replies"
            print(
                f"warning: {judge} {how}{also}; a judge of another family is fairer",
                file=sys.stderr,
            )


def print_estimate(
    by: Judge,
    units: Iterable[Asked[Any]],
    counted: Mapping[str, int],
    prices: Mapping[str, object],
    as_json: bool,
) -> None:
    """Print how many requests some questions would take, and what they would cost.

    Args:
        by: the judge.
        units: what would be asked.
        counted: how many pairs or replies, by that word.
        prices: the user's own prices, by model.
        as_json: print JSON.
    """
    first = QuestionTask().first_request
    price = price_of(by.model.model, prices, by.model.base_urls)
    asked = (first(question) for unit in units for question in unit.questions)
    found = {**counted, **estimated(asked, by.store, price)}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    usd = found["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    named = ", ".join(f"{count:,} {what}" for what, count in counted.items())
    print(f"{named}: {found['held']:,} responses cached, {found['to_ask']:,} requests to make")
    print(
        f"about {found['prompt_tokens']:,} prompt tokens and at most "
        f"{found['completion_tokens']:,} tokens of responses: {cost}"
    )


def print_fitness(found: Sequence[Fitness]) -> None:
    """Print in which dimensions a judge is fit, and why not in the others."""
    meanings = load_kinds()
    for one in found:
        if one["fit"]:
            print(f"{one['dimension']}: {one['model']} is fit to judge it")
            continue
        print(f"{one['dimension']}: {one['model']} is not fit to judge it, its scores gate nothing")
        for kind in one["kinds"]:
            name, of = kind["kind"], kind["of"]
            low = kind["low"] or 0.0
            if of < kind["pairs"]:
                print(f"  {name}: only {of:,} pairs, of {kind['pairs']:,} that are needed")
            elif low < kind["least"]:
                print(
                    f"  {name} ({meanings[name].meaning}): {kind['right']:,} of {of:,} pairs told "
                    f"apart; at least {low:.1%} with 95 % certainty, {kind['least']:.0%} is needed"
                )
