"""`hearten ablate`: what the voice adds to the replies of a build, and their certificate."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.cli.ablate import AblateOptions
from builders.cli.ablate_lines import ablation_lines, certificate_lines, estimate_lines
from builders.cli.beside import store_of
from builders.cli.build_config import default_addresses
from builders.cli.judge_shared import check_sendable, warn_of_family
from builders.cli.named_models import asked_as, table_of
from builders.cli.settings_file import read_settings
from builders.errors import ConfigError, HeartenError, UsageError, suggested
from builders.evaluation.ablation.arms import ALSO, arms_of
from builders.evaluation.ablation.drafts import ArmReply, Arms, draft_arms, estimate_arms
from builders.evaluation.ablation.matching import ArmVerdict, arm_pairs, verdicts
from builders.evaluation.ablation.preferring import ArmComparison, compared, is_fit
from builders.evaluation.ablation.reopening import (
    Asked,
    config_of,
    reopened,
    sampled,
    targets_of,
)
from builders.evaluation.ablation.summary import MeanOver, summarised, uses_voice
from builders.evaluation.asking import Judge, judge_pairs
from builders.evaluation.fitness import measure_swap
from builders.evaluation.kept import ABLATION, CERTIFICATE, keep
from builders.evaluation.pairs import Pair, pairs_of
from builders.evaluation.replies import Replies, language_of
from builders.llm.addresses import may_send
from builders.llm.settings import PHRASEBOOK, Limits, ModelSettings
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.settings import JUDGE_KEY, BuildConfig, checked
from builders.settings.file import SettingsFile
from builders.store.address import store_exists
from builders.store.database import Store

_NONE = "none"


def ablate(given: AblateOptions) -> None:
    """Draft a sample of a build again in other ways, and certify its replies.

    Args:
        given: the options of the command line by name.

    Raises:
        ConfigError: the build has no voice or no pairs, or cannot be drafted again.
        StoppedEarly: it stopped before the end; the same command goes on.
    """
    # The ranker's matrices are small: threads of the library for them would wait for one another.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    also = _also(given["also"])
    folder = given["folder"]
    build = Build(folder).verify()
    store = store_of(folder, given["store"])
    known = Restrictions(excluded_by(given["exclusions"], store))
    if given["certificate"]:
        found = _certificate(build, known)
        _print(given, {"certificate": found}, certificate_lines(found))
        return
    config = _config(build, given, store)
    ids = sampled(build, given["sample"], known)
    _check_voices(build, ids)
    plan = reopened(build, config)
    with (
        tempfile.TemporaryDirectory() as scratch,
        plan.listening(Path(scratch), given["as_json"]) as hearing,
    ):
        asked = Arms(plan, arms_of(plan, also), targets_of(plan, ids, hearing))
    if given["estimate"]:
        expected = estimate_arms(asked, read_settings().get("prices", {}))
        _print(given, {"estimate": expected}, estimate_lines(asked, expected, given["judge"]))
        return
    _ablate(build, asked, given, known)


def _ablate(build: Build, asked: Arms, given: AblateOptions, known: Restrictions) -> None:
    """Draft, judge, keep and print."""
    prices = read_settings().get("prices", {})
    replies, took = draft_arms(asked, prices, quiet=given["as_json"])
    pairs = pairs_of(build, known)
    judged = _judged(build, asked, given, known, (replies, pairs, prices))
    found = _found(asked, replies, judged)
    found["arms"][0]["swap_by_people"] = _by_ear(build, given, known)
    claimed = list(asked.plan.config.may_send)
    found |= {"judge": given["judge"], "wanted": given["sample"], "may_send": claimed}
    keep(build.folder, ABLATION, build.manifest, found)
    told: dict[str, object] = {**found, **took}
    lines = [*ablation_lines(told, build.count)]
    if pairs:
        try:
            certificate = _certificate(build, known)
            told["certificate"] = certificate
            lines += certificate_lines(certificate)
        except ConfigError as error:
            lines.append(f"no certificate: {error}")
    lines.append(f"next:\n  hearten report {build.folder}")
    _print(given, told, lines)


def _by_ear(build: Build, given: AblateOptions, known: Restrictions) -> MeanOver | None:
    """Return how many of the build's minimal pairs people matched by ear; None without answers."""
    from builders.review.outcome.heard_pairs import heard

    address = store_of(build.folder, given["store"])
    if not store_exists(address):
        return None
    with closing(Store(address, writes=False)) as store:
        found = heard(build, store, known)
    if found is None:
        return None
    return {
        "mean": found["accuracy"],
        "low": found["low"],
        "high": found["high"],
        "of": found["answers"],
        "groups": found["groups"],
    }


def _also(written: str | None) -> list[str] | None:
    """Return what else is left out; None where nobody says."""
    if written is None:
        return None
    names = [name.strip() for name in written.split(",")]
    if names == [_NONE]:
        return []
    for name in names:
        if name not in ALSO:
            raise UsageError(f"--also {name} is not known", **suggested(name, (*ALSO, _NONE)))
    return names


def _config(build: Build, given: AblateOptions, store: str) -> BuildConfig:
    held = build.manifest["result"]["config"]
    own = None if held["provider"] == PHRASEBOOK else str(held["model"])
    limits = {name: value for name, value in given.items() if name in Limits.model_fields}
    settings = read_settings()
    model, base_urls, keys = _drafter(own, given, settings)
    asked = Asked(
        model=model,
        base_urls=base_urls,
        keys=keys,
        source=given["source"],
        exclusions=given["exclusions"],
        store=store,
        limits=limits,
        may_send=may_send(given["i_may_send"]),
    )
    return config_of(build, asked, settings)


def _drafter(
    own: str | None, given: AblateOptions, settings: SettingsFile
) -> tuple[str | None, tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """Return who drafts, at which addresses, and with which keys there.

    The build knows the served name alone: its table in the settings has address and key.
    """
    addresses = tuple(given["base_url"] or ())
    name = given["model"] or (table_of(own, settings) if own and not addresses else own)
    if name is None:
        return None, addresses, ()
    asked = asked_as(name, addresses, settings)
    urls: tuple[str, ...] = asked["base_urls"] or default_addresses(name)
    keys = tuple((str(asked["model"]), url, key) for url in urls for key in asked.get("keys", ()))
    return asked["model"], urls, keys


def _check_voices(build: Build, ids: list[str]) -> None:
    if not ids:
        raise ConfigError(
            "no voice in this build is described, so there is nothing to leave out",
            where=build.folder,
            do="build it with its clips, without --text-only",
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a judge made of the arms; None where there is no judge, or none that is fit."""

    verdicts: list[ArmVerdict] | None = None
    comparisons: list[ArmComparison] | None = None
    swap_fit: bool | None = None


def _judged(
    build: Build,
    asked: Arms,
    given: AblateOptions,
    known: Restrictions,
    drafted: tuple[list[ArmReply], list[Pair], Mapping[str, object]],
) -> _Judged:
    """Have the judge match replies to voices and, if it is fit, say which it prefers."""
    replies, pairs, prices = drafted
    if not given["judge"]:
        return _Judged()
    by, quiet = _judge(asked.plan.config, given), given["as_json"]
    model, store = by.model.model, by.store
    check_sendable({asked.plan.card.slug}, by.model.base_urls, may_send(given["i_may_send"]))
    warn_of_family(build, model)
    found, fit = None, None
    if of_arms := arm_pairs(pairs, replies):
        fitness, _ = measure_swap(by, language_of(build), prices, quiet)
        fit = fitness is not None and fitness["fit"]
        judge_pairs(by, [one.pair for one in of_arms], prices, quiet=quiet)
        found = verdicts(of_arms, store, model)
    preferred = None
    if is_fit(build, store, model):
        preferred = compared(by, Replies(build, known), replies, prices, quiet)
    return _Judged(found, preferred, fit)


def _judge(config: BuildConfig, given: AblateOptions) -> Judge:
    own = tuple(given["judge_base_url"] or ())
    asked = asked_as(str(given["judge"]), own or config.base_urls, read_settings())
    # A key goes only where it belongs: a judge at its own address has its own.
    keys = {"keys": (JUDGE_KEY,)} if own else {}
    settings = checked(ModelSettings, **(keys | asked), sent={"text"})
    return Judge(settings, config.limits, config.store_url, f"{config.name} ablated")


def _found(asked: Arms, replies: list[ArmReply], judged: _Judged) -> dict[str, Any]:
    """Return all that is kept."""
    arms = summarised(asked.arms, replies, judged.verdicts, judged.comparisons)
    used, sentence = uses_voice(arms, judged.swap_fit)
    return {
        "model": asked.plan.config.drafting[0].model,
        "targets": len(asked.targets),
        "dialogues": len({(t.split, t.utterance.dialogue) for t in asked.targets}),
        "arms": arms,
        "uses_voice": used,
        "sentence": sentence,
        "replies": replies,
        "swap_fit": judged.swap_fit,
        "verdicts": judged.verdicts,
        "comparisons": judged.comparisons,
    }


def _certificate(build: Build, known: Restrictions) -> dict[str, Any]:
    """Return the certificate of a build, which is kept beside its manifest."""
    from builders.evaluation.certificate.certifying import certify
    from builders.evaluation.certificate.members import check_pairs, matched_pairs
    from builders.tasks.reply.meaning import open_embeddings

    found = matched_pairs(build, known)
    check_pairs(found, build)
    made = {**certify(found, *open_embeddings())}
    if not made["pairs"]:
        raise HeartenError(
            "the ranker had no pairs to learn from for any of those it was asked about",
            where=build.folder,
            do="take more of the corpus into the build",
        )
    keep(build.folder, CERTIFICATE, build.manifest, made)
    return made


def _print(given: AblateOptions, told: Mapping[str, object], lines: list[str]) -> None:
    if given["as_json"]:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    print("\n".join(lines))
