"""What a prompt tells a model of a target, under each version of the prompt.

Version 1 is kept for stores that it filled: its prompts have every byte that they had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from builders.llm import prompts
from builders.record.background import people, without_people
from builders.record.planned_reply import PlannedReply
from builders.record.schema import load_schema
from builders.record.types import Target, Turn, Utterance
from builders.tasks.reply.circumstances import own_turns
from builders.tasks.reply.form import ReplyForm, as_answered, first_form_of, form_of
from builders.tasks.reply.names import NameTables, OtherNames

# How the people of a dialogue are called where the corpus has numbers for them.
_PARTS = {"user": "Speaker", "assistant": "Listener", "other": "Other"}
# A turn, or an utterance, of more words than this is shown by its beginning and its end.
_LONGEST_TURN, _LONGEST_UTTERANCE = 300, 1000
_LEFT_OUT = " […] "


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a target beside its dialogue, in words for its prompt.

    `plan` is what its reply is to do; None where nothing is planned.
    """

    label_note: str
    voice: str | None
    plan: PlannedReply | None = None


# So many targets are kept with their names.
_LAST = 1024


class PromptWording(Protocol):
    """What the prompts of one version say."""

    version: str

    def system(self, persona: str) -> str:
        """Return what all prompts of a build begin with."""

    def form(self, target: Target, plan: PlannedReply | None) -> ReplyForm:
        """Return the schema of the replies to a target, and its choices in words."""

    def user(self, target: Target, told: Told) -> str:
        """Return what a prompt says of a target."""

    def name(self, target: Target) -> str:
        """Return what a target's speaker is called."""

    def answered(self, target: Target, reply: Mapping[str, Any]) -> str:
        """Return an earlier reply to a target as the model was asked to write it."""

    def hide(self, target: Target, text: str) -> str:
        """Return a text about a target with the names that its prompt has."""

    def show(self, target: Target, text: str) -> str:
        """Return a text that a model wrote with the corpus's own names."""


class FirstWording:
    """Version 1 of the prompt.

    Args:
        named: whether speakers are called as the corpus calls them.
    """

    def __init__(self, named: bool) -> None:
        self.version = prompts.draft_version(1)
        self._named = named
        self._user = prompts.drafting("user", 1)

    def system(self, persona: str) -> str:
        """See `PromptWording`."""
        spoken = load_schema("reply")["properties"]["emotion"]["enum"]
        return prompts.drafting("system", 1).render(persona=persona, reply_emotions=spoken)

    def form(self, target: Target, plan: PlannedReply | None) -> ReplyForm:
        """See `PromptWording`; version 1 has no plans."""
        return first_form_of(target.emotions, own_turns(target))

    def user(self, target: Target, told: Told) -> str:
        """See `PromptWording`."""
        form = self.form(target, None)
        addressee = target.addressee if self._named else target.addressee and _PARTS["assistant"]
        return self._user.render(
            background=target.background,
            background_origin=target.background_origin or "scene",
            turns=[
                (speaker_name(t.utterance, t.role, self._named), t.utterance.text)
                for t in target.turns
            ],
            speaker=self.name(target),
            addressee=addressee,
            utterance=target.utterance.text,
            emotion=form.words,
            label_note=told.label_note,
            voice=told.voice,
            demonstrations=[],
            choices=form.choices,
        )

    def name(self, target: Target) -> str:
        """See `PromptWording`."""
        return (self._named and target.utterance.speaker) or _PARTS["user"]

    def answered(self, target: Target, reply: Mapping[str, Any]) -> str:
        """See `PromptWording`."""
        return as_answered(reply, first_order=True)

    def hide(self, target: Target, text: str) -> str:
        """Return the text: version 1 has the corpus's own names."""
        return text

    def show(self, target: Target, text: str) -> str:
        """Return the text: version 1 has the corpus's own names."""
        return text


class SecondWording:
    """Version 2 of the prompt.

    Args:
        named: whether speakers are called as the corpus calls them.
        script: the names of a script, for which others are given in requests; None without one.
        background: whether a prompt tells of the background.
    """

    def __init__(self, named: bool, script: NameTables | None, background: bool = True) -> None:
        self.version = prompts.draft_version()
        self._named = named
        self._script = script
        self._background = background
        self._user = prompts.drafting("user")
        # Of the targets that were asked about last: their answers come while others are asked.
        self._last: dict[str, tuple[Target, OtherNames]] = {}
        self._reading: OtherNames | None = None

    def system(self, persona: str) -> str:
        """See `PromptWording`."""
        return prompts.drafting("system").render(persona=persona)

    def form(self, target: Target, plan: PlannedReply | None) -> ReplyForm:
        """See `PromptWording`."""
        planned, spoken = (plan.strategies, plan.reply_emotions) if plan else ((), ())
        return form_of(target.emotions, own_turns(target), planned, spoken)

    def user(self, target: Target, told: Told) -> str:
        """See `PromptWording`."""
        form = self.form(target, told.plan)
        contrast = target.contrast
        return self._user.render(
            **self.talk(target),
            background_origin=self._origin(target),
            addressee=self._addressee(target),
            emotion=form.words,
            label_note=told.label_note,
            voice=told.voice,
            same_words=contrast is not None and contrast.group is not None,
            choices=form.choices,
            plan=_planned(told.plan),
        )

    def talk(self, target: Target) -> dict[str, object]:
        """Return what was said up to a target, by the parts that every question about it has."""
        return {
            "background": self._told_before(target),
            "turns": self._turns(target.turns, self._names(target)),
            "speaker": self.name(target),
            "utterance": self.hide(target, shortened(target.utterance.text, _LONGEST_UTTERANCE)),
        }

    def name(self, target: Target) -> str:
        """See `PromptWording`."""
        return self._called(target.utterance, "user", self._names(target)) or _PARTS["user"]

    def answered(self, target: Target, reply: Mapping[str, Any]) -> str:
        """See `PromptWording`."""
        return as_answered({**reply, "text": self.hide(target, reply["text"])})

    def hide(self, target: Target, text: str) -> str:
        """See `PromptWording`."""
        names = self._names(target)
        return names.hide(text) if names else text

    def show(self, target: Target, text: str) -> str:
        """See `PromptWording`."""
        names = self._names(target)
        return names.show(text) if names else text

    def before(self, target: Target) -> tuple[list[tuple[str, str]], OtherNames | None]:
        """Return the turns before a target's window as `_turns` does, and the names in them.

        What is said later has no part in either.
        """
        said = [turn.utterance for turn in target.before]
        names = OtherNames(self._script, said) if self._script else None
        return self._turns(target.before, names), names

    def _turns(self, turns: Sequence[Turn], names: OtherNames | None) -> list[tuple[str, str]]:
        """Return turns, each with who speaks; the longest ones cut."""
        shown = []
        for turn in turns:
            said, text = turn.utterance, shortened(turn.utterance.text)
            who = self._called(said, turn.role, names) or "Unnamed"
            shown.append((who, names.hide(text) if names else text))
        return shown

    def _names(self, target: Target) -> OtherNames | None:
        if self._script is None:
            return None
        known = self._last.get(target.id)
        if known and known[0] is target:
            return known[1]
        turns = (turn.utterance for turn in (*target.before, *target.turns))
        said = [*turns, target.utterance]
        # The targets of a dialogue come in order: nothing of it is read twice.
        if self._reading is None or not self._reading.go_on(said):
            self._reading = OtherNames(self._script, said)
        names = self._reading.so_far(target.addressee)
        if len(self._last) >= _LAST:
            del self._last[next(iter(self._last))]
        self._last[target.id] = target, names
        return names

    def _called(self, said: Utterance, role: str, names: OtherNames | None) -> str | None:
        if not self._named:
            return _PARTS[role]
        return names.label(said.speaker) if names and said.speaker else said.speaker

    def _label(self, target: Target, speaker: str) -> str:
        names = self._names(target)
        return names.label(speaker) if names else speaker

    def _addressee(self, target: Target) -> str | None:
        if target.addressee is None:
            return None
        return self._label(target, target.addressee) if self._named else _PARTS["assistant"]

    def _told_before(self, target: Target) -> str | None:
        """Return the background, or what the turns before the window tell."""
        if not self._background:
            return None
        if target.summary and target.summary.text:
            return self.hide(target, target.summary.text)
        origin = target.background_origin or "scene"
        told = without_people(target.background, origin)
        told = told and self.hide(target, told)
        if origin == "scene" and (also := self._also_there(target)):
            told = f"{told} {also}" if told else also
        return told

    def _origin(self, target: Target) -> str:
        """Return where the background is from: the turns before the window where told of."""
        if not self._background:
            return "scene"
        told = target.summary and target.summary.text
        return "summary" if told else target.background_origin or "scene"

    def _also_there(self, target: Target) -> str | None:
        """Return who is present, if somebody has spoken whom the shown turns do not name."""
        if not (self._named and target.before):
            return None
        before, shown = _speakers(target.before), _speakers(target.turns)
        here = {*shown, *people(target.utterance.speaker or "")}
        others = [one for one in before if one not in here]
        named = ", ".join(self._label(target, one) for one in others)
        return f"Also there: {named}." if others else None


def _speakers(turns: Sequence[Turn]) -> list[str]:
    """Return each person who speaks in turns, once."""
    every = (one for turn in turns for one in people(turn.utterance.speaker or ""))
    return list(dict.fromkeys(every))


def _planned(plan: PlannedReply | None) -> prompts.Rendered | None:
    """Return a plan as a prompt says it."""
    if plan is None:
        return None
    template = prompts.load(prompts.PLAN_TEMPLATE)
    return _plan_words(template, plan.strategies, plan.words, plan.reply_emotions)


# A build plans the same few things again and again.
@lru_cache(maxsize=1024)
def _plan_words(
    template: prompts.Template,
    strategies: tuple[str, ...],
    words: tuple[int, int],
    reply_emotions: tuple[str, ...],
) -> prompts.Rendered:
    low, high = map(str, words)
    return template.render(strategies=strategies, low=low, high=high, reply_emotions=reply_emotions)


def speaker_name(utterance: Utterance, role: str, named: bool) -> str:
    """Return what a prompt calls a speaker: as the corpus does, or by the part in the talk."""
    if named:
        return utterance.speaker or "Unnamed"
    return _PARTS[role]


def shortened(text: str, most: int = _LONGEST_TURN) -> str:
    """Return a text of more than `most` words by its beginning and its end."""
    words = text.split()
    if len(words) <= most:
        return text
    return f"{' '.join(words[: most // 2])}{_LEFT_OUT}{' '.join(words[-(most // 2) :])}"
