"""What a build is before its first draft: what is read, which targets, under which versions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from builders import labels, strategies
from builders.class_views import views_version
from builders.config import PHRASEBOOK, BuildConfig, identity
from builders.contrast import NO_MEMBER
from builders.contribution import Evidence, options, rules
from builders.corpora import Card, load_card, open_reader
from builders.corpora.reading import Defects, Rules
from builders.drafting import phrasebook, prompts
from builders.drafting.draft import Drafter, Sampling
from builders.exclusions import Exclusions
from builders.hearing import CLIPS_FILE, VALUES_FILE, Hearing, Standards
from builders.labelling import check_view, load_labelling
from builders.manifest import Ledger
from builders.parquet import file_digest
from builders.progress import Progress, State
from builders.records import Reject, Target
from builders.samples import SCHEMA_VERSION, Origin
from builders.selection import Wanted
from builders.targets import Corpus, Stream, Survey, survey, with_clips
from builders.voice.describe import version as voice_version
from builders.voice.memory import SideFile
from builders.voting import TEMPLATE, Voter


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
        drafter = Drafter(self.origin.model, config.persona, source, sampling, named)
        drafter.notes = config.redraft.notes if config.redraft else {}
        return drafter

    @property
    def voters(self) -> list[Voter]:
        """Return who votes from the words alone, in the order in which they were named."""
        named, tokens = self.card.speakers_have_names, self.config.reply_tokens
        choices = options(self.corpus.labelling)
        return [Voter(model, choices, named, tokens) for model in self.config.voters]

    @property
    def evidence(self) -> Evidence:
        """Return what people heard in the voices alone."""
        return Evidence(self.card, self.corpus.labelling)

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


def make_plan(config: BuildConfig) -> Plan:
    """Open the corpus, check its labels and choose the targets; nothing is written.

    Raises:
        SourceError: the corpus is not there, or not as its owner ships it.
        LabelError: a label is not mapped.
        ConfigError: the corpus may not be sent to where the model is.
    """
    card = load_card(config.corpus)
    _check_may_send(config, card)
    heard = not config.text_only and card.audio_origin != "none"
    exclusions = Exclusions.load(config.exclusions).of(card.slug)
    corpus = _open(config, card, exclusions, heard)
    reader, labelling = corpus.reader, corpus.labelling
    wanted = Wanted(
        frozenset(config.emotions), config.min_words, config.max_per_emotion, config.limit
    )
    surveyed = survey(corpus, wanted)
    exclusions.check_matched(reader.splits, config.exclusions)
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
        "feelings_version": labels.feelings().version,
        "voice_version": voice_version() if heard else None,
        "class_views_version": views_version(),
        "excluded_ids": exclusions.digest,
    }
    if config.vote_models:
        identified["vote_prompt_version"] = prompts.load(TEMPLATE).version
        identified["contribution_rules"] = {name: str(share) for name, share in rules().items()}
    return Plan(config, card, corpus, surveyed, origin, identified, heard)


def _open(config: BuildConfig, card: Card, exclusions: Exclusions, heard: bool) -> Corpus:
    view = config.label_view or (card.label_source if card.label_views else None)
    if config.label_view:
        check_view(card.slug, config.label_view, card.label_views)
    defects = Defects.load(card.slug)
    return Corpus(
        slug=card.slug,
        reader=open_reader(card.slug, config.source, heard, config.splits),
        labelling=load_labelling(card.slug, view),
        defects=defects if heard else defects.without_clips(),
        rules=Rules(exclusions, config.on_error),
        contrast=card.contrast,
        unfit=defects.ids(card.slug, NO_MEMBER) if card.contrast else frozenset(),
    )


def _check_may_send(config: BuildConfig, card: Card) -> None:
    if asked := addresses(config):
        from builders.drafting.addresses import check_may_send

        check_may_send(card, asked)


def addresses(config: BuildConfig) -> tuple[str, ...]:
    """Return everywhere that a build asks: for drafts, and for votes."""
    drafting = config.base_urls if config.model else ()
    return tuple(dict.fromkeys((*drafting, *chain.from_iterable(config.voters.values()))))


def _digest(files: tuple[Path, ...]) -> str:
    """Return one digest over annotation files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()
