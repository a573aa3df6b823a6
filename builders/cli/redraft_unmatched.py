"""`build --redraft unmatched`: rounds of drafting and judging before the next version is written.

The rounds are built in a folder of their own, from the same store: only the replies that are
drafted again cost something. The judge that selects them never says how good they have become.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from builders.cli.build_config import default_addresses
from builders.cli.named_models import keys_at
from builders.cli.settings_file import read_settings
from builders.cli.status import cost_line
from builders.corpora import load_card
from builders.errors import ConfigError, UsageError
from builders.evaluation.asking import Judge, judge_pairs
from builders.evaluation.fitness import measure_swap
from builders.evaluation.pairs import pairs_of
from builders.evaluation.unmatched import Unmatched, mended, unmatched
from builders.llm.addresses import check_may_send
from builders.llm.settings import ModelSettings
from builders.pipeline import run
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.review.data.items import reply_of
from builders.review.outcome.redraft import with_notes
from builders.settings import BuildConfig, checked, voting
from builders.store.database import Store

ROUNDS = 3
_FOLDER = ".rounds"


def built_in_rounds(
    config: BuildConfig,
    judges: tuple[str | None, str | None],
    prices: Mapping[str, object],
    quiet: bool,
) -> tuple[run.Finished, BuildConfig, list[str]]:
    """Draft again what a judge cannot match, up to three times, and write the next version.

    Args:
        config: of the next version, with what is drafted again first.
        judges: who selects, and who is asked how good the result is, as ``MODEL`` or
            ``MODEL@URL``; without the second, nobody is.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Returns:
        The finished build, its config, and what was found, in lines.

    Raises:
        UsageError: no judge is named, or both are the same.
        StoppedEarly: it stopped before the end; the same command goes on.
    """
    judge, after = _checked(config, judges)
    lines: list[str] = []
    if not (config.folder / "manifest.json").is_file():
        config, lines = _rounds(config, judge, prices, quiet)
    finished = run.build(config, prices, quiet=quiet)
    return finished, config, [*lines, *_after(config, after, prices, quiet)]


def _checked(config: BuildConfig, judges: tuple[str | None, str | None]) -> tuple[str, str | None]:
    """Return both judges; UsageError where one may not do what it is named for."""
    judge, after = judges
    if judge is None:
        raise UsageError(
            "--redraft unmatched is given without --judge-model",
            do="name the model that judged the pairs, as --judge-model MODEL@URL",
        )
    selecting = voting(judge).model
    if after and voting(after).model == selecting:
        raise UsageError(
            f"--after-judge {selecting} selected what was drafted again",
            expected="another model: one that selects by its own verdict measures that alone",
            do="name another one, or leave it out and have people review",
        )
    if config.redraft is None or config.redraft.judge != selecting:
        by = config.redraft.judge if config.redraft else None
        raise UsageError(
            f"--judge-model {selecting} did not judge the pairs last",
            expected=f"{by}",
            do="name that model, or run `hearten judge` with the other one first",
        )
    return judge, after


def _rounds(
    config: BuildConfig, judge: str, prices: Mapping[str, object], quiet: bool
) -> tuple[BuildConfig, list[str]]:
    """Return the config after the last round, and what was found in each."""
    lines = []
    place = config.output / _FOLDER / config.name
    try:
        for number in range(1, ROUNDS + 1):
            left = _round(config, judge, place, prices, quiet)
            lines.append(f"round {number}: {len(left.reasons):,} replies still not matched")
            if not left.reasons or number == ROUNDS:
                break
            config = _again(config, left, place)
    finally:
        shutil.rmtree(place.parent, ignore_errors=True)
    return config, lines


def _after(
    config: BuildConfig, after: str | None, prices: Mapping[str, object], quiet: bool
) -> list[str]:
    """Return what another judge says of the pairs that were drafted again, before and after."""
    redraft = config.redraft
    if redraft is None or redraft.judge is None:
        return []
    if after is None:
        return [
            f"not measured: {redraft.judge} selected these replies, so it cannot say how good they "
            "are; name another model with --after-judge, or have people review them"
        ]
    model, found = voting(after).model, []
    fit = _measured(config, after, prices, quiet)
    if not fit:
        return [
            f"not measured: {model} cannot match our own minimal pairs to their voices; name "
            "another model with --after-judge, or have people review them"
        ]
    for name, folder in (("before", config.output / redraft.of), ("after", config.folder)):
        build = Build(folder)
        _ask(config, after, build, prices, quiet)
        with closing(Store(config.store_url)) as store:
            said = mended(build, store, _known(config), model, set(redraft.notes))
        by_words = f", {said.by_words:,} only by talk of the voice" if said.by_words else ""
        found.append(
            f"{name}: {said.matched:,} of {said.pairs:,} pairs matched in both orders by {model}"
            f"{by_words}"
        )
    return found


def _round(
    config: BuildConfig, judge: str, place: Path, prices: Mapping[str, object], quiet: bool
) -> Unmatched:
    """Build what is drafted again in a folder of its own, judge it, and return what is left."""
    if config.redraft is None:
        raise ConfigError("nothing is drafted again", do="pass --redraft unmatched")
    shutil.rmtree(place.parent, ignore_errors=True)
    earlier = place.parent / config.redraft.of
    earlier.mkdir(parents=True)
    shutil.copyfile(config.output / config.redraft.of / "config.json", earlier / "config.json")
    once = {"output": place.parent, "store": config.store_url, "clips": config.clips_folder}
    finished = run.build(config.model_copy(update=once), prices, quiet=quiet)
    build = Build(finished.folder)
    _ask(config, judge, build, prices, quiet)
    with closing(Store(config.store_url)) as store:
        again = set(config.redraft.notes)
        return unmatched(build, store, _known(config), voting(judge).model, again)


def _again(config: BuildConfig, left: Unmatched, place: Path) -> BuildConfig:
    """Return the config of the next round: what is left is drafted again with one more note."""
    wanted = left.reasons
    replies = {
        row["id"]: dict(reply_of(row))
        for row in Build(place).rows(["id", "desired_response"])
        if row["id"] in wanted
    }
    return with_notes(config, replies, wanted)


def _measured(config: BuildConfig, judge: str, prices: Mapping[str, object], quiet: bool) -> bool:
    """Measure a judge; return whether it is fit in the swap test."""
    fitness, _ = measure_swap(
        _judge(config, judge), load_card(config.corpus).language, prices, quiet
    )
    return fitness is not None and fitness["fit"]


def _ask(
    config: BuildConfig, judge: str, build: Build, prices: Mapping[str, object], quiet: bool
) -> None:
    """Have a judge match the pairs of a build; its cost is that of judging the build."""
    by = _judge(config, judge)
    pairs = [pair for pair in pairs_of(build, _known(config)) if pair.can_be_told]
    cost = judge_pairs(by, pairs, prices, quiet)
    if not quiet and cost["requests"]:
        print(f"{by.model.model}: {cost['requests']:,} requests; in all {cost_line(cost['cost'])}")


def _judge(config: BuildConfig, judge: str) -> Judge:
    """Return how and where a judge is asked; ConfigError where the text may not be sent there."""
    named = voting(judge)
    model = checked(
        ModelSettings,
        model=named.model,
        base_urls=(named.address,) if named.address else default_addresses(named.model),
        sent={"text"},
        keys=keys_at(*named, read_settings()),
        client=config.client,
        reply_tokens=config.reply_tokens,
    )
    check_may_send(load_card(config.corpus), model.base_urls, claimed=config.may_send)
    return Judge(model, config.limits, config.store_url, config.name)


def _known(config: BuildConfig) -> Restrictions:
    return Restrictions(excluded_by(config.exclusions, config.store_url))
