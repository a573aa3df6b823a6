"""Drafting one reply: what is asked, what is asked again, and when it is given up.

A round is a generator that yields requests and is sent the answer to each. Who drives it decides
where an answer comes from: the store, when it is held, or the endpoint. So a build that was killed
takes the same steps over held answers as it took over fresh ones.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson

from builders.audio.clip_format import NOT_HEARD
from builders.labels import strategies, vocabulary
from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request, Sound, seed_for
from builders.record.schema import Validator, load_schema, narrowed_reply
from builders.record.types import REVIEWED, CheckNote, Emotions, GivenUp, Target, Utterance
from builders.settings import Note
from builders.store.database import Answer
from builders.tasks.reply.checks.reading import Reply, read_answer
from builders.tasks.reply.checks.registry import ReplyFault

CORRECTIONS = 2
_FRESH = CORRECTIONS + 1
TRIES = _FRESH + 1
# An endpoint's answer that the same prompt can only bring again.
HOPELESS = frozenset({"context_length"})

_OUTCOMES = {
    "refusal": "the model refused to answer",
    "truncated": "the answer was cut off before its end",
    "empty": "the answer was empty",
    "content_filter": "the endpoint's filter stopped the answer",
    "context_length": "the prompt is longer than the model takes",
}

# How the people of a dialogue are called where the corpus has numbers for them.
_PARTS = {"user": "Speaker", "assistant": "Listener", "other": "Other"}

_SOURCES = {
    "audio_visual": "judged by people who saw and heard it",
    "voice": "judged by people who heard it",
    "text": "judged by people who read it",
    "self": "what the speaker was asked to tell of",
    "intended": "the emotion the actor was asked to show",
    REVIEWED: "as people hear it who reviewed this dialogue",
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the model samples, and how long its answer may be (in tokens)."""

    temperature: float = 0.8
    top_p: float = 1.0
    max_tokens: int = 400


@dataclass(frozen=True, slots=True)
class Draft:
    """An accepted reply: the model's answer, coerced and checked.

    `beside` counts the answers among those of its conversation that were about something else;
    `notes` is what the checks note about it.
    """

    reply: dict[str, Any]
    coercions: list[dict[str, str]]
    beside: int = 0
    notes: tuple[CheckNote, ...] = ()


Round = Generator[Request, Answer, "Draft | GivenUp"]


@dataclass(frozen=True, slots=True)
class _Form:
    """What the replies to one kind of label have in common: the schema and how it is checked."""

    schema: NarrowedSchema
    checker: Validator
    choices: prompts.Rendered
    words: str


@cache
def _form(emotions: Emotions, own_turns: int) -> _Form:
    allowed = strategies.allowed(emotions, own_turns)
    nodes = vocabulary.allowed_emotions(emotions)
    document = narrowed_reply(allowed, nodes)
    known = strategies.strategies()
    words = emotions.primary.replace("_", " ")
    if emotions.secondary:
        words += f", with some {emotions.secondary.replace('_', ' ')}"
    choices = prompts.load("draft/choices.j2").render(
        strategies=[(name, known[name].definition) for name in allowed],
        emotions=nodes,
        acts=document["properties"]["awareness"]["properties"]["act"]["enum"],
    )
    return _Form(NarrowedSchema(document), Validator(document), choices, words)


class Drafter:
    """Makes the requests for a build's targets.

    Attributes:
        notes: by record, its earlier replies and what reviewers have against them, oldest first;
            what is asked about any other record does not depend on them.
        hears: whether the model is sent the clips, but for those that the findings say it is not.

    Args:
        model: the model's name, part of each request's key.
        persona: ``assistant`` or ``addressee``.
        label_source: what the corpus's annotators had before them.
        sampling: sampling values, part of each request's key.
        named: whether speakers are called as the corpus calls them, or by their part in the talk.
    """

    def __init__(
        self,
        model: str,
        persona: str,
        label_source: str,
        sampling: Sampling,
        named: bool = True,
    ) -> None:
        self.notes: Mapping[str, Sequence[Note]] = {}
        self.hears = False
        self._named = named
        reply = load_schema("reply")["properties"]
        system = prompts.load("draft/system.j2").render(
            persona=persona, reply_emotions=reply["emotion"]["enum"]
        )
        self._system = {"role": "system", "content": system}
        self._user = prompts.load("draft/user.j2")
        self._correction = prompts.load("draft/correction.j2")
        self._redraft = prompts.load(prompts.REDRAFT_TEMPLATE)
        self._hear = prompts.load(prompts.HEAR_TEMPLATE)
        self._voice = prompts.load(prompts.VOICE_TEMPLATE)
        self._model = model
        self._sampling = sampling
        self._label_source = label_source

    def first_request(self, target: Target, number: int = 0) -> Request:
        """Return the request that opens a round about a target; nothing of the reference is in it.

        Rounds are counted from 0; a further one is made when a target that was given up is retried.
        """
        return self._request(target, number * TRIES)

    def prompt_version(self, target: Target) -> str | None:
        """Return the version of a prompt that has more than all of them; None for the others."""
        more = [
            template.version
            for template, used in (
                (self._voice, target.caption and target.caption.text),
                (self._hear, self._sound(target)),
                (self._redraft, any(note.reasons for note in self.notes.get(target.id, ()))),
            )
            if used
        ]
        return ", ".join([prompts.draft_version(), *more]) if more else None

    def round(self, target: Target, first: Request) -> Round:
        """Return one round about a target: yields requests, is sent answers, returns the outcome.

        One answer, at most two corrections with the errors and the last answer, then one fresh try
        with another seed. A refusal or a cut-off answer has nothing to correct: the fresh try comes
        next.
        """
        form = _form(target.emotions, _own_turns(target))
        request, step = first, 0
        while True:
            answer = yield request
            verdict = _judge(answer, form, target)
            if isinstance(verdict, Reply):
                return Draft(verdict.document, verdict.coercions, notes=verdict.notes)
            if step == _FRESH or answer.outcome in HOPELESS:
                detail = "; ".join(fault.sentence for fault in verdict)
                return GivenUp(verdict[0].code, detail, answer.text)
            corrigible = answer.outcome == "ok" and step < CORRECTIONS
            step = step + 1 if corrigible else _FRESH
            request = self._again(
                target, first, step, (answer.text, verdict) if corrigible else None
            )

    def _again(
        self, target: Target, first: Request, step: int, wrong: tuple[str, list[ReplyFault]] | None
    ) -> Request:
        """Return a later request of a round: a correction of what was wrong, else a fresh try."""
        messages = first.messages
        if wrong:
            errors = [fault.sentence for fault in wrong[1]]
            messages = (
                *messages,
                {"role": "assistant", "content": wrong[0]},
                {"role": "user", "content": self._correction.render(errors=errors)},
            )
        attempt = first.attempt + step
        return replace(first, messages=messages, attempt=attempt, seed=self._seed(target, attempt))

    def _seed(self, target: Target, attempt: int) -> int:
        """Return the seed of a try; a record that is drafted again gets others than before."""
        again = len(self.notes.get(target.id, ()))
        return seed_for(f"{target.id}|again {again}" if again else target.id, attempt)

    def _earlier(self, target: Target) -> Iterator[dict[str, Any]]:
        """Yield the replies that reviewers rejected, each with what they said against it."""
        for note in self.notes.get(target.id, ()):
            if not note.reasons:
                continue
            yield {"role": "assistant", "content": _as_answered(note.reply)}
            yield {"role": "user", "content": self._redraft.render(reasons=list(note.reasons))}

    def _label_note(self, target: Target) -> str:
        said = target.utterance.annotation
        reviewed = said is not None and said.source == REVIEWED
        return _SOURCES[REVIEWED if reviewed else self._label_source]

    def _sound(self, target: Target) -> Sound | None:
        clip = target.clip
        if not self.hears or clip is None or NOT_HEARD in {found.code for found in clip.findings}:
            return None
        return Sound(clip.flac, clip.sha256_pcm, clip.duration)

    def _voice_of(self, target: Target) -> str | None:
        """Return how the utterance was said: as measured, then as a listener put it."""
        words = target.voice.words if target.voice else None
        caption = target.caption.text if target.caption else None
        return self._voice.render(words=words, caption=caption) if caption else words

    def _request(self, target: Target, attempt: int) -> Request:
        form = _form(target.emotions, _own_turns(target))
        speaker = (self._named and target.utterance.speaker) or _PARTS["user"]
        user: str = self._user.render(
            background=target.background,
            background_origin=target.background_origin or "scene",
            turns=[
                (speaker_name(t.utterance, t.role, self._named), t.utterance.text)
                for t in target.turns
            ],
            speaker=speaker,
            addressee=target.addressee if self._named else target.addressee and _PARTS["assistant"],
            utterance=target.utterance.text,
            emotion=form.words,
            label_note=self._label_note(target),
            voice=self._voice_of(target),
            demonstrations=[],
            choices=form.choices,
        )
        sound = self._sound(target)
        if sound:
            user = f"{user}\n\n{self._hear.render(speaker=speaker)}"
        request = Request(
            model=self._model,
            messages=(self._system, {"role": "user", "content": user}, *self._earlier(target)),
            schema=form.schema,
            audio_sha256=None,
            temperature=self._sampling.temperature,
            top_p=self._sampling.top_p,
            max_tokens=self._sampling.max_tokens,
            seed=self._seed(target, attempt),
            record_id=target.id,
            attempt=attempt,
            prompt_version=self.prompt_version(target),
        )
        return request.hearing(sound) if sound else request


def speaker_name(utterance: Utterance, role: str, named: bool) -> str:
    """Return what a prompt calls a speaker: as the corpus does, or by the part in the talk."""
    if named:
        return utterance.speaker or "Unnamed"
    return _PARTS[role]


def _as_answered(reply: Mapping[str, Any]) -> str:
    """Return a reply as the model was asked to write it, in one order wherever it was kept."""
    act_and_emotions = {name: reply["awareness"][name] for name in ("act", "emotions")}
    ordered = {name: reply[name] for name in ("text", "emotion", "strategies")}
    return orjson.dumps({**ordered, "awareness": act_and_emotions}).decode()


def _own_turns(target: Target) -> int:
    """Return how many earlier turns the target's speaker has; two are as good as more."""
    return min(2, sum(turn.role == "user" for turn in target.turns))


def _judge(answer: Answer, form: _Form, target: Target) -> Reply | list[ReplyFault]:
    if answer.outcome != "ok":
        return [ReplyFault(answer.outcome, _OUTCOMES.get(answer.outcome, answer.outcome))]
    twin = target.contrast is not None and target.contrast.is_neutral_twin
    caption = target.caption.text if target.caption else None
    return read_answer(answer.text, form.checker, target.emotions, twin, caption)
