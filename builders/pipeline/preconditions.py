"""Requirements of a build on its corpus, tables and extras, checked before any money is spent."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from builders.audio.caption_claims import load_claims
from builders.corpora import Card, check_whole
from builders.errors import ConfigError, SourceError
from builders.labels.class_sets import class_views
from builders.labels.strategies import strategies
from builders.labels.vocabulary import feelings
from builders.llm.providers import phrasebook
from builders.llm.settings import PHRASEBOOK
from builders.pipeline.contribution import rules
from builders.record.schema import validator
from builders.settings import BuildConfig
from builders.tasks.qualification import bounds, load_lines, load_sounds
from builders.tasks.reply.checks.registry import check_tables as check_reply_tables
from builders.tasks.reply.checks.verdicts import rules_digest
from builders.tasks.reply.worthy import load_tables
from builders.tts.styles import styles


def check(config: BuildConfig, card: Card, heard: bool) -> None:
    """Raise ConfigError if a corpus lacks what is requested, or may not be sent to a server.

    Args:
        config: the build.
        card: the corpus's.
        heard: whether clips are decoded.
    """
    _check_may_send(config, card)
    _check_has_clips(config, card, heard)
    _check_has_turns(config, card)
    if config.voters:
        load_lines(card.language)
    _check_standards(config)


def check_tables(config: BuildConfig, heard: bool, language: str) -> None:
    """Read all tables of a build; LabelError if one is not valid, or an entry is incomplete.

    ConfigError if a part of the corpus is missing. Phrases are only required if the phrasebook
    drafts. The language of the corpus needs tables of its own to check replies in it.
    """
    check_whole(config.corpus)
    check_reply_tables(language)
    rules_digest()  # now, so that it is of the tables that were read
    if config.reply_worthy:
        load_tables(language)
    if config.voters:
        load_lines(language)
    if config.voters or config.caption_model:
        load_sounds(), bounds()
    for read in (strategies, feelings, class_views, rules, load_claims, styles):
        read()
    for name in ("reply", "sample"):
        validator(name)
    if heard:
        from builders.audio.asr import spellings
        from builders.audio.findings import load_rules
        from builders.audio.prosody import load_words

        for read_of_clips in (load_words, load_rules, spellings):
            read_of_clips()
    if config.provider == PHRASEBOOK:
        phrasebook.check()


def clip_checks_version(
    config: BuildConfig, card: Card, heard: bool, others: Collection[str] = ()
) -> str | None:
    """Return one version for the clip checks, or None; ConfigError if one cannot be run.

    `others` are the languages of single utterances.
    """
    if not config.clip_checks or not heard:
        return None
    from builders.audio.asr import check_language
    from builders.audio.detectors import versions, versions_elsewhere
    from builders.audio.findings import checks_version

    if "asr" in config.clip_checks:
        check_language(card.language, card.slug)
    found = [*versions(config.clip_checks, card.language).values()]
    found += versions_elsewhere(config.clip_checks, card.language, others)
    return f"{', '.join(found)}, tables {checks_version()}"


def _check_standards(config: BuildConfig) -> None:
    """Raise ConfigError if clips are rejected for a finding that no requested check produces."""
    if config.text_only and config.clip_checks:
        raise ConfigError("--check cannot be combined with --text-only", do="leave out one of them")
    if not (config.reject_findings or config.min_dnsmos):
        return
    from builders.audio.findings import FINDINGS

    asked = {f"--reject-finding {code}": FINDINGS.get(code) for code in config.reject_findings}
    asked |= {"--min-dnsmos": "dnsmos"} if config.min_dnsmos else {}
    for option, check in asked.items():
        if check and check not in config.clip_checks:
            raise ConfigError(f"{option} has no effect by itself", do=f"add --check {check}")


def _check_has_clips(config: BuildConfig, card: Card, heard: bool) -> None:
    asked = [
        ("--hear", config.hear),
        ("--see", config.see),
        ("--caption-model", config.caption_model),
    ]
    for option in (name for name, given in asked if given and not heard):
        raise ConfigError(
            f"{option} needs clips, and "
            + ("--text-only leaves them out" if config.text_only else f"{card.title} has none"),
            do=f"leave out {'--text-only or ' if config.text_only else ''}{option}",
        )


def _check_has_turns(config: BuildConfig, card: Card) -> None:
    """Raise ConfigError for what is asked about dialogues or scripts where there are none."""
    if config.background == "model" and card.context == "none":
        raise ConfigError(
            f"--background model needs dialogues, and {card.title} has none",
            do="leave out --background",
        )
    if config.real_names and card.scripted is None:
        raise ConfigError(
            f"--real-names has no effect: {card.title} is no script, so its names are kept",
            do="leave it out",
        )


def check_sees(config: BuildConfig, card: Card, films: int, root: Path) -> None:
    """Raise where pictures are to be sent and there are none.

    Args:
        config: the build.
        card: the corpus's.
        films: how many utterances have a picture.
        root: the folder of the corpus.

    Raises:
        ConfigError: the corpus has none.
        SourceError: they are not in its folder.
    """
    if config.see and card.video is None:
        raise ConfigError(f"--see needs video, and {card.title} has none", do="leave out --see")
    if config.see and not films:
        raise SourceError(
            "the video files are missing",
            where=root,
            expected=card.video,
            do="put them there, or leave out --see",
        )


def _check_may_send(config: BuildConfig, card: Card) -> None:
    if config.models:
        from builders.llm.addresses import check_may_send

        for settings in config.models:
            check_may_send(card, settings.base_urls, settings.sent, config.may_send)
    if config.moderation:
        from builders.llm.addresses import check_may_send

        settings = config.moderation_model
        check_may_send(card, settings.base_urls, settings.sent, config.may_send)
