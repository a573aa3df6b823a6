"""The plan of a build before its first draft: what is read, which targets, which versions."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.audio.heads import ClipHeads
from builders.corpora import Card, check_view_there, load_card, open_reader
from builders.corpora.exclusions import Exclusions
from builders.corpora.opening import open_bytes
from builders.corpora.reading import Defects, ReadingRules
from builders.labels import strategies, vocabulary
from builders.labels.aggregation import as_heard, check_view, load_labelling
from builders.labels.class_sets import views_version
from builders.llm import prompts
from builders.llm.prices import Price, price_of
from builders.llm.providers import phrasebook
from builders.llm.settings import PHRASEBOOK
from builders.pipeline import preconditions
from builders.pipeline.contribution import Evidence, can_vote, options, rules
from builders.pipeline.demonstrations import open_demonstrations
from builders.pipeline.fits import Fit
from builders.pipeline.minimal_pairs import NO_MEMBER
from builders.pipeline.replying import Replying
from builders.pipeline.routing import routed, sent_on
from builders.pipeline.stream import Corpus, Stream, Survey, survey, with_clips
from builders.pipeline.targets import planned_balance, wanted_by, worth_judge
from builders.pipeline.told import people_of, told_versions
from builders.progress import ProgressLine, ProgressState
from builders.record.manifest import SCHEMA_VERSION, Ledger
from builders.record.sample import Origin
from builders.record.types import Reject, Target
from builders.safety.tables import safety_digest
from builders.settings import CLIPS_FOLDER, HIBARI, STORE_FILE, BuildConfig
from builders.settings.identity import identity
from builders.store.address import store_exists
from builders.store.clips import ClipFiles
from builders.store.database import Store, forgotten_by
from builders.store.key_value import KeyValue
from builders.tasks import qualification
from builders.tasks.caption import version as caption_version
from builders.tasks.reply.checks.recited import RunIndex
from builders.tasks.reply.checks.registry import checks_digest
from builders.tasks.reply.demonstrations import Demonstrations
from builders.tasks.reply.planned import PlannedDrafter
from builders.tasks.reply.worthy import version as worth_version
from builders.tasks.vote import TEMPLATE, Voter

# What takes its time to import waits until a build needs it: the first request goes out before.
if TYPE_CHECKING:
    from builders.audio.analysis import Hearing
    from builders.pipeline.kept_routes import KeptRoutes


@dataclass(frozen=True)
class Plan(Replying):
    """A build before its first draft: what is read, which targets, which versions.

    `heard` says whether clips are decoded: not with `--text-only`, nor if a corpus has none;
    `recited` knows what is said anywhere in the corpus. `unfit` are models that did not qualify for
    a purpose (see `tasks/qualification.py`), as (purpose, model).
    """

    config: BuildConfig
    card: Card
    corpus: Corpus
    survey: Survey
    origin: Origin
    identity: dict[str, Any]
    heard: bool
    recited: RunIndex
    demonstrations: Demonstrations | None = None
    unfit: frozenset[tuple[str, str]] = frozenset()

    def prices(self, own: Mapping[str, object]) -> dict[str, Price | None]:
        """Return the price of each model, the drafting model first."""
        config = self.config
        asked = list(config.models)
        if config.speaks and config.tts != HIBARI:
            asked.append(config.speech_model)
        known = {one.model: price_of(one.model, own, one.base_urls) for one in asked}
        drafts = self.origin.model
        return {drafts: known.get(drafts) or price_of(config.model, own), **known}

    @property
    def voters(self) -> list[Voter]:
        """Return the models that vote from the text alone and may, in the given order."""
        named, tokens = self.card.speakers_have_names, self.config.reply_tokens
        choices = options(self.corpus.labelling)
        fit = (model for model in self.config.voters if ("votes", model) not in self.unfit)
        return [Voter(model, choices, named, tokens) for model in fit]

    @property
    def evidence(self) -> Evidence:
        """Return people's votes on the voices alone."""
        return Evidence(self.card, self.corpus.labelling)

    def fits(self, hearing: Hearing | None) -> dict[str, Fit]:
        """Return the fits of the corpus, by name."""
        found: dict[str, Fit | None] = {
            "survey": self.survey,
            "minimal_pairs": self.survey.renderings,
            "speaker_baselines": hearing,
            "demonstrations": self.demonstrations,
            "recited": self.recited,
        }
        return {name: fit for name, fit in found.items() if fit}

    def to_vote(self) -> Iterator[Target]:
        """Yield the targets to vote on, without decoding clips; none that is not drafted."""
        items = sent_on(self.targets(Ledger()), {})
        return (t for t in items if isinstance(t, Target) and can_vote(t))

    def targets(
        self, ledger: Ledger, hearing: Hearing | None = None, routes: KeptRoutes | None = None
    ) -> Iterator[Target | Reject]:
        """Return the targets and rejects of the corpus, counted in the ledger."""
        config = self.config
        stream = Stream(
            self.corpus,
            self.survey,
            config.context_turns if self.card.context != "none" else 0,
            config.persona,
            hearing,
            ledger,
        )
        heard = config.redraft.heard if config.redraft else {}
        for item in stream:
            if isinstance(item, Target):
                if item.id in heard:
                    item = as_heard(item, heard[item.id], self.origin.label_source)  # noqa: PLW2901
                yield routes.routed(item) if routes else routed(item, self.card.language)
            else:
                yield item

    @contextmanager
    def listening(self, folder: Path, quiet: bool) -> Iterator[Hearing | None]:
        """Analyse all clips before the first draft; None if the build has no clips.

        Results are cached in the store; without one, temporarily below `folder`.
        """
        if not self.heard:
            yield None
            return
        from builders.audio.analysis import Hearing, Standards
        from builders.audio.detectors import open_checks
        from builders.audio.seeing import Seeing

        config = self.config
        sends = config.hear or config.see or config.caption_model is not None
        standards = Standards(
            config.min_speech,
            frozenset(config.reject_findings),
            config.min_dnsmos,
            config.hear_seconds if sends else None,
        )
        workers = config.workers or os.cpu_count() or 1
        checks = open_checks(config.clip_checks, workers, self.card.language)
        state = ProgressState(self.survey.clips, doing="listening")
        with _remembering(config, folder) as (values, clips):
            root = self.corpus.reader.root
            follow = config.follow_links
            hearing = Hearing(root, values, clips, standards, checks, follow)
            if config.see:
                hearing.seeing = Seeing(root, values, clips, follow)
            with ProgressLine(state, quiet) as progress:
                hearing.listen(
                    with_clips(self.corpus, self.survey.selection),
                    workers,
                    progress.advance,
                )
            yield hearing


@contextmanager
def _remembering(config: BuildConfig, folder: Path) -> Iterator[tuple[KeyValue, ClipFiles]]:
    """Open the cache of clip results; without a store, only for this run."""
    if store_exists(config.store_url):
        with _opened(config.store_url) as values:
            yield values, ClipFiles(config.clips_folder)
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        with _opened(str(Path(scratch, STORE_FILE))) as values:
            yield values, ClipFiles(Path(scratch, CLIPS_FOLDER))


@contextmanager
def _opened(url: str) -> Iterator[KeyValue]:
    store = Store(url)
    try:
        values = KeyValue(store)
        try:
            yield values
        finally:
            values.close()
    finally:
        store.close()


def make_plan(config: BuildConfig) -> Plan:
    """Open the corpus, check its labels and select the targets; nothing is written.

    Raises:
        SourceError: the corpus is missing, or not in its original form.
        LabelError: a label is unmapped, a table is not valid, or a strategy or emotion partly
        added.
        ConfigError: the corpus may not be sent to a model's server, has no clips, or cannot
            be spoken as requested.
    """
    card = load_card(config.corpus)
    heard = not config.text_only and card.audio_origin != "none"
    preconditions.check(config, card, heard)
    preconditions.check_tables(config, heard, card.language)
    found = {
        "speech": _speech(config, card),
        "clip_checks_version": preconditions.clip_checks_version(config, card, heard),
    }
    exclusions = Exclusions.load(config.exclusions, forgotten_by(config.store_url)).of(card.slug)
    corpus = _open(config, card, exclusions, heard)
    recited = RunIndex(card.language)
    surveyed = survey(corpus, wanted_by(config), recited, planned_balance(config, card))
    if corpus.heads:
        corpus.heads.check()
    preconditions.check_sees(config, card, surveyed.films, corpus.reader.root)
    exclusions.check_matched(corpus.reader.splits, config.exclusions)
    shown = open_demonstrations(config, card)
    origin = _origin(config, card, corpus, shown)
    identified = _identified(config, corpus, origin, heard) | found
    identified["excluded_ids"] = exclusions.digest
    if shown:  # only then, so that builds that were begun before go on
        identified["demonstrations_version"] = shown.digest
    plan = Plan(config, card, corpus, surveyed, origin, identified, heard, recited, shown)
    return replace(plan, identity=identified | _planning_versions(plan))


def _planning_versions(plan: Plan) -> dict[str, object]:
    """Return the versions of what plans replies and finds what they do, where that is done."""
    found: dict[str, object] = {}
    if plan.planner:
        found["plan_version"] = plan.planner.version
        if isinstance(plan.replying, PlannedDrafter):
            found["plan_version"] = f"{plan.planner.version}, {plan.replying.version}"
    if plan.tagger:
        found["tagger_version"] = plan.tagger.version
    return found


def _origin(
    config: BuildConfig, card: Card, corpus: Corpus, shown: Demonstrations | None
) -> Origin:
    """Return what all samples of the build share."""
    return Origin(
        corpus=card.slug,
        corpus_version=card.corpus_version or digest_of_files(corpus.reader.files),
        language=card.language,
        label_source=config.label_view or card.label_source,
        audio_origin=card.audio_origin,
        context=card.context,
        evaluation_overlap={s: list(v) for s, v in card.evaluation_overlap.items()},
        rights=card.rights.model_dump(),
        mapping_version=corpus.labelling.version,
        provider=config.provider,
        model=config.model or f"{PHRASEBOOK}-{phrasebook.tables_version()}",
        prompt_version=prompts.draft_version(config.draft_prompt),
        checks_version=checks_digest(),
        demonstrations_digest=shown.digest if shown else None,
        output_terms=dict(config.output_terms),
    )


def _identified(
    config: BuildConfig, corpus: Corpus, origin: Origin, heard: bool
) -> dict[str, object]:
    """Return the identity of a build: its settings, corpus files, and all versions."""
    votes, describes = bool(config.vote_models), config.caption_model is not None
    return identity(config) | {
        "corpus_files": digest_of_files(corpus.reader.files),
        "model": origin.model,
        "mapping_version": origin.mapping_version,
        "prompt_version": origin.prompt_version,
        "schema_version": SCHEMA_VERSION,
        "strategies_version": strategies.tables_version(),
        "feelings_version": vocabulary.feelings().version,
        "voice_version": _voice_version() if heard else None,
        "hear_version": prompts.load(prompts.HEAR_TEMPLATE).version if config.hear else None,
        **({"see_version": prompts.load(prompts.SEE_TEMPLATE).version} if config.see else {}),
        "caption_version": caption_version() if config.caption_model else None,
        "vote_prompt_version": prompts.load(TEMPLATE).version if votes else None,
        "contribution_rules": {n: str(share) for n, share in rules().items()} if votes else None,
        **({"reply_worthy_version": worth_version(corpus.worth.language)} if corpus.worth else {}),
        **({"qualification_version": qualification.version()} if votes or describes else {}),
        "class_views_version": views_version(),
        "checks_version": origin.checks_version,
        "safety_version": safety_digest(),
        **told_versions(config, load_card(corpus.slug)),
    }


def _open(config: BuildConfig, card: Card, exclusions: Exclusions, heard: bool) -> Corpus:
    view = config.label_view or (card.label_source if card.label_views else None)
    if config.label_view:
        check_view(card.slug, config.label_view, card.label_views)
    defects = Defects.load(card.slug)
    reader = open_reader(card.slug, config.source, heard, config.splits)
    check_view_there(card.slug, reader, view)
    people = people_of(card, reader) if config.replace_names else None
    return Corpus(
        slug=card.slug,
        reader=reader,
        labelling=load_labelling(card.slug, view),
        defects=defects if heard else defects.without_clips(),
        rules=ReadingRules(exclusions, config.on_error, people),
        contrast=card.contrast,
        unfit=defects.ids(card.slug, NO_MEMBER) if card.contrast else frozenset(),
        worth=worth_judge(config, card),
        heads=ClipHeads(reader.root, config.follow_links) if heard else None,
    )


def _speech(config: BuildConfig, card: Card) -> dict[str, object] | None:
    if not config.speaks:
        return None
    from builders.tts.opening import check

    return check(config, card)


def _voice_version() -> str:
    from builders.audio.prosody import version

    return version()


def digest_of_files(files: tuple[Path, ...]) -> str:
    """Return one digest over annotation files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        try:
            with open_bytes(path) as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:  # its records are rejects; that it can be read later is a change
            content = "unreadable"
        digest.update(f"{path.name} {content}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
