"""What identifies a build: its settings but those that may differ between two of its runs."""

from __future__ import annotations

from collections.abc import Mapping

from builders.llm.settings import PHRASEBOOK
from builders.settings import MAY_CHANGE, BuildConfig

# What identifies a build only where it is asked for: builds that were begun without it go on.
_WHERE_ASKED = (
    "exclude_emotions",
    "min_agreement",
    "known_agreement",
    "no_ambiguous",
    "balance",
    "reply_worthy",
    "replace_names",
    "background",
    "real_names",
    "see",
    "follow_links",
    "may_send",
    "plan",
    "tag_model",
    "route_model",
    "moderation",
    "demonstrations_by",
    "drafts",
    "output_terms",
)


def identity(config: BuildConfig) -> dict[str, object]:
    """Return the settings that identify a build, as JSON values, without secrets."""
    fields = BuildConfig.model_fields
    unasked = {name for name in _WHERE_ASKED if getattr(config, name) == fields[name].default}
    # The version of the prompt is in the identity in full.
    leave = MAY_CHANGE | unasked | {"store", "redraft", "drafters", "draft_prompt"}
    settings = config.model_dump(mode="json", exclude=set(leave))
    settings["provider"] = config.provider
    settings["vote_models"] = list(config.voters)  # the addresses may change
    if len(config.drafting) > 1:
        settings["drafters"] = [drafter.model for drafter in config.drafting]
    if config.plans != "none":
        settings["plan"] = config.plans
    else:
        settings.pop("plan", None)
    if config.tagger:
        settings["tag_model"] = config.tagger
    if config.router:
        settings["route_model"] = config.router
    if config.moderation:
        settings["moderation"] = config.moderation_model.model
    if config.redraft:
        settings["redraft"] = config.redraft.identity
    return settings


def whole(settings: Mapping[str, object]) -> dict[str, object]:
    """Return an identity with the settings that stand in it only where they are asked for."""
    fields = BuildConfig.model_fields
    unasked = {name: fields[name].default for name in _WHERE_ASKED}
    lists = {name: list(value) for name, value in unasked.items() if isinstance(value, tuple)}
    return unasked | lists | {"drafters": [settings.get("model")]} | dict(settings)


def chosen(config: BuildConfig) -> set[str]:
    """Return the fields of a build's identity that the user chose.

    The others are versions of prompts, tables and corpus files.
    """
    settings = {*identity(config)}
    # The phrasebook's model name is the digest of its tables.
    return settings - {"model"} if config.provider == PHRASEBOOK else settings
