"""What a build is before its first draft: what is read, which targets, under which versions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders import labels, strategies
from builders.class_views import views_version
from builders.config import HIBARI, PHRASEBOOK, BuildConfig, identity
from builders.contrast import NO_MEMBER
from builders.corpora import Card, load_card, open_reader
from builders.corpora.reading import Defects, Rules
from builders.drafting import phrasebook, prompts
from builders.drafting.budget import Price, price_of
from builders.drafting.captions import Captioned
from builders.drafting.captions import version as caption_version
from builders.drafting.draft import Drafter, Sampling
from builders.errors import ConfigError
from builders.exclusions import Exclusions
from builders.hearing import CLIPS_FILE, VALUES_FILE, Hearing, Standards
from builders.labelling import as_heard, check_view, load_labelling
from builders.manifest import Ledger
from builders.parquet import file_digest
from builders.progress import Progress, State
from builders.records import Reject, Target
from builders.samples import SCHEMA_VERSION, Origin
from builders.selection import Wanted
from builders.speaking.opening import check as check_speech
from builders.targets import Corpus, Stream, Survey, survey, with_clips
from builders.voice.check import FINDINGS, checks_version
from builders.voice.clip_checks import open_checks, versions
from builders.voice.describe import version as voice_version
from builders.voice.memory import SideFile
from builders.voice.transcript import check_language


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
        drafter.hears = config.hear
        return drafter

    @property
    def captioned(self) -> Captioned | None:
        """Return what has clips described before it drafts; None without a model for that."""
        model = self.config.caption_model
        return Captioned(self.drafter, model) if model else None

    def prices(self, own: Mapping[str, Any]) -> dict[str, Price | None]:
        """Return the price of each model that is asked, the one that drafts first."""
        config = self.config
        others = [served.model for served in config.served]
        if config.speaks and config.tts != HIBARI:
            others.append(config.tts)
        paid = {self.origin.model: price_of(config.model, own)}
        return paid | {model: price_of(model, own) for model in others}

    def targets(self, ledger: Ledger, hearing: Hearing | None = None) -> Iterator[Target | Reject]:
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
            if isinstance(item, Target) and item.id in heard:
                yield as_heard(item, heard[item.id], self.origin.label_source)
            else:
                yield item

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
        sends = config.hear or config.caption_model is not None
        standards = Standards(
            config.min_speech,
            frozenset(config.reject_findings),
            config.min_dnsmos,
            config.hear_seconds if sends else None,
        )
        workers = config.workers or os.cpu_count() or 1
        checks = open_checks(config.clip_checks, workers)
        state = State(self.survey.clips, doing="listening")
        try:
            hearing = Hearing(self.corpus.reader.root, values, clips, standards, checks)
            with Progress(state, quiet) as progress:
                hearing.listen(
                    with_clips(self.corpus, self.survey.selection),
                    workers,
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
        ConfigError: the corpus may not be sent to where a model is, has no clips to hear, or cannot
            be spoken as asked.
    """
    card = load_card(config.corpus)
    _check_may_send(config, card)
    speech = check_speech(config, card)
    heard = not config.text_only and card.audio_origin != "none"
    _check_has_clips(config, card, heard)
    checked = _checks_version(config, card, heard)
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
        "clip_checks_version": checked,
        "hear_version": prompts.load(prompts.HEAR_TEMPLATE).version if config.hear else None,
        "caption_version": caption_version() if config.caption_model else None,
        "speech": speech,
        "class_views_version": views_version(),
        "excluded_ids": exclusions.digest,
    }
    return Plan(config, card, corpus, surveyed, origin, identified, heard)


def _checks_version(config: BuildConfig, card: Card, heard: bool) -> str | None:
    """Return one version for the checks of clips, or None; raises ConfigError for one in vain."""
    _check_standards(config)
    if not config.clip_checks or not heard:
        return None
    if "asr" in config.clip_checks:
        check_language(card.language, card.slug)
    found = versions(config.clip_checks)
    return f"{', '.join(found.values())}, tables {checks_version()}"


def _check_standards(config: BuildConfig) -> None:
    """Raise ConfigError where a clip is to be refused for what no check would find."""
    if config.text_only and config.clip_checks:
        raise ConfigError("--check has no clips to check with --text-only", do="leave one out")
    asked = {f"--reject-finding {code}": FINDINGS.get(code) for code in config.reject_findings}
    asked |= {"--min-dnsmos": "dnsmos"} if config.min_dnsmos else {}
    for option, check in asked.items():
        if check and check not in config.clip_checks:
            raise ConfigError(f"{option} refuses nothing by itself", do=f"add --check {check}")


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


def _check_has_clips(config: BuildConfig, card: Card, heard: bool) -> None:
    asked = [("--hear", config.hear), ("--caption-model", config.caption_model)]
    for option in (name for name, given in asked if given and not heard):
        raise ConfigError(
            f"{option} needs clips, and "
            + ("--text-only leaves them out" if config.text_only else f"{card.title} has none"),
            do=f"leave {'--text-only or ' if config.text_only else ''}{option} out",
        )


def _check_may_send(config: BuildConfig, card: Card) -> None:
    if not config.served:
        return
    from builders.drafting.addresses import check_address, is_third_party

    for served in config.served:
        for address in served.base_urls:
            check_address(address)
            for part in sorted(served.sent, reverse=True):
                said = getattr(card.send_to_third_party, part)
                if said != "yes" and is_third_party(address):
                    what = f"the sound of {card.title}" if part == "audio" else card.title
                    raise ConfigError(
                        f"{what} may not be sent to a third party such as {address} "
                        f"(its card says {said})",
                        do="use an endpoint on this machine or in your own network",
                    )


def _digest(files: tuple[Path, ...]) -> str:
    """Return one digest over annotation files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.name):
        digest.update(f"{path.name} {file_digest(path)}\n".encode())
    return digest.hexdigest()
