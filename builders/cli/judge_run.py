"""`hearten judge`: what a model says of replies, by a swap test, by scores or by comparison."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

from builders.cli.beside import store_of
from builders.cli.build_config import default_addresses
from builders.cli.judge import JudgeOptions
from builders.cli.judge_replies import judge_replies
from builders.cli.judge_shared import (
    check_sendable,
    print_estimate,
    print_fitness,
    warn_of_family,
)
from builders.cli.named_models import asked_as
from builders.cli.settings_file import read_settings
from builders.cli.status import cost_line
from builders.errors import ConfigError, UsageError
from builders.evaluation.asking import Asked, Judge, judge_pairs, swaps
from builders.evaluation.decoys import DecoySet, has_decoys
from builders.evaluation.dimensions import SWAP
from builders.evaluation.fitness import examined, measure_swap
from builders.evaluation.pairs import Pair, chosen, pairs_of
from builders.evaluation.replies import language_of
from builders.evaluation.results import GOOD, SwapResult, results
from builders.evaluation.scoring import SCORE
from builders.llm.addresses import may_send
from builders.llm.settings import Limits, ModelSettings
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.settings import checked


def judge(given: JudgeOptions) -> None:
    """Have a model judge the replies of a build, or say what that would take.

    Args:
        given: the options of the command line by name.

    Raises:
        UsageError: --dimension names none, or stands with another test than score.
        ConfigError: the build has nothing that can be judged, or its text may not be sent.
        StoppedEarly: it stopped before the end; the same command goes on.
    """
    if given["dimension"] and given["test"] != SCORE:
        raise UsageError("--dimension is for --test score", do="leave it out, or pass that test")
    build = Build(given["folder"]).verify()
    asked = _judge(build, given)
    known = Restrictions(excluded_by(given["exclusions"], asked.store))
    if given["test"] == SWAP:
        _swap(build, asked, known, given)
    else:
        judge_replies(build, asked, known, given)


def _swap(build: Build, asked: Judge, known: Restrictions, given: JudgeOptions) -> None:
    folder, as_json = given["folder"], given["as_json"]
    every = pairs_of(build, known)
    pairs = chosen(every, given["limit"])
    _check(folder, every, pairs)
    corpora = {pair.one.corpus for pair in pairs}
    check_sendable(corpora, asked.model.base_urls, may_send(given["i_may_send"]))
    prices = read_settings().get("prices", {})
    if given["estimate"]:
        units = chain(_examination(asked, build), swaps(asked.model, pairs))
        print_estimate(asked, units, {"pairs": len(pairs)}, prices, as_json)
        return
    warn_of_family(build, asked.model.model)
    language = language_of(build)
    fitness, requests = measure_swap(asked, language, prices, quiet=as_json)
    if fitness is None:
        print(
            f"warning: no judge can be measured in {language!r}: what it says gates nothing",
            file=sys.stderr,
        )
    elif not as_json:
        print_fitness([fitness])
    done = judge_pairs(asked, pairs, prices, quiet=as_json)
    done["requests"] += requests
    rows = results(build, asked.store, known)
    found = next(row for row in rows if row["model"] == asked.model.model)
    if as_json:
        print(json.dumps({"swap": found, **done}, indent=2))
        return
    _print_found(found)
    print(f"{done['requests']:,} requests; in all {cost_line(done['cost'])}")
    print(f"next:\n  hearten report {folder}")


def _examination(by: Judge, build: Build) -> Iterable[Asked[Any]]:
    """Return what the judge is asked first, nothing in a language without pairs of ours."""
    language = language_of(build)
    return examined(by.model, [SWAP], DecoySet(language)) if has_decoys(language) else ()


def _judge(build: Build, given: JudgeOptions) -> Judge:
    """Return how and where the judge is asked."""
    settings = read_settings()
    tables, addresses = settings.get("models", {}), tuple(given["base_url"] or ())
    if not (addresses or tables.get(given["model"], {}).get("address")):
        addresses = default_addresses(given["model"], known=[*tables])
    model = checked(
        ModelSettings,
        **asked_as(given["model"], addresses, settings),
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
