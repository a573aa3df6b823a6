"""Which targets a build asks for, from its settings."""

from __future__ import annotations

from builders.corpora import Card
from builders.pipeline.selection import Wanted
from builders.pipeline.worth import WorthJudge
from builders.settings import BuildConfig


def wanted_by(config: BuildConfig) -> Wanted:
    """Return which targets a build asks for."""
    return Wanted(
        frozenset(config.emotions),
        config.min_words,
        config.max_per_emotion,
        config.limit,
        frozenset(config.exclude_emotions),
        config.min_agreement,
        config.known_agreement,
        not config.no_ambiguous,
        config.balance == "emotion",
    )


def worth_judge(config: BuildConfig, card: Card) -> WorthJudge | None:
    """Return what judges which utterances are worth a reply; None if all may be targets."""
    if not config.reply_worthy:
        return None
    return WorthJudge(card.language, card.fixed_words, card.context != "none")
