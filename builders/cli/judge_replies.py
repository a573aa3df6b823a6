"""`hearten judge --test score` and `--test pairs`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

from builders.cli.judge import JudgeOptions
from builders.cli.judge_shared import (
    check_sendable,
    print_estimate,
    print_fitness,
    warn_of_family,
)
from builders.cli.settings_file import read_settings
from builders.cli.status import cost_line
from builders.errors import ConfigError, UsageError
from builders.evaluation.asking import Asked, Doing, Judge, JudgingCost, Saving, ask_all
from builders.evaluation.decoys import DecoySet
from builders.evaluation.dimensions import load_dimensions
from builders.evaluation.fitness import examined, measure
from builders.evaluation.judgements import Judgement
from builders.evaluation.replies import Replies, language_of
from builders.evaluation.score_results import DimensionResult, drafters_of, score_results
from builders.evaluation.scoring import (
    BESIDE_REFERENCE,
    BETTER,
    PAIRS,
    SCORE,
    beside_references,
    preferred,
    scored,
)
from builders.llm.addresses import may_send
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.review.outcome.references import references
from builders.store.address import store_exists
from builders.store.database import Store


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a judge is asked: about which replies, in which dimensions, and beside what."""

    test: str
    names: list[str]
    replies: Replies
    beside: Mapping[str, str]
    decoys: DecoySet
    count: int


def judge_replies(build: Build, by: Judge, known: Restrictions, given: JudgeOptions) -> None:
    """Have a judge score replies or compare drafts, or say what that would take.

    Args:
        build: the build.
        by: the judge.
        known: the ids that may not be used.
        given: the options of the command line by name.

    Raises:
        UsageError: --dimension names none.
        ConfigError: there is nothing to compare, or the text may not be sent.
        StoppedEarly: it stopped before the end; the same command goes on.
    """
    plan = _plan(build, by, known, given)
    check_sendable(plan.replies.corpora(), by.model.base_urls, may_send(given["i_may_send"]))
    prices, as_json = read_settings().get("prices", {}), given["as_json"]
    if given["estimate"]:
        examination: Iterable[Asked[Any]] = examined(by.model, plan.names, plan.decoys)
        units = chain(examination, _units(build, by, plan))
        print_estimate(by, units, {_counted(plan): plan.count}, prices, as_json)
        return
    warn_of_family(build, by.model.model)
    fitness, measured = measure(by, plan.names, plan.decoys, prices, quiet=as_json)
    if not as_json:
        print_fitness(fitness)
    done = _ask(build, by, plan, prices, as_json)
    done["requests"] += measured["requests"]
    rows = [
        row
        for row in score_results(build, by.store, known)
        if row["model"] == by.model.model and row["test"] == plan.test
    ]
    if as_json:
        print(json.dumps({plan.test: rows, "fitness": fitness, **done}, indent=2))
        return
    for row in rows:
        print(_line(row))
    print(f"{done['requests']:,} requests; in all {cost_line(done['cost'])}")
    print(f"next:\n  hearten report {given['folder']}")


def _plan(build: Build, by: Judge, known: Restrictions, given: JudgeOptions) -> _Plan:
    replies = Replies(build, known, limit=given["limit"])
    decoys = DecoySet(language_of(build))
    if given["test"] == PAIRS:
        count = sum(1 for _ in replies.drafts())
        if not count:
            raise ConfigError(
                "no reply has another draft, so there is nothing to compare",
                where=build.folder,
                expected="a build with --drafts, or of several models",
                do="build it so, or judge it with --test score",
            )
        return _Plan(PAIRS, [BETTER], replies, {}, decoys, count)
    names = _named(given["dimension"])
    beside = _references(build, by.store, known) if BESIDE_REFERENCE in names else {}
    if not beside:
        names = [name for name in names if name != BESIDE_REFERENCE]
    if not names:
        raise ConfigError(
            "nobody has edited or accepted another reply, so there is no reference",
            where=build.folder,
            do=f"review it first with `hearten review {build.folder}`",
        )
    return _Plan(SCORE, names, replies, beside, decoys, replies.count())


def _named(wanted: Sequence[str] | None) -> list[str]:
    """Return the dimensions to score, all without a choice."""
    known = [one.name for one in load_dimensions().values() if one.test == SCORE]
    for name in wanted or ():
        if name not in known:
            raise UsageError(f"--dimension {name} is none", expected=f"one of {', '.join(known)}")
    return [name for name in known if not wanted or name in wanted]


def _references(build: Build, store: str, known: Restrictions) -> Mapping[str, str]:
    if not store_exists(store):
        return {}
    with closing(Store(store)) as opened:
        return references(build, opened, known)


def _units(build: Build, by: Judge, plan: _Plan) -> Iterator[Asked[Judgement]]:
    """Yield all that is asked about the replies."""
    drafters = drafters_of(build)
    if plan.test == PAIRS:
        yield from preferred(by.model, plan.replies.drafts(), drafters)
        return
    alone = [name for name in plan.names if name != BESIDE_REFERENCE]
    yield from scored(by.model, plan.replies.shown(), alone, drafters)
    shown = ((one, plan.beside[one.id]) for one in plan.replies.shown() if one.id in plan.beside)
    yield from beside_references(by.model, shown, drafters)


def _ask(
    build: Build, by: Judge, plan: _Plan, prices: Mapping[str, object], quiet: bool
) -> JudgingCost:
    alone = plan.count * sum(name != BESIDE_REFERENCE for name in plan.names)
    total = 2 * plan.count if plan.test == PAIRS else alone + 2 * len(plan.beside)
    with Saving(by.store) as saving:
        return ask_all(
            by,
            _units(build, by, plan),
            saving.take,
            total=total,
            doing=Doing("questions about replies", _counted(plan)),
            prices=prices,
            quiet=quiet,
        )


def _counted(plan: _Plan) -> str:
    return "pairs of drafts" if plan.test == PAIRS else "replies"


def _line(row: DimensionResult) -> str:
    """Return what was judged in a dimension, in a line."""
    said = {True: "", False: " (not fit, gates nothing)", None: " (fitness not measured)"}
    no_score = f"; {row['refused']:,} without a usable answer" if row["refused"] else ""
    if row["test"] == PAIRS:
        found = (
            f"the reply is better in {row['reply']:,}, the other draft in {row['other']:,}, "
            f"neither in both orders in {row['even']:,}"
        )
    elif row["mean"] is None:
        found = "no score"
    else:
        found = f"{row['mean']:.2f} on a scale of {row['low']:g} to {row['high']:g}"
    return f"{row['dimension']}: {found}, {row['judged']:,} judged{no_score}{said[row['fit']]}"
