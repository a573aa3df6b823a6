"""A build, from a corpus on disk to a dataset that loads.

    read -> map labels -> attach context -> hear -> draft -> check -> write

Every stage streams. What was drafted is in the store before it counts, so a build that stopped is
resumed by running it again: held answers are replayed, results are written anew.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from builders import report
from builders.config import PHRASEBOOK, BuildConfig
from builders.drafting.budget import Budget, price_of, tokens_of
from builders.drafting.committer import Committer
from builders.drafting.conversations import BLOCK, Conversations, Retry, blocks_of
from builders.drafting.models import open_model
from builders.drafting.request import key
from builders.drafting.store import Store, store_exists
from builders.errors import ConfigError, HeartenError, StoppedEarly
from builders.folder import BuildFolder
from builders.hearing import CLIPS_FILE, Hearing
from builders.manifest import Ledger, read_manifest, summary_line, versions
from builders.plan import Plan, make_plan
from builders.progress import Progress, State
from builders.records import Reject, Target
from builders.sink import Sink
from builders.speaking.opening import open_voicing, speech_budget
from builders.speaking.voicing import Stops

KEPT_ANSWERS = "every answer so far is kept; run the same command again to go on"


@dataclass(frozen=True)
class Finished:
    """A complete build: its folder and manifest; `fresh` is false when it was complete already."""

    folder: Path
    manifest: dict[str, Any]
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


def estimate(config: BuildConfig, prices: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first answers of a build would take; nothing is asked and no folder is made.

    Clips are heard first, as what is said of a voice is part of its prompt. Prompt tokens are
    characters over four, answer tokens the most they may have.
    """
    plan = make_plan(config)
    with (
        tempfile.TemporaryDirectory() as folder,
        plan.listening(Path(folder), quiet=True) as hearing,
    ):
        return _estimated(plan, hearing, prices)


def _estimated(plan: Plan, hearing: Hearing | None, prices: Mapping[str, Any]) -> dict[str, Any]:
    config = plan.config
    price = price_of(config.model, prices)
    store = Store(config.store_url) if store_exists(config.store_url) else None
    drafter = plan.drafter
    targets = (t for t in plan.targets(Ledger(), hearing) if isinstance(t, Target))
    count = held = prompt_tokens = characters = 0
    while chosen := list(islice(targets, BLOCK)):
        characters += sum(len(target.utterance.text) for target in chosen)
        block = [drafter.first_request(target) for target in chosen]
        keys = [key(request) for request in block]
        known = store.held(keys) if store else {}
        count += len(block)
        held += len(known)
        pairs = zip(block, keys, strict=True)
        prompt_tokens += sum(tokens_of(request) for request, k in pairs if k not in known)
    completion_tokens = (count - held) * config.reply_tokens
    return {
        "model": plan.origin.model,
        "targets": count,
        "held": held,
        "to_ask": count - held,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "usd": price.usd(prompt_tokens, completion_tokens) if price else None,
        "to_speak": {
            "utterance_characters": characters if config.speak else 0,
            "replies": count if config.speak_replies else 0,
        },
    }


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
        self._ledger = Ledger()
        config = plan.config
        before = store.spent(config.name)
        speech = [row for row in before if config.speaks and row.model == config.tts]
        drafts = [row for row in before if row not in speech]
        price = price_of(config.model, prices)
        self._budget = Budget(plan.origin.model, price, config.max_usd, config.max_tokens, drafts)
        self._speech_budget = speech_budget(config, prices, speech)
        if self._speech_budget:
            self._budget.beside, self._speech_budget.beside = self._speech_budget, self._budget
        self._speech: dict[str, Any] | None = None
        paid = config.provider != PHRASEBOOK or self._speech_budget is not None
        self._state = State(plan.survey.chosen, paid=paid)
        self._progress = Progress(self._state, quiet)

    async def run(self) -> dict[str, Any]:
        """Return the manifest of the finished build."""
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

    async def _draft(self, sink: Sink) -> HeartenError | None:
        config = self._plan.config
        audio = self._hearing is not None
        async with (
            Committer(self._store, config.name) as committer,
            open_model(config, committer, self._store, self._budget) as model,
            open_voicing(
                config, self._plan.card.language, committer, self._store, self._speech_budget
            ) as voicing,
        ):
            conversations = Conversations(
                self._plan.drafter,
                self._store,
                model,
                Retry(config.retry_failed, frozenset(config.retry_kinds)),
                open_at_once=2 * (config.max_concurrency or 64),
                window=512 if audio else 4096,
            )
            targets = self._plan.targets(self._ledger, self._hearing)
            blocks = blocks_of(targets, in_thread=audio)
            stops: list[Stops] = [conversations]
            if voicing:
                voicing.drafting = conversations
                stops.append(voicing)
            with _stopped_by_signals(stops), self._progress:
                async with (
                    aclosing(conversations.outcomes(blocks)) as drafted,
                    aclosing(voicing.outcomes(drafted) if voicing else drafted) as outcomes,
                ):
                    async for item in outcomes:
                        sink.take(item)
                        self._state.done += not isinstance(item, Reject)
                        self._state.requests = conversations.asked
                        self._state.usd = self._cost()["usd"]
                        self._progress.tick()
            self._speech = voicing.result if voicing else None
        return conversations.stopped

    def _cost(self) -> dict[str, Any]:
        """Return what was spent over all runs; a voice that is paid for counts by characters."""
        budgets = [self._budget, *([self._speech_budget] if self._speech_budget else [])]
        known = [budget.usd for budget in budgets if budget.usd is not None]
        return {
            "prompt_tokens": sum(budget.prompt_tokens for budget in budgets),
            "completion_tokens": self._budget.completion_tokens,
            "usd": sum(known) if len(known) == len(budgets) else None,
        }

    def _report(self, manifest: dict[str, Any]) -> None:
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

    def _manifest(self, files: list[dict[str, Any]]) -> dict[str, Any]:
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
                "notes": list(plan.corpus.reader.notes),
                "voice": self._hearing and self._hearing.result,
                "speech": self._speech,
                "files": files,
            },
            "run": {
                "started": self._started,
                "finished": finished,
                "seconds": round(finished - self._started, 3),
                "host": platform.node(),
                "versions": versions(),
                "store": self._store.name,
                "endpoints": list(plan.config.base_urls) if plan.config.model else [],
                "requests": self._state.requests,
                "cost": self._cost(),
            },
        }


@contextmanager
def _stopped_by_signals(stops: Sequence[Stops]) -> Iterator[None]:
    """Let SIGINT and SIGTERM end the asking; what is in flight is still taken in."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, _stop, stops, number)
    try:
        yield
    finally:
        for number in numbers:
            _interrupt_on(number)


def _stop(stops: Sequence[Stops], number: signal.Signals) -> None:
    for each in stops:
        each.stop(StoppedEarly(f"stopped by {number.name}", do=KEPT_ANSWERS))
    _interrupt_on(number)


def _interrupt_on(number: signal.Signals) -> None:
    """Let a signal end the command at once."""
    asyncio.get_running_loop().remove_signal_handler(number)
    signal.signal(number, signal.default_int_handler)
