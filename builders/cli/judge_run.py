"""`hearten judge`: whether replies fit the voices they answer, by a swap test."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from builders.cli.beside import store_of
from builders.cli.build_config import default_addresses
from builders.cli.judge import JudgeOptions
from builders.cli.settings_file import read_settings
from builders.cli.status import cost_line
from builders.corpora import load_card, slugs
from builders.errors import ConfigError
from builders.evaluation.asking import Judge, judge_pairs
from builders.evaluation.pairs import Pair, chosen, pairs_of
from builders.evaluation.results import GOOD, SwapResult, results
from builders.llm.addresses import check_may_send, check_named, may_send
from builders.llm.estimate import estimated
from builders.llm.prices import price_of
from builders.llm.settings import Limits, ModelSettings
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.settings import checked
from builders.tasks.question import QuestionTask
from builders.tasks.swap import questions


def judge(given: JudgeOptions) -> None:
    """Have a model match replies to voices in minimal pairs, or say what that would take.

    Args:
        given: the options of the command line by name.

    Raises:
        ConfigError: the build has no pair that can be judged, or its text may not be sent.
        StoppedEarly: it stopped before the end; the same command goes on.
    """
    folder, as_json = given["folder"], given["as_json"]
    build = Build(folder).verify()
    asked = _judge(build, given)
    known = Restrictions(excluded_by(given["exclusions"], asked.store))
    every = pairs_of(build, known)
    pairs = chosen(every, given["limit"])
    _check(folder, every, pairs)
    _check_may_send(pairs, asked.model.base_urls, may_send(given["i_may_send"]))
    prices = read_settings().get("prices", {})
    if given["estimate"]:
        _print_estimate(asked, pairs, prices, as_json)
        return
    built = build.manifest["result"]["config"]
    if asked.model.model in (built.get("model"), *built.get("drafters", ())):
        print(
            f"warning: {asked.model.model} drafted these replies; a judge of another family is "
            "fairer",
            file=sys.stderr,
        )
    done = judge_pairs(asked, pairs, prices, quiet=as_json)
    rows = results(build, asked.store, known)
    found = next(row for row in rows if row["model"] == asked.model.model)
    if as_json:
        print(json.dumps({"swap": found, **done}, indent=2))
        return
    _print_found(found)
    print(f"{done['requests']:,} requests; in all {cost_line(done['cost'])}")
    print(f"next:\n  hearten report {folder}")


def _judge(build: Build, given: JudgeOptions) -> Judge:
    """Return how and where the judge is asked."""
    model = checked(
        ModelSettings,
        model=given["model"],
        base_urls=tuple(given["base_url"] or ()) or default_addresses(given["model"]),
        sent={"text"},
        client=given["client"],
        reply_tokens=given["reply_tokens"],
    )
    limits = {name: value for name, value in given.items() if name in Limits.model_fields}
    return Judge(
        model=model,
        limits=checked(Limits, **limits),
        store=store_of(given["folder"], given["store"]),
        build=build.manifest["result"]["name"],
    )


def _check(folder: Path, every: list[Pair], pairs: list[Pair]) -> None:
    if not every:
        raise ConfigError(
            "there is no minimal pair, so there is nothing to match",
            where=folder,
            expected="the same words by one speaker with two emotions",
            do="judge a build that has minimal pairs, such as crema_d without --limit",
        )
    if not pairs:
        raise ConfigError(
            f"none of {len(every):,} pairs can be matched: no voice is described, or all are alike",
            where=folder,
            do="build it with its clips, without --text-only",
        )


def _check_may_send(
    pairs: list[Pair], addresses: tuple[str, ...], claimed: tuple[str, ...]
) -> None:
    corpora = sorted({pair.one.corpus for pair in pairs})
    check_named(claimed, corpora)
    for corpus in corpora:
        if corpus not in slugs():
            raise ConfigError(
                f"there is no card of {corpus}, which says where its text may be sent",
                do="judge builds of known corpora",
            )
        check_may_send(load_card(corpus), addresses, claimed=claimed)


def _print_estimate(
    judge: Judge, pairs: list[Pair], prices: Mapping[str, object], as_json: bool
) -> None:
    asked = questions(pairs, judge.model.model, judge.model.reply_tokens)
    first = QuestionTask().first_request
    price = price_of(judge.model.model, prices, judge.model.base_urls)
    found = {"pairs": len(pairs), **estimated(map(first, asked), judge.store, price)}
    if as_json:
        print(json.dumps(found, indent=2))
        return
    usd = found["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    print(
        f"{len(pairs):,} pairs: {found['held']:,} responses cached, "
        f"{found['to_ask']:,} requests to make"
    )
    print(
        f"about {found['prompt_tokens']:,} prompt tokens and at most "
        f"{found['completion_tokens']:,} tokens of responses: {cost}"
    )


def _print_found(found: SwapResult) -> None:
    if found["pairs"]:
        print(
            f"{found['right']:,} of {found['pairs']:,} pairs matched in both orders: "
            f"{found['accuracy']:.1%} (95 % interval {found['low']:.1%} to {found['high']:.1%} "
            f"over {found['groups']:,} groups; {GOOD:.0%} is a good mark, 25% is chance)"
        )
        print(f"{found['flips']:,} answers changed with the order of the replies")
    for count, words in (
        (found["refused"], "have no judgement: the judge gave no usable answer"),
        (found["untold"], "cannot be matched: their voices are not described, or are alike"),
        (found["left"], "are not judged yet"),
    ):
        if count:
            print(f"{count:,} pairs {words}")
