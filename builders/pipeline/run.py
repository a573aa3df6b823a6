"""A build, from a corpus on disk to a dataset that loads.

    read -> map labels -> attach context -> analyse audio -> qualify -> vote -> draft -> check
         -> write

Every stage streams. Responses are in the store before they are used, so a stopped build is
resumed by running it again: cached responses are replayed, results are rewritten.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from builders import resources
from builders.corpora import load_card, resolve_slug
from builders.errors import ConfigError, HeartenError, StoppedEarly
from builders.llm.budget import Budget
from builders.llm.exchange import Retry
from builders.llm.interrupts import KEPT_ANSWERS
from builders.llm.runner import LOST, Setup
from builders.llm.settings import PHRASEBOOK
from builders.pipeline import fits
from builders.pipeline.drafting import draft
from builders.pipeline.kept_routes import KeptRoutes
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.qualifying import counting, qualify
from builders.pipeline.rejects_alone import what_to_do
from builders.pipeline.routing import RouteVerdict, sent_on
from builders.pipeline.voting import vote, with_votes
from builders.pipeline.writer import Sink
from builders.progress import ProgressState
from builders.record.folder import BuildFolder
from builders.record.manifest import Ledger, summary_line, versions
from builders.record.manifest_views import (
    Manifest,
    ManifestFile,
    ManifestResult,
    ManifestRun,
    ReaderNote,
)
from builders.settings import HIBARI, BuildConfig, make_config
from builders.settings.file import find_source
from builders.store.database import Store
from builders.store.originals import keep_originals

# What takes its time to import waits until the first requests are out.
if TYPE_CHECKING:
    from builders.audio.analysis import Hearing
    from builders.record.dataset import Build


@dataclass(frozen=True)
class Finished:
    """A complete build: its folder and manifest.

    `fresh` is false when it was complete already; `gated` counts the replies that its
    `gated.tsv` keeps back, and is None where there is none; `gated_before` says that an earlier
    run wrote that list.
    """

    folder: Path
    manifest: Manifest
    fresh: bool
    gated: int | None = None
    gated_before: bool = False


def build(config: BuildConfig, prices: Mapping[str, object], quiet: bool = False) -> Finished:
    """Build the dataset that a config describes, or resume it.

    Args:
        config: the build.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end, or targets have no response yet.
        HeartenError: the user must fix something; the message says what.
    """
    plan = make_plan(config)
    folder = BuildFolder(config.folder)
    with folder.hold():
        finished = _build(plan, folder, prices, quiet)
        if config.enforce_set_gates:
            return replace(finished, gated=_write_gates(finished))
        from builders.release.eligibility import GATES_FILE, gates_of

        if finished.fresh:  # those of the build before were drawn from other replies
            (finished.folder / GATES_FILE).unlink(missing_ok=True)
            return finished
        held = len(gates_of(finished.folder))
        return replace(finished, gated=held, gated_before=True) if held else finished


def _build(plan: Plan, folder: BuildFolder, prices: Mapping[str, object], quiet: bool) -> Finished:
    """Return the finished build, which may have been there already."""
    config = plan.config
    folder.keep_redraft(plan.identity, config)
    folder.admit(plan.identity, config)
    if folder.manifest.exists():
        from builders.record.dataset import Build

        manifest = Build(folder.path).verify().manifest
        if config.retry_failed or config.retry_kinds:
            raise ConfigError(
                f"{folder.path} is complete and is not changed",
                do="retry its rejects under another --name; cached responses cost nothing",
            )
        if manifest["result"]["limit"] == config.limit:
            return Finished(folder.path, manifest, fresh=False)
    store = Store(config.store_url)
    try:
        with plan.listening(folder.path, quiet) as hearing:
            setup = _setup(plan, store, prices, quiet)
            manifest = asyncio.run(_run(plan, folder, hearing, setup))
    finally:
        store.close()
        shutil.rmtree(folder.partial, ignore_errors=True)
    return Finished(folder.path, manifest, fresh=True)


def _write_gates(finished: Finished) -> int:
    """Write the list of replies that repeat too much, and return how many they are."""
    # Here, as polars takes a quarter of a second.
    from builders.record.dataset import Build
    from builders.report.set_checks import check_set
    from builders.report.set_checks.gates import write_gates

    shards = Build(finished.folder, finished.manifest).shards()
    found = finished.manifest["result"].get("set_checks") or check_set(shards)
    return write_gates(finished.folder, shards, found)


def _setup(plan: Plan, store: Store, prices: Mapping[str, object], quiet: bool) -> Setup:
    """Return store, limits and budget for all stages."""
    config = plan.config
    limits, before = config.limits, store.spent(config.name)
    return Setup(
        store,
        config.name,
        limits,
        Budget(plan.prices(prices), limits.max_usd, limits.max_tokens, before),
        Retry(config.retry_failed, frozenset(config.retry_kinds)),
        quiet,
        phrasebook=plan.origin.model if config.provider == PHRASEBOOK else None,
        folder=config.folder,
        speaks=config.speaks and config.tts != HIBARI,
    )


async def _run(plan: Plan, folder: BuildFolder, hearing: Hearing | None, setup: Setup) -> Manifest:
    """Qualify, vote, draft and write; return the manifest of the finished build."""
    started = time.time()
    # A clip that stopped the build may have been repaired in the meantime.
    may_change = plan.config.on_error == "stop" and not folder.manifest.exists()
    kept = fits.keep(plan.fits(hearing), folder, may_change=may_change)
    keep_originals(setup.store, plan.config.name, plan.corpus.rules.replaced)
    qualified, examined = await qualify(plan, setup)
    plan = counting(plan, qualified)
    needed = bool(plan.config.router) + bool(plan.config.moderation)
    told, routes_asked = await _verdicts(plan, setup)
    ballots, votes_asked = await vote(plan, setup)
    ledger, card = Ledger(), plan.card
    routes = KeptRoutes(setup.store, card.slug, card.language, card.fixed_words)
    sent = sent_on(plan.targets(ledger, hearing, routes), told, needed)
    targets = with_votes(sent, ballots, plan)
    config, each = plan.config, len(plan.drafters)
    paid = bool(config.models) or (config.speaks and config.tts != HIBARI)
    votes_asked += examined + routes_asked
    state = ProgressState(plan.survey.chosen * each, requests=votes_asked, paid=paid)
    state.unit = "draft" if each > 1 else state.unit
    partial = folder.start()
    if ballots.voters:
        kept |= fits.keep_last({"votes": ballots}, folder)
    sink = Sink(partial, plan.origin, ledger)
    try:
        done = await draft(plan, setup, targets, sink, state)
    finally:
        files = sink.close()
        routes.save()
    folder.keep_left(sink.left)
    if done.stopped:
        raise done.stopped
    _check_lost(plan.config, ledger, done.lost)
    _check_complete(ledger, sink, folder)
    result = _result(plan, ledger, files)
    result["voice"], result["speech"] = hearing.result if hearing else None, done.speech
    result["fits"] = kept
    if plan.config.background == "model":
        result["summaries"] = ledger.summaries
    result["contribution"] = ballots.result() if config.voters else None
    if qualified:
        result["qualification"] = qualified
    manifest: Manifest = {
        "result": result,
        "run": _costs(plan, setup, started, votes_asked + done.requests),
    }
    manifest["run"]["estimate"] = done.estimate
    _report(folder, manifest)
    folder.finish(manifest)
    return manifest


async def _verdicts(plan: Plan, setup: Setup) -> tuple[dict[str, list[RouteVerdict]], int]:
    """Return what models say of the targets before they are drafted, and the requests."""
    if not (plan.config.router or plan.config.moderation):
        return {}, 0
    from builders.pipeline.verdicts import verdicts

    return await verdicts(plan, setup)


def _report(folder: BuildFolder, manifest: Manifest) -> None:
    """Check the set, write the report, and into the manifest what both took."""
    from builders import report
    from builders.report.set_checks import check_set

    seconds, cpu = time.perf_counter(), time.process_time()
    paths = [folder.partial / file["path"] for file in manifest["result"]["files"]]
    data = [path for path in paths if path.parent.name == "data"]
    manifest["result"]["set_checks"] = check_set(data)
    report.write(folder.partial, manifest)
    manifest["run"]["report_seconds"] = round(time.perf_counter() - seconds, 3)
    manifest["run"]["report_cpu_seconds"] = round(time.process_time() - cpu, 3)


def _check_lost(config: BuildConfig, ledger: Ledger, lost: Mapping[str, HeartenError]) -> None:
    """Raise where one of several models was asked nothing more, while the others went on."""
    for model, error in lost.items():
        left = ledger.left_by_kind.get(LOST, 0)
        others = " ".join(f"--model {one.model}" for one in config.drafting if one.model != model)
        raise StoppedEarly(
            f"{left} targets wait for drafts of {model} ({error}); the other drafts are kept",
            do=f"run the same command again when it answers, or go on with {others} and "
            "--resume never",
        )


def _check_complete(ledger: Ledger, sink: Sink, folder: BuildFolder) -> None:
    left = ledger.left_by_kind
    if left:
        kinds = ", ".join(f"{count} {kind}" for kind, count in left.items())
        example = f" ({sink.example_left})" if sink.example_left else ""
        raise StoppedEarly(
            f"{sum(left.values())} targets have no response yet: {kinds}{example}",
            where=sink.left_shown,
            do=f"{KEPT_ANSWERS}; hearten status {folder.path} names them, and what never passes "
            "can be left out by its id in exclusions.tsv",
        )
    if not ledger.totals["kept"]:
        raise _nothing_kept(ledger, folder, sink.example_rejected)


# Reasons for which a draft is rejected that say something of the model.
_OF_THE_MODEL = frozenset(
    "truncated empty refusal content_filter context_length refused not_json schema".split()
)


def _nothing_kept(ledger: Ledger, folder: BuildFolder, example: str | None) -> HeartenError:
    """Return the error with the reasons and an example, after moving the rejects to be read."""
    reasons = list(ledger.reasons.items())[:3]
    top = ", ".join(f"{count} {reason}" for reason, count in reasons)
    what = f"nothing was kept: {summary_line(ledger.totals)}"
    if not_selected := list(ledger.passed_over.items())[:3]:
        told = ", ".join(f"{count} {reason}" for reason, count in not_selected)
        what += f" (not selected: {told})"
    if not top:
        return HeartenError(what, do="choose other targets: --emotion, --min-words, --split")
    what += f" (most often: {top}; for example, {example})" if example else f" (most often: {top})"
    alone = len(ledger.reasons) == 1 and reasons[0][0] in _OF_THE_MODEL
    do = (
        what_to_do(reasons[0][0]) if alone else "look up the reasons there, or choose other targets"
    )
    if folder.manifest.exists():
        return HeartenError(what, do="choose other targets; the finished build is unchanged")
    place = folder.path / "rejected.parquet"
    (folder.partial / "rejected.parquet").replace(place)
    return (StoppedEarly if alone else HeartenError)(what, where=place, do=do)


def _result(plan: Plan, ledger: Ledger, files: list[ManifestFile]) -> ManifestResult:
    """Return the manifest's `result`, without the parts added by single stages."""
    return {
        "name": plan.config.name,
        "limit": plan.config.limit,
        "config": plan.identity,
        "counts": ledger.totals,
        "rejected": ledger.reasons,
        "splits": ledger.by_split(),
        "notes": cast("list[ReaderNote]", list(plan.corpus.reader.notes)),
        "captions": ledger.captions if plan.config.caption_model else None,
        "files": files,
    }


def _costs(plan: Plan, setup: Setup, started: float, requests: int) -> ManifestRun:
    """Return the manifest's `run`: times, host, versions and cost."""
    finished = time.time()
    return {
        "started": started,
        "finished": finished,
        "seconds": round(finished - started, 3),
        "host": platform.node(),
        "versions": versions(),
        "store": setup.store.name,
        "endpoints": plan.config.addresses,
        "requests": requests,
        "messages": asdict(setup.store.kept),
        "cost": setup.budget.cost,
        "spent": setup.budget.cost,
        "cost_of_answers": setup.budget.cost_of_answers,
        "prices": setup.budget.prices_used,
    }


def build_dataset(corpus: str, *, sample: bool = False, **settings: Any) -> Build:
    """Build or resume a dataset and open it; nothing is printed.

    Args:
        corpus: the corpus by name.
        sample: build its built-in sample.
        settings: fields of `BuildConfig` by name: `model`, `base_urls`, `limit`, `output`, …
            `source` defaults to HEARTEN_SOURCE_<CORPUS>, `name` to the name of the corpus.

    Without `reply_worthy`, an assistant replies to targets that are worth it, as on the command
    line; of a sample to all.

    Raises:
        StoppedEarly: it stopped before the end; the same call resumes it.
        HeartenError: the user must fix something; the message says what.
    """
    from builders.record.dataset import Build

    slug = resolve_slug(corpus)
    assistant = settings.get("persona", "assistant") == "assistant"
    settings.setdefault("reply_worthy", assistant and not sample)
    if sample:
        settings["source"] = resources.corpus_folder(slug) / "sample"
    elif "source" not in settings:
        settings["source"] = find_source(slug, load_card(slug).how_to_get, {})
    name = f"{slug}-sample" if sample else slug
    return Build(build(make_config(**{"name": name, "corpus": slug, **settings}), {}, True).folder)
