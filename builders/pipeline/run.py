"""A build, from a corpus on disk to a dataset that loads.

    read -> map labels -> attach context -> hear -> vote -> draft -> check -> write

Every stage streams. What was drafted is in the store before it counts, so a build that stopped is
resumed by running it again: held answers are replayed, results are written anew.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from builders import report
from builders.audio.analysis import CLIPS_FILE, Hearing
from builders.errors import ConfigError, HeartenError, StoppedEarly
from builders.llm.budget import Budget
from builders.llm.committer import Committer
from builders.llm.conversations import Conversations, Retry, blocks_of
from builders.llm.interrupts import KEPT_ANSWERS, Stops, stopped_by_signals
from builders.llm.models import open_models
from builders.pipeline.contribution import Ballots
from builders.pipeline.plan import Plan, make_plan
from builders.pipeline.writer import Sink
from builders.progress import Progress, State
from builders.record.folder import BuildFolder
from builders.record.manifest import Ledger, read_manifest, summary_line, versions
from builders.record.manifest_views import Manifest, ManifestFile, ReaderNote
from builders.record.types import Reject, Target
from builders.settings import BuildConfig
from builders.store.database import Store
from builders.tasks.vote import Voter
from builders.tts.opening import open_voicing


@dataclass(frozen=True)
class Finished:
    """A complete build: its folder and manifest; `fresh` is false when it was complete already."""

    folder: Path
    manifest: Manifest
    fresh: bool


def build(config: BuildConfig, prices: Mapping[str, Any], quiet: bool = False) -> Finished:
    """Build the dataset that a config describes, or go on with it.

    Args:
        config: the build.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end, or targets are left without an answer.
        HeartenError: the user must fix something; the line says what.
    """
    plan = make_plan(config)
    folder = BuildFolder(config.folder)
    with folder.hold():
        folder.keep_redraft(plan.identity, config)
        folder.admit(plan.identity, config)
        if folder.manifest.exists():
            manifest = read_manifest(folder.path)
            if config.retry_failed or config.retry_kinds:
                raise ConfigError(
                    f"{config.name} is complete and stays as it is",
                    where=folder.path,
                    do="retry its rejects under another --name; what is held costs nothing",
                )
            if manifest["result"]["limit"] == config.limit:
                return Finished(folder.path, manifest, fresh=False)
        store = Store(config.store_url)
        try:
            with plan.listening(folder.path, quiet) as hearing:
                manifest = asyncio.run(_Run(plan, folder, store, hearing, prices, quiet).run())
            for name in folder.path.glob(f"{CLIPS_FILE}*"):
                name.unlink()
        finally:
            store.close()
            shutil.rmtree(folder.partial, ignore_errors=True)
    return Finished(folder.path, manifest, fresh=True)


class _Run:
    """One run of a build: drives targets to outcomes and writes those."""

    def __init__(
        self,
        plan: Plan,
        folder: BuildFolder,
        store: Store,
        hearing: Hearing | None,
        prices: Mapping[str, Any],
        quiet: bool,
    ) -> None:
        self._hearing = hearing
        self._plan = plan
        self._folder = folder
        self._store = store
        self._started = time.time()
        self._quiet = quiet
        self._ledger = Ledger()
        config = plan.config
        before = store.spent(config.name)
        paid = plan.prices(prices)
        self._budget = Budget(paid, config.max_usd, config.max_tokens, before)
        self._ballots = Ballots(config.voters)
        self._votes_asked = 0
        self._speech: dict[str, Any] | None = None
        self._state = State(plan.survey.chosen, paid=len(paid) > 1 or bool(config.model))

    async def run(self) -> Manifest:
        """Return the manifest of the finished build."""
        for voter in self._plan.voters:
            await self._vote(voter)
        self._check_votes()
        sink = Sink(self._folder.start(), self._plan.origin, self._ledger)
        try:
            stopped = await self._draft(sink)
        finally:
            files = sink.close()
        if stopped:
            raise stopped
        self._check_complete(sink)
        manifest = self._manifest(files)
        self._report(manifest)
        self._folder.finish(manifest)
        return manifest

    async def _vote(self, voter: Voter) -> None:
        """Have one model vote about all targets: a server that holds one model at a time does."""
        config = self._plan.config
        state = State(self._plan.survey.chosen, paid=True, doing=f"{voter.model} votes")
        async with (
            Committer(self._store, config.name) as committer,
            open_models(config, "", committer, self._store, self._budget) as model,
        ):
            conversations = Conversations(
                voter,
                self._store,
                model,
                Retry(config.retry_failed, frozenset(config.retry_kinds)),
                open_at_once=2 * (config.max_concurrency or 64),
            )
            blocks = blocks_of(self._plan.to_vote(), in_thread=False)
            with stopped_by_signals([conversations]), Progress(state, self._quiet) as progress:
                async with aclosing(conversations.outcomes(blocks)) as outcomes:
                    async for item in outcomes:
                        if not isinstance(item, Reject):
                            self._ballots.take(voter.model, *item)
                        state.requests, state.usd = conversations.asked, self._budget.usd
                        progress.advance()
        self._votes_asked += conversations.asked
        if conversations.stopped:
            raise conversations.stopped

    def _check_votes(self) -> None:
        left = self._ballots.left
        if left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in left.most_common())
            raise StoppedEarly(
                f"{left.total()} votes are left without an answer: {kinds} "
                f"({self._ballots.example})",
                do=KEPT_ANSWERS,
            )

    def _voted(self, items: Iterator[Target | Reject]) -> Iterator[Target | Reject]:
        """Yield targets with what the votes and the voice tell of them."""
        evidence = self._plan.evidence
        for item in items:
            if isinstance(item, Target) and self._ballots.voters:
                item.contribution = self._ballots.contribution(item, evidence.share(item))
            yield item

    async def _draft(self, sink: Sink) -> HeartenError | None:
        config = self._plan.config
        audio = self._hearing is not None
        async with (
            Committer(self._store, config.name) as committer,
            open_models(
                config, self._plan.origin.model, committer, self._store, self._budget
            ) as model,
            open_voicing(
                config, self._plan.card.language, committer, self._store, self._budget
            ) as voicing,
        ):
            conversations = Conversations(
                self._plan.captioned or self._plan.drafter,
                self._store,
                model,
                Retry(config.retry_failed, frozenset(config.retry_kinds)),
                open_at_once=2 * (config.max_concurrency or 64),
                window=512 if audio else 4096,
            )
            targets = self._voted(self._plan.targets(self._ledger, self._hearing))
            blocks = blocks_of(targets, in_thread=audio)
            stops: list[Stops] = [conversations]
            if voicing:
                voicing.drafting = conversations
                stops.append(voicing)
            with stopped_by_signals(stops), Progress(self._state, self._quiet) as progress:
                async with (
                    aclosing(conversations.outcomes(blocks)) as drafted,
                    aclosing(voicing.outcomes(drafted) if voicing else drafted) as outcomes,
                ):
                    async for item in outcomes:
                        sink.take(item)
                        self._state.done += not isinstance(item, Reject)
                        self._state.requests = self._votes_asked + conversations.asked
                        self._state.usd = self._budget.usd
                        progress.tick()
            self._speech = voicing.result if voicing else None
        return conversations.stopped

    def _report(self, manifest: Manifest) -> None:
        """Write the report, and into the manifest what it took."""
        seconds, cpu = time.perf_counter(), time.process_time()
        report.write(self._folder.partial, manifest)
        manifest["run"]["report_seconds"] = round(time.perf_counter() - seconds, 3)
        manifest["run"]["report_cpu_seconds"] = round(time.process_time() - cpu, 3)

    def _check_complete(self, sink: Sink) -> None:
        left = self._ledger.left_by_kind
        if left:
            kinds = ", ".join(f"{count} {kind}" for kind, count in left.items())
            example = f" ({sink.example_left})" if sink.example_left else ""
            raise StoppedEarly(
                f"{sum(left.values())} targets are left without an answer: {kinds}{example}",
                do=KEPT_ANSWERS,
            )
        if not self._ledger.totals["kept"]:
            raise self._nothing_kept()

    def _nothing_kept(self) -> HeartenError:
        """Return the error that says why, after putting the rejects where they can be read."""
        reasons = list(self._ledger.reasons.items())[:3]
        top = ", ".join(f"{count} {reason}" for reason, count in reasons)
        what = f"nothing was kept: {summary_line(self._ledger.totals)}"
        if not top:
            return HeartenError(what, do="choose other targets: --emotion, --min-words, --split")
        what += f" (most often: {top})"
        if self._folder.manifest.exists():
            return HeartenError(what, do="choose other targets; the finished build stays as it was")
        place = self._folder.path / "rejected.parquet"
        (self._folder.partial / "rejected.parquet").replace(place)
        return HeartenError(what, where=place, do="read the reasons there, or choose other targets")

    def _manifest(self, files: list[ManifestFile]) -> Manifest:
        finished = time.time()
        plan = self._plan
        return {
            "result": {
                "name": plan.config.name,
                "limit": plan.config.limit,
                "config": plan.identity,
                "counts": self._ledger.totals,
                "rejected": self._ledger.reasons,
                "splits": self._ledger.by_split(),
                "notes": cast("list[ReaderNote]", list(plan.corpus.reader.notes)),
                "voice": self._hearing.result if self._hearing else None,
                "captions": self._ledger.captions if plan.config.caption_model else None,
                "speech": self._speech,
                "contribution": self._ballots.result() if self._ballots.voters else None,
                "files": files,
            },
            "run": {
                "started": self._started,
                "finished": finished,
                "seconds": round(finished - self._started, 3),
                "host": platform.node(),
                "versions": versions(),
                "store": self._store.name,
                "endpoints": plan.config.addresses,
                "requests": self._state.requests,
                "cost": self._budget.cost,
            },
        }
