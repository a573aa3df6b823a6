"""Which targets a build asks for, from its settings."""

from __future__ import annotations

from builders.corpora import Card
from builders.errors import ConfigError
from builders.pipeline.planned_balance import PlannedBalance
from builders.pipeline.selection import Wanted
from builders.pipeline.told import reply_language
from builders.pipeline.worth import WorthJudge
from builders.settings import BuildConfig
from builders.tasks.reply.planning import Planner


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


def planned_balance(config: BuildConfig, card: Card) -> PlannedBalance | None:
    """Return by what targets are balanced over planned strategies; None if that is not asked.

    Raises:
        ConfigError: no strategy is planned before a model is asked.
    """
    if config.balance != "strategy":
        return None
    if config.plans != "hash":
        raise ConfigError(
            "--balance strategy needs replies that are planned by hash",
            expected="a model that drafts, and --plan hash",
            do="add --plan hash" if config.model else "name a --model and add --plan hash",
        )
    turns = config.context_turns if card.context != "none" else 0
    return PlannedBalance(Planner(reply_language(card)), turns, config.persona)


def worth_judge(config: BuildConfig, card: Card) -> WorthJudge | None:
    """Return what judges which utterances are worth a reply; None if all may be targets."""
    if not config.reply_worthy:
        return None
    return WorthJudge(reply_language(card), card.fixed_words, card.context != "none")
