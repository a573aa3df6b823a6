"""The requests for a reply: all that a model is told about a target.

What a prompt says is in `wording`; here are the clips beside it, the examples before it, the
corrections and the replies that reviewers turned down. What becomes of the answers is in `draft`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, TypeVar

from builders.audio.clip_format import NOT_HEARD
from builders.llm import prompts
from builders.llm.request import AudioInput, Message, Request, VideoInput, seed_for
from builders.llm.settings import DRAFT_VERSION, Sampling
from builders.record.planned_reply import PlannedReply
from builders.record.redraft import Note
from builders.record.types import LANGUAGE_UNCHECKED, REVIEWED, Target
from builders.tasks.reply.checks.candidate import Recited
from builders.tasks.reply.checks.scene import Setting
from builders.tasks.reply.circumstances import own_turns
from builders.tasks.reply.demonstrations import Demonstration, Demonstrations
from builders.tasks.reply.form import ReplyForm
from builders.tasks.reply.names import NameTables
from builders.tasks.reply.planning import Planner
from builders.tasks.reply.wording import FirstWording, PromptWording, SecondWording, Told

T = TypeVar("T")
# So many targets may be under way at once before anything is found anew.
_REMEMBERED = 1024
_SOURCES = {
    "audio_visual": "judged by people who saw and heard it",
    "voice": "judged by people who heard it",
    "text": "judged by people who read it",
    "self": "what the speaker was asked to tell of",
    "intended": "the emotion the actor was asked to show",
    REVIEWED: "as people hear it who reviewed this dialogue",
}


@dataclass(frozen=True, slots=True)
class PromptExtras:
    """What single records have beside the dialogue, in their prompts and in the checks of replies.

    `notes` are by record its earlier replies and what reviewers have against them, oldest first;
    what is asked about any other record does not depend on them. `hears` says whether the model is
    sent the clips, but for those that the findings say it is not, `sees` whether with the picture;
    `demonstrations` are cases of which each prompt shows a few. `language` is that of the replies,
    `recited` knows what is said elsewhere in it. `prompt` is the version of the prompt, `script`
    the names of a script, for which others are given in requests, None to keep them; `background`
    says whether prompts tell of the background, `planner` what a reply is to do. `draft` is the
    number of the draft among those of one model, of which only the seed knows.
    """

    notes: Mapping[str, Sequence[Note]] = field(default_factory=dict)
    hears: bool = False
    demonstrations: Demonstrations | None = None
    language: str = "en"
    recited: Recited | None = None
    sees: bool = False
    prompt: int = DRAFT_VERSION
    script: NameTables | None = None
    background: bool = True
    planner: Planner | None = None
    draft: int = 1


class _Case(NamedTuple):
    """A case as the template of the cases takes it."""

    turns: list[tuple[str, str]]
    utterance: str
    emotion: str
    voice: str | None
    strategies: str
    reply_emotion: str
    reply: str


class _Latest(Generic[T]):
    """What was found for the latest targets; many are under way at once, and each asks again."""

    def __init__(self) -> None:
        self._found: dict[str, T] = {}

    def of(self, target: Target, find: Callable[[Target], T]) -> T:
        """Return what is found for a target, anew where that was long ago."""
        name = target.id
        if name not in self._found:
            if len(self._found) >= _REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[name] = find(target)
        return self._found[name]


class ReplyPrompts:
    """Writes the requests for a build's replies; see `Drafter` for the arguments."""

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
        self._wording = _wording(named, self._extras)
        self._system: Message = {"role": "system", "content": self._wording.system(persona)}
        self._correction = prompts.drafting("correction", self._extras.prompt)
        self._redraft = {
            "people": prompts.load(prompts.REDRAFT_TEMPLATE),
            "checks": prompts.load(prompts.FLAGGED_TEMPLATE),
        }
        self._hear = prompts.load(prompts.HEAR_TEMPLATE)
        self._see = prompts.load(prompts.SEE_TEMPLATE)
        self._language = prompts.load(prompts.LANGUAGE_TEMPLATE)
        self._voice = prompts.load(prompts.VOICE_TEMPLATE)
        self._cases = prompts.load(prompts.DEMONSTRATIONS_TEMPLATE)
        self._planned = prompts.load(prompts.PLAN_TEMPLATE)
        self._drawn: _Latest[PlannedReply | None] = _Latest()
        self._chosen: _Latest[tuple[Demonstration, ...]] = _Latest()
        self._model = model
        self._sampling = sampling
        self._label_source = label_source

    @property
    def setting(self) -> Setting:
        """Return what all replies have in common for their checks."""
        return self._setting

    def form(self, target: Target) -> ReplyForm:
        """Return the schema and the choices of the replies to a target."""
        return self._wording.form(target, self.plan(target))

    def plan(self, target: Target) -> PlannedReply | None:
        """Return what the reply to a target is to do; None where nothing is planned."""
        planner = self._extras.planner
        if target.plan or planner is None:
            return target.plan
        return self._drawn.of(target, planner.plan_for)

    def hidden(self, target: Target, text: str) -> str:
        """Return a text as a request about a target may hold it: without the corpus's own names."""
        return self._wording.hide(target, text)

    def own_names(self, target: Target, text: str) -> str:
        """Return a text that a model wrote with the corpus's own names."""
        return self._wording.show(target, text)

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of a prompt that has more than all of them; None for the others."""
        notes = self._extras.notes.get(subject.id, ())
        against = {note.by for note in notes if note.reasons}
        more = [
            template.version
            for template, used in (
                (self._voice, subject.caption and subject.caption.text),
                (self._hear, self._audio(subject)),
                (self._cases, self.shown(subject)),
                (self._language, LANGUAGE_UNCHECKED in subject.utterance.flags),
                (self._see, self._video(subject)),
                (self._planned, self.plan(subject)),
                *((template, by in against) for by, template in self._redraft.items()),
            )
            if used
        ]
        return ", ".join([self._wording.version, *more]) if more else None

    def again(
        self, target: Target, first: Request, step: int, wrong: tuple[str, Sequence[str]] | None
    ) -> Request:
        """Return a later request: a correction, else a fresh attempt.

        `wrong` is the last answer and what was wrong with it, a sentence each.
        """
        messages = first.messages
        if wrong:
            errors = [self._wording.hide(target, error) for error in wrong[1]]
            messages = (
                *messages,
                {"role": "assistant", "content": wrong[0]},
                {"role": "user", "content": self._correction.render(errors=errors)},
            )
        attempt = first.attempt + step
        return replace(first, messages=messages, attempt=attempt, seed=self._seed(target, attempt))

    def _seed(self, target: Target, attempt: int) -> int:
        """Return the seed of an attempt; a record that is drafted again gets others than before."""
        again, draft = len(self._extras.notes.get(target.id, ())), self._extras.draft
        name = f"{target.id}|again {again}" if again else target.id
        return seed_for(f"{name}|draft {draft}" if draft > 1 else name, attempt)

    def _earlier(self, target: Target) -> Iterator[Message]:
        """Yield the replies that were not good enough, each with what was said against it."""
        for note in self._extras.notes.get(target.id, ()):
            if not note.reasons:
                continue
            yield {"role": "assistant", "content": self._wording.answered(target, note.reply)}
            reasons = [self._wording.hide(target, reason) for reason in note.reasons]
            said = self._redraft[note.by].render(reasons=reasons)
            yield {"role": "user", "content": said}

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

    def shown(self, target: Target) -> tuple[Demonstration, ...]:
        """Return the cases that the prompt about a target shows."""
        known = self._extras.demonstrations
        if known is None:
            return ()
        return self._chosen.of(
            target,
            lambda _: known.shown(
                target, self._setting.persona, own_turns(target), self.plan(target)
            ),
        )

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

    def first(self, target: Target, attempt: int) -> Request:
        """Return the first request of an attempt; nothing of the reference is in it."""
        told = Told(self._label_note(target), self._voice_of(target), self.plan(target))
        user = self._wording.user(target, told)
        if cases := self.shown(target):
            shown = [self._case(target, case) for case in cases]
            user = f"{self._cases.render(cases=shown)}\n\n{user}"
        audio = self._audio(target)
        if audio:
            user = f"{user}\n\n{self._hear.render(speaker=self._wording.name(target))}"
        if LANGUAGE_UNCHECKED in target.utterance.flags:
            user = f"{user}\n\n{self._language.render(speaker=self._wording.name(target))}"
        video = self._video(target)
        if video:
            user = f"{user}\n\n{self._see.render(speaker=self._wording.name(target))}"
        request = Request(
            model=self._model,
            messages=(self._system, {"role": "user", "content": user}, *self._earlier(target)),
            schema=self.form(target).schema,
            audio_sha256=None,
            temperature=self._sampling.temperature,
            top_p=self._sampling.top_p,
            max_tokens=self._sampling.max_tokens,
            seed=self._seed(target, attempt),
            record_id=target.id,
            attempt=attempt,
            prompt_version=self.prompt_version(target) or self._wording.version,
        )
        if video:
            return request.with_video(video)
        return request.with_audio(audio) if audio else request

    def _case(self, target: Target, case: Demonstration) -> _Case:
        """Return a case as the prompt's template takes it."""
        hide = self._wording.hide
        return _Case(
            turns=[(hide(target, who), hide(target, text)) for who, text in case.turns],
            utterance=hide(target, case.utterance),
            emotion=case.emotion.replace("_", " "),
            voice=case.voice,
            strategies=", ".join(case.strategies),
            reply_emotion=case.reply_emotion.replace("_", " "),
            reply=hide(target, case.reply),
        )


def _wording(named: bool, extras: PromptExtras) -> PromptWording:
    if extras.prompt == 1:
        return FirstWording(named)
    return SecondWording(named, extras.script, extras.background)
