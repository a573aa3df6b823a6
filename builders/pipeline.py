"""A build, from a corpus on disk to a dataset that loads.

    read -> map labels -> attach context -> hear -> draft -> check -> write

Every stage streams. What was drafted is in the store before it counts, so a build that stopped is
resumed by running it again: held answers are replayed, results are written anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from builders import report, strategies
from builders.class_views import views_version
from builders.config import PHRASEBOOK, BuildConfig, identity
from builders.corpora import Card, load_card, open_reader
from builders.corpora.reading import Defects, Rules
from builders.drafting import phrasebook, prompts
from builders.drafting.budget import Budget, price_of
from builders.drafting.committer import Committer
from builders.drafting.conversations import Conversations, Retry, blocks_of
from builders.drafting.draft import Drafter, Sampling
from builders.drafting.models import open_model
from builders.drafting.store import Store
from builders.errors import ConfigError, HeartenError, StoppedEarly
from builders.exclusions import Exclusions
from builders.folder import BuildFolder
from builders.hearing import CLIPS_FILE, VALUES_FILE, Hearing, Standards
from builders.labelling import check_view, load_labelling
from builders.manifest import Ledger, read_manifest, summary_line, versions
from builders.parquet import file_digest
from builders.progress import Progress, State
from builders.records import Reject, Target
from builders.samples import SCHEMA_VERSION, Origin
from builders.selection import Wanted
from builders.signals import stopped_by_signals
from builders.sink import Sink
from builders.targets import Corpus, Stream, Survey, survey, with_clips
from builders.voice.describe import version as voice_version
from builders.voice.memory import SideFile

KEPT_ANSWERS = "every answer so far is kept; run the same command again to go on"


@dataclass(frozen=True)
class Plan:
    """A build before its first draft: what is read, which targets, under which versions.

    `heard` says whether clips are decoded: not with `--text-only`, nor where a corpus has none.
    """

    config: BuildConfig
    card: Card
    corpus: Corpus
    survey: Survey
    origin: Origin
    identity: dict[str, Any]
    heard: bool

    @property
    def drafter(self) -> Drafter:
        """Return what makes the requests."""
        config = self.config
        sampling = Sampling(config.temperature, config.top_p, config.reply_tokens)
        source = config.label_view or self.card.label_source
        named = self.card.speakers_have_names
        return Drafter(self.origin.model, config.persona, source, sampling, named)

    def targets(self, ledger: Ledger, hearing: Hearing | None = None) -> Iterator[Target | Reject]:
        """Return the targets and rejects of the corpus, counted in the ledger."""
        config = self.config
        return iter(
            Stream(
                self.corpus,
                self.survey,
                config.context_turns if self.card.context != "none" else 0,
                config.persona,
                hearing,
                ledger,
            )
        )

    @contextmanager
    def listening(self, folder: Path, quiet: bool) -> Iterator[Hearing | None]:
        """Hear all clips before the first draft; None where the build has no clips.

        What is left in `folder` saves time when the build goes on.
        """
        if not self.heard:
            yield None
            return
        config = self.config
        values = SideFile((config.output if config.output.is_dir() else folder) / VALUES_FILE)
        clips = SideFile(folder / CLIPS_FILE)
        standards = Standards(config.min_speech, frozenset(config.reject_findings))
        state = State(self.survey.clips, doing="listening")
        try:
            hearing = Hearing(self.corpus.reader.root, values, clips, standards)
            with Progress(state, quiet) as progress:
                hearing.listen(
                    with_clips(self.corpus, self.survey.selection),
                    config.workers or os.cpu_count() or 1,
                    progress.advance,
                )
            yield hearing
        finally:
            values.close()
            clips.close()


@dataclass(frozen=True)
class Finished:
    """A complete build: its folder and manifest; `fresh` is false when it was complete already."""

    folder: Path
    manifest: dict[str, Any]
    fresh: bool


def make_plan(config: BuildConfig) -> Plan:
    """Open the corpus, check its labels and choose the targets; nothing is written.

    Raises:
        SourceError: the corpus is not there, or not as its owner ships it.
        LabelError: a label is not mapped.
        ConfigError: the corpus may not be sent to where the model is.
    """
    card = load_card(config.corpus)
    _check_may_send(config, card)
    view = config.label_view or (card.label_source if card.label_views else None)
    if config.label_view:
        check_view(card.slug, config.label_view, card.label_views)
    labelling = load_labelling(card.slug, view)
    exclusions = Exclusions.load(config.exclusions).of(card.slug)
    heard = not config.text_only and card.audio_origin != "none"
    reader = open_reader(card.slug, config.source, heard, config.splits)
    defects = Defects.load(card.slug) if heard else Defects.load(card.slug).without_clips()
    rules = Rules(exclusions, config.on_error)
    corpus = Corpus(card.slug, reader, labelling, defects, rules, card.same_words)
    wanted = Wanted(
        frozenset(config.emotions), config.min_words, config.max_per_emotion, config.limit
    )
    surveyed = survey(corpus, wanted)
    origin = Origin(
        corpus=card.slug,
        corpus_version=card.corpus_version or _digest(reader.files),
        language=card.language,
        label_source=config.label_view or card.label_source,
        audio_origin=card.audio_origin,
        context=card.context,
        evaluation_overlap={s: list(v) for s, v in card.evaluation_overlap.items()},
        rights=card.rights.model_dump(),
        mapping_version=labelling.version,
        provider=config.provider,
        model=config.model or f"{PHRASEBOOK}-{phrasebook.tables_version()}",
        prompt_version=prompts.draft_version(),
    )
    identified = identity(config) | {
        "corpus_files": _digest(reader.files),
        "model": origin.model,
        "mapping_version": labelling.version,
        "prompt_version": origin.prompt_version,
        "schema_version": SCHEMA_VERSION,
        "strategies_version": strategies.tables_version(),
        "voice_version": voice_version() if heard else None,
        "class_views_version": views_version(),
        "excluded_ids": exclusions.digest,
    }
    return Plan(config, card, corpus, surveyed, origin, identified, heard)


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
        self._ledger = Ledger()
        config = plan.config
        before = store.spent(config.name)
        price = price_of(config.model, prices)
        self._budget = Budget(plan.origin.model, price, config.max_usd, config.max_tokens, before)
        self._state = State(plan.survey.chosen, paid=config.provider != PHRASEBOOK)
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
            with stopped_by_signals(partial(_stop, conversations)), self._progress:
                async with aclosing(conversations.outcomes(blocks)) as outcomes:
                    async for item in outcomes:
                        sink.take(item)
                        self._state.done += not isinstance(item, Reject)
                        self._state.requests = conversations.asked
                        self._state.usd = self._budget.usd
                        self._progress.tick()
        return conversations.stopped

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
                "cost": {
                    "prompt_tokens": self._budget.prompt_tokens,
                    "completion_tokens": self._budget.completion_tokens,
                    "usd": self._budget.usd,
                },
            },
        }


def _stop(conversations: Conversations, name: str) -> None:
    conversations.stop(StoppedEarly(f"stopped by {name}", do=KEPT_ANSWERS))


def _check_may_send(config: BuildConfig, card: Card) -> None:
    if config.provider == PHRASEBOOK:
        return
    from builders.drafting.addresses import check_address, is_third_party

    for address in config.base_urls:
        check_address(address)
        if card.send_to_third_party.text != "yes" and is_third_party(address):
            raise ConfigError(
                f"{card.title} may not be sent to a third party such as {address} "
                f"(its card says {card.send_to_third_party.text})",
                do="use an endpoint on this machine or in your own network",
            )


def _digest(files: tuple[Path, ...]) -> str:
    """Return one digest over annotation files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()
