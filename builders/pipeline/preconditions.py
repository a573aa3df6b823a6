"""What a build asks of its corpus and of what is installed, checked before anything is spent."""

from __future__ import annotations

from builders.audio.asr import check_language
from builders.audio.detectors import versions
from builders.audio.findings import FINDINGS, checks_version
from builders.corpora import Card
from builders.errors import ConfigError
from builders.settings import BuildConfig


def check(config: BuildConfig, card: Card, heard: bool) -> None:
    """Raise ConfigError where a corpus has not what is asked for, or may not be sent there.

    Args:
        config: the build.
        card: the corpus's.
        heard: whether its clips are decoded.
    """
    _check_may_send(config, card)
    _check_has_clips(config, card, heard)
    _check_standards(config)


def clip_checks_version(config: BuildConfig, card: Card, heard: bool) -> str | None:
    """Return one version for the checks of clips, or None; raises ConfigError for one in vain."""
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


def _check_has_clips(config: BuildConfig, card: Card, heard: bool) -> None:
    asked = [("--hear", config.hear), ("--caption-model", config.caption_model)]
    for option in (name for name, given in asked if given and not heard):
        raise ConfigError(
            f"{option} needs clips, and "
            + ("--text-only leaves them out" if config.text_only else f"{card.title} has none"),
            do=f"leave {'--text-only or ' if config.text_only else ''}{option} out",
        )


def _check_may_send(config: BuildConfig, card: Card) -> None:
    if config.models:
        from builders.llm.addresses import check_may_send

        for settings in config.models:
            check_may_send(card, settings.base_urls, settings.sent)
