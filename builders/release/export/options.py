"""Export options, checked against the format and the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.errors import ConfigError, UsageError
from builders.release.export.format_table import Facts, Profile, formats, profiles
from builders.release.pairs.reply_pair import PEOPLE, SOURCES, checked_sources

DRAFTED = "drafted"
# What can be learnt from a reply that nobody drafted: no draft was edited or judged.
_OF_PEOPLE = ("sft", "grpo")
# The value of `audio_contribution.class` for each `--subset`.
SUBSETS = {"weak": "text_solvable", "strong": "audio_solvable"}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an export."""

    format: str
    task: str = "sft"
    profile: str | None = None
    system: str | None = None
    reply_audio: bool = False
    context_audio: bool = False
    subset: str | None = None
    strict: bool = False
    voice_words: bool = False
    replies: str = DRAFTED
    pairs_from: tuple[str, ...] = ()
    rewards: bool = False

    @property
    def of_people(self) -> bool:
        """Return whether people's replies are exported, and not the drafts."""
        return self.replies != DRAFTED

    @property
    def sources(self) -> tuple[str, ...]:
        """Return where the preference pairs come from, none for another task than dpo."""
        return (self.pairs_from or (PEOPLE,)) if self.task == "dpo" else ()

    @property
    def facts(self) -> Facts:
        """Return the properties of the format."""
        return formats()[self.format]

    @property
    def model(self) -> Profile | None:
        """Return the limits of the model, if one is given."""
        return profiles()[self.profile] if self.profile else None

    def as_json(self) -> dict[str, str | bool | tuple[str, ...] | None]:
        """Return the options by name, those of later versions only where they are given."""
        known = {name: getattr(self, name) for name in self.__slots__}
        defaults = {"replies": DRAFTED, "pairs_from": (), "rewards": False}
        return {n: v for n, v in known.items() if n not in defaults or v != defaults[n]}


def make_options(*, system_prompt: Path | None = None, **given: Any) -> Options:
    """Return validated options.

    Raises:
        UsageError: the format does not support the task, or two options exclude each other.
        ConfigError: the system prompt file cannot be used.
    """
    given["pairs_from"] = checked_sources(given.get("pairs_from") or (), SOURCES)
    speech = _check(Options(**given))
    if system_prompt and speech:
        raise UsageError(
            f"{given['profile']} produces speech only with its own system prompt",
            do="leave out --system-prompt or --reply-audio",
        )
    return Options(**given, system=_read(system_prompt) if system_prompt else speech)


def _check(options: Options) -> str | None:
    """Check what needs no file; return the system prompt required for the model's speech."""
    name, facts, model = options.format, options.facts, options.model
    if options.task not in facts.tasks:
        raise UsageError(
            f"{name} has no task {options.task}",
            expected=f"one of {', '.join(facts.tasks)}",
            do="pass one of them to --task",
        )
    if options.of_people and options.task not in _OF_PEOPLE:
        raise UsageError(
            f"--replies {options.replies} has no task {options.task}",
            expected=f"one of {', '.join(_OF_PEOPLE)}",
            do="pass one of them to --task, or leave out --replies",
        )
    if options.rewards and options.task != "grpo":
        raise UsageError(
            f"--rewards has no task {options.task}",
            expected="--task grpo, which trains on rewards",
            do="add --task grpo, or leave out --rewards",
        )
    if options.pairs_from and options.task != "dpo":
        raise UsageError(
            f"--pairs-from has no task {options.task}",
            expected="--task dpo, which trains on pairs",
            do="add --task dpo, or leave out --pairs-from",
        )
    if facts.needs_profile and model is None:
        raise UsageError(
            f"the format {name} depends on the model", do=f"add --profile {'|'.join(profiles())}"
        )
    if options.context_audio and not (facts.several and facts.mark):
        raise UsageError(
            f"the format {name} cannot hold the clips of earlier turns",
            do="leave out --context-audio",
        )
    if not options.reply_audio:
        return None
    if not facts.needs_profile or model is None:
        raise UsageError(
            f"the format {name} cannot hold a spoken reply",
            do="use --format chat, or leave out --reply-audio",
        )
    if not model.speaks:
        raise UsageError(
            f"{options.profile} answers in text only",
            do="choose another --profile "
            f"({', '.join(n for n, p in profiles().items() if p.speaks)})"
            ", or leave out --reply-audio",
        )
    return model.speech_system


def _read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the system prompt cannot be read ({error})",
            expected="a UTF-8 text file",
            do="check the path given with --system-prompt",
        ) from error
    if not text:
        raise ConfigError(
            "the system prompt is empty", where=path, do="write one, or leave out --system-prompt"
        )
    return text
