"""Drafting one reply: what is asked, what is asked again, and when it is given up.

One answer, at most two corrections, then one fresh attempt with another seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import orjson

from builders.audio.clip_format import NOT_HEARD
from builders.labels import strategies, vocabulary
from builders.llm import prompts
from builders.llm.request import (
    AudioInput,
    Message,
    NarrowedSchema,
    Request,
    VideoInput,
    seed_for,
)
from builders.llm.settings import Sampling
from builders.llm.task import HOPELESS, Accepted, GivenUp, Steps
from builders.record.redraft import Note
from builders.record.schema import Validator, as_document, load_schema, narrowed_reply
from builders.record.types import REVIEWED, CheckNote, Drafted, Emotions, Target, Utterance
from builders.store.database import Answer
from builders.tasks.reply.checks.candidate import Recited
from builders.tasks.reply.checks.reading import Reply, read_answer
from builders.tasks.reply.checks.registry import ReplyFault
from builders.tasks.reply.checks.scene import Setting
from builders.tasks.reply.demonstrations import Demonstration, Demonstrations

CORRECTIONS = 2
_FRESH = CORRECTIONS + 1
ATTEMPTS = _FRESH + 1

_OUTCOMES = {
    "refusal": "the model refused to answer",
    "truncated": "the answer was cut off before its end",
    "empty": "the answer was empty",
    "content_filter": "the endpoint's filter stopped the answer",
    "context_length": "the prompt is longer than the model takes",
    "refused": "the server refused this prompt again and again while it took others",
}
# Whose answer is what the server said of it.
_SERVERS_WORDS = frozenset({"content_filter", "context_length", "refused"})

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
class Draft:
    """An accepted reply: the model's answer, coerced and checked.

    `beside` counts the responses used up by its steps that were about something else; `notes` is
    what the checks note about it, `demonstrations` are the ids of the cases that the prompt showed.
    """

    reply: dict[str, Any]
    coercions: list[dict[str, str]]
    beside: int = 0
    notes: tuple[CheckNote, ...] = ()
    demonstrations: tuple[str, ...] = ()


def drafted(accepted: Accepted[Draft]) -> Drafted:
    """Return an accepted draft as the record has it."""
    draft = accepted.value
    return Drafted(
        draft.reply,
        draft.coercions,
        accepted.request_key,
        accepted.attempts - draft.beside,
        accepted.prompt_version,
        accepted.heard_audio,
        notes=draft.notes,
        demonstrations=draft.demonstrations,
    )


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
    plain = as_document(document)
    return _Form(NarrowedSchema(plain), Validator(plain), choices, words)


@dataclass(frozen=True, slots=True)
class PromptExtras:
    """What single records have beside the dialogue, in their prompts and in the checks of replies.

    `notes` are by record its earlier replies and what reviewers have against them, oldest first;
    what is asked about any other record does not depend on them. `hears` says whether the model is
    sent the clips, but for those that the findings say it is not, `sees` whether with the picture;
    `demonstrations` are cases of which each prompt shows a few. `language` is the corpus's,
    `recited` knows what is said elsewhere in it.
    """

    notes: Mapping[str, Sequence[Note]] = field(default_factory=dict)
    hears: bool = False
    demonstrations: Demonstrations | None = None
    language: str = "en"
    recited: Recited | None = None
    sees: bool = False


class Drafter:
    """Makes the requests for a build's targets.

    Args:
        model: the model's name, part of each request's key.
        persona: ``assistant`` or ``addressee``.
        label_source: what the corpus's annotators had before them.
        sampling: sampling values, part of each request's key.
        named: whether speakers are called as the corpus calls them, or by their part in the talk.
        extras: what single records have beside the dialogue, in their prompts and checks.
    """

    def __init__(
        self,
        model: str,
        persona: str,
        label_source: str,
        sampling: Sampling,
        named: bool = True,
        extras: PromptExtras | None = None,
    ) -> None:
        self._extras = extras or PromptExtras()
        self._setting = Setting(persona, self._extras.language, self._extras.recited)
        self._named = named
        reply = load_schema("reply")["properties"]
        system = prompts.load("draft/system.j2").render(
            persona=persona, reply_emotions=reply["emotion"]["enum"]
        )
        self._system: Message = {"role": "system", "content": system}
        self._user = prompts.load("draft/user.j2")
        self._correction = prompts.load("draft/correction.j2")
        self._redraft = prompts.load(prompts.REDRAFT_TEMPLATE)
        self._hear = prompts.load(prompts.HEAR_TEMPLATE)
        self._see = prompts.load(prompts.SEE_TEMPLATE)
        self._voice = prompts.load(prompts.VOICE_TEMPLATE)
        self._cases = prompts.load(prompts.DEMONSTRATIONS_TEMPLATE)
        self._chosen: tuple[str, tuple[Demonstration, ...]] = ("", ())
        self._model = model
        self._sampling = sampling
        self._label_source = label_source

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request about a target; nothing of the reference is in it.

        `number` counts how often the target was given up before.
        """
        return self._request(subject, number * ATTEMPTS)

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of a prompt that has more than all of them; None for the others."""
        more = [
            template.version
            for template, used in (
                (self._voice, subject.caption and subject.caption.text),
                (self._hear, self._audio(subject)),
                (self._cases, self._shown(subject)),
                (self._see, self._video(subject)),
                (
                    self._redraft,
                    any(note.reasons for note in self._extras.notes.get(subject.id, ())),
                ),
            )
            if used
        ]
        return ", ".join([prompts.draft_version(), *more]) if more else None

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests about a target from the first one on; return the draft, or why not.

        One answer, at most two corrections with the errors and the last answer, then one fresh
        attempt with another seed. A refusal or a cut-off answer has nothing to correct: the fresh
        attempt comes next.
        """
        form = _form(subject.emotions, _own_turns(subject))
        request, step = first, 0
        while True:
            answer = yield request
            verdict = _judge(answer, form, subject, self._setting)
            if isinstance(verdict, Reply):
                shown = tuple(case.id for case in self._shown(subject))
                return Draft(verdict.document, verdict.coercions, 0, verdict.notes, shown)
            if step == _FRESH or answer.outcome in HOPELESS:
                detail = "; ".join(fault.sentence for fault in verdict)
                return GivenUp(verdict[0].code, detail, answer.text)
            corrigible = answer.outcome == "ok" and step < CORRECTIONS
            step = step + 1 if corrigible else _FRESH
            request = self._again(
                subject, first, step, (answer.text, verdict) if corrigible else None
            )

    def _again(
        self, target: Target, first: Request, step: int, wrong: tuple[str, list[ReplyFault]] | None
    ) -> Request:
        """Return a later request: a correction of what was wrong, else a fresh attempt."""
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
        """Return the seed of an attempt; a record that is drafted again gets others than before."""
        again = len(self._extras.notes.get(target.id, ()))
        return seed_for(f"{target.id}|again {again}" if again else target.id, attempt)

    def _earlier(self, target: Target) -> Iterator[Message]:
        """Yield the replies that reviewers rejected, each with what they said against it."""
        for note in self._extras.notes.get(target.id, ()):
            if not note.reasons:
                continue
            yield {"role": "assistant", "content": _as_answered(note.reply)}
            yield {"role": "user", "content": self._redraft.render(reasons=list(note.reasons))}

    def _label_note(self, target: Target) -> str:
        said = target.utterance.annotation
        reviewed = said is not None and said.source == REVIEWED
        return _SOURCES[REVIEWED if reviewed else self._label_source]

    def _audio(self, target: Target) -> AudioInput | None:
        clip = target.clip
        if (
            not self._extras.hears
            or clip is None
            or NOT_HEARD in {found.code for found in clip.findings}
        ):
            return None
        return AudioInput(clip.flac, clip.sha256_pcm, clip.duration)

    def _shown(self, target: Target) -> tuple[Demonstration, ...]:
        known = self._extras.demonstrations
        if known is None:
            return ()
        if self._chosen[0] != target.id:  # asked for several times in a row
            cases = known.shown(target, self._setting.persona, _own_turns(target))
            self._chosen = target.id, cases
        return self._chosen[1]

    def _video(self, target: Target) -> VideoInput | None:
        clip, video = target.clip, target.video
        if not self._extras.sees or clip is None or video is None:
            return None
        sound = AudioInput(clip.flac, clip.sha256_pcm, clip.duration)
        return VideoInput(video.read, video.sha256, video.seconds, sound)

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
        if cases := self._shown(target):
            user = f"{self._cases.render(cases=[_as_shown(case) for case in cases])}\n\n{user}"
        audio = self._audio(target)
        if audio:
            user = f"{user}\n\n{self._hear.render(speaker=speaker)}"
        video = self._video(target)
        if video:
            user = f"{user}\n\n{self._see.render(speaker=speaker)}"
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
        if video:
            return request.with_video(video)
        return request.with_audio(audio) if audio else request


def speaker_name(utterance: Utterance, role: str, named: bool) -> str:
    """Return what a prompt calls a speaker: as the corpus does, or by the part in the talk."""
    if named:
        return utterance.speaker or "Unnamed"
    return _PARTS[role]


def _as_shown(case: Demonstration) -> dict[str, object]:
    """Return a case as the prompt's template takes it."""
    return {
        "turns": case.turns,
        "utterance": case.utterance,
        "emotion": case.emotion.replace("_", " "),
        "voice": case.voice,
        "strategies": ", ".join(case.strategies),
        "reply_emotion": case.reply_emotion.replace("_", " "),
        "reply": case.reply,
    }


def _as_answered(reply: Mapping[str, Any]) -> str:
    """Return a reply as the model was asked to write it, in one order wherever it was kept."""
    act_and_emotions = {name: reply["awareness"][name] for name in ("act", "emotions")}
    ordered = {name: reply[name] for name in ("text", "emotion", "strategies")}
    return orjson.dumps({**ordered, "awareness": act_and_emotions}).decode()


def _own_turns(target: Target) -> int:
    """Return how many earlier turns the target's speaker has; two are as good as more."""
    return min(2, sum(turn.role == "user" for turn in target.turns))


def _judge(
    answer: Answer, form: _Form, target: Target, setting: Setting
) -> Reply | list[ReplyFault]:
    if answer.outcome != "ok":
        said = _OUTCOMES.get(answer.outcome, answer.outcome)
        if answer.outcome in _SERVERS_WORDS and answer.text:
            said += f" ({answer.text})"
        return [ReplyFault(answer.outcome, said)]
    twin = target.contrast is not None and target.contrast.is_neutral_twin
    caption = target.caption.text if target.caption else None
    scene = setting.scene(target)
    return read_answer(answer.text, form.checker, target.emotions, twin, caption, scene)
