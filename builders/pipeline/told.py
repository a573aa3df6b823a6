"""What prompts tell beside the dialogue: other names for a script's people, and a summary."""

from __future__ import annotations

from builders.corpora import Card, Reader
from builders.llm import prompts
from builders.record.types import Dialogue
from builders.safety.people import PeopleFinder
from builders.settings import BuildConfig
from builders.tasks.background import Summarised
from builders.tasks.reply.before import ReplyTask
from builders.tasks.reply.checks.language import answered_in
from builders.tasks.reply.names import NameTables, load_names
from builders.tasks.reply.wording import SecondWording


def reply_language(card: Card) -> str:
    """Return the language in which replies to a corpus are drafted and checked."""
    return answered_in(card.language, card.fixed_words)


def script_of(config: BuildConfig, card: Card) -> NameTables | None:
    """Return the names of a script's people, for whom requests have others; None to keep them."""
    if not card.scripted or config.real_names or config.draft_prompt == 1:
        return None
    return load_names(card.scripted, card.language)


def people_of(card: Card, reader: Reader) -> PeopleFinder:
    """Return what finds names of people in a corpus; those of its speakers and its script stay."""
    cast: set[str] = set()
    if card.speakers_have_names:
        items = (item for split in reader.splits for item in reader.read(split))
        every = (one for item in items if isinstance(item, Dialogue) for one in item.utterances)
        cast = {one.speaker for one in every if one.speaker}
    if card.scripted:
        cast |= {*load_names(card.scripted, card.language).known}
    return PeopleFinder(cast, card.language)


def summarising(config: BuildConfig, card: Card, then: ReplyTask, model: str) -> Summarised | None:
    """Return the stage that tells of the turns before the window; None without it.

    Args:
        config: the build.
        card: the corpus's.
        then: drafts the reply.
        model: the one that tells.
    """
    if config.background != "model":
        return None
    return Summarised(then, model, wording_of(config, card))


def wording_of(config: BuildConfig, card: Card) -> SecondWording:
    """Return how turns and people are written in requests."""
    tells = config.background != "none"
    return SecondWording(card.speakers_have_names, script_of(config, card), tells)


def told_versions(config: BuildConfig, card: Card) -> dict[str, str]:
    """Return the versions of what names and summaries come from, where requests have them."""
    found = {}
    if script := script_of(config, card):
        found["names_version"] = script.version
    if config.background == "model":
        found["background_version"] = prompts.load(prompts.SUMMARY_TEMPLATE).version
    return found
