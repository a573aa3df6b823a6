"""Captions: how a clip sounds, as a model that hears says it, before the reply is drafted.

A caption is held against what was measured. One that contradicts it, guesses at a feeling or
repeats the words is dropped, and counted; nothing is rejected for want of a caption.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from builders.audio import caption_claims
from builders.audio.clip_format import NOT_HEARD
from builders.llm import prompts
from builders.llm.exchange import Exchange, replay
from builders.llm.request import AudioInput, Message, NarrowedSchema, Request
from builders.llm.task import GivenUp, Steps
from builders.record.types import Caption, Clip, Target
from builders.store.database import Answer, Store
from builders.tasks.question import Question, QuestionTask
from builders.tasks.reply.checks.wording import count_words, shares_run
from builders.tasks.reply.draft import Draft, Drafter
from builders.tasks.reply.planned import PlannedDrafter

# Why a clip has no caption if the model did not qualify.
NOT_QUALIFIED = "model_not_qualified"
_TOKENS = 300
# A caption that has so many words in a row of the utterance is a transcript of it.
_REPEATS, _REPEATS_LEAST = 4, 3


class Captioned:
    """Has each target's clip described, then its reply drafted, as one exchange.

    Args:
        drafter: makes the requests for replies.
        model: the model that describes clips.
        qualified: whether it proved fit; if not, it is asked about no clip.
    """

    def __init__(
        self, drafter: Drafter | PlannedDrafter, model: str, qualified: bool = True
    ) -> None:
        self.drafter = drafter
        self._qualified = qualified
        self.model = model
        self._questions = QuestionTask()
        self._schema = _schema()
        self._template = prompts.load(prompts.CAPTION_TEMPLATE)
        known = caption_claims.load_claims()
        says = (*caption_claims.SAYS, caption_claims.NOT_SAID)
        self._asked = self._template.render(claims=[*known.meanings.items()], says=says)

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request: about the clip, unless that is settled."""
        question = self.question(subject)
        if question is None:
            return self.drafter.first_request(subject, number)
        return self._questions.first_request(question)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests: the clip is described first, unless that is settled."""
        question = self.question(subject)
        if question is not None:
            yield from self._describe(subject, question, first)
            first = self.drafter.first_request(subject)
        result = yield from self.drafter.steps(subject, first)
        if isinstance(result, Draft) and subject.caption:
            return replace(result, beside=result.beside + subject.caption.answers)
        return result

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the prompt for the reply."""
        return self.drafter.prompt_version(subject)

    def question(self, target: Target) -> Question | None:
        """Return what is asked about a target's clip; None where it is settled or cannot be asked.

        Without a measurement nothing could be held against the answer.
        """
        if target.caption or target.clip is None or target.voice is None:
            return None
        if not self._qualified:
            target.caption = Caption(None, NOT_QUALIFIED, 0)
        elif NOT_HEARD in {found.code for found in target.clip.findings}:
            target.caption = Caption(None, NOT_HEARD, 0)
        elif not target.voice.reliable:
            target.caption = Caption(None, "not_measured", 0)
        else:
            return Question(target.id, "caption", self._request(target.id, target.clip))
        return None

    def settled(self, targets: Iterable[Target], store: Store | None) -> list[Request]:
        """Settle the captions whose responses are cached; return the requests for the others."""
        asked = []
        for target in targets:
            if self.question(target) is None:
                continue
            exchange = Exchange(self, target)
            if not replay(exchange, store, _has_caption):
                asked.append(exchange.request)
        return asked

    def _describe(
        self, target: Target, question: Question, first: Request
    ) -> Generator[Request, Answer, None]:
        """Ask until there is an answer or none will come, and settle the caption."""
        steps = self._questions.steps(question, first)
        request, answers = next(steps), 0
        while target.caption is None:
            answer = yield request
            answers += 1
            try:
                request = steps.send(answer)
            except StopIteration as ended:
                result = ended.value
                target.caption = (
                    Caption(None, result.reason, answers)
                    if isinstance(result, GivenUp)
                    else _caption(target, result, answers)
                )

    def _request(self, record_id: str, clip: Clip) -> Request:
        asked: Message = {"role": "user", "content": self._asked}
        version = self._template.version
        request = Request(
            self.model, (asked,), self._schema, None, 0.0, 1.0, _TOKENS, 0, record_id, 0, version
        )
        return request.with_audio(AudioInput(clip.flac, clip.sha256_pcm, clip.duration))


def version() -> str:
    """Return one version for how captions are asked for and checked."""
    return f"{prompts.load(prompts.CAPTION_TEMPLATE).version}, {caption_claims.version()}"


def _schema() -> NarrowedSchema:
    says = {"type": "string", "enum": [*caption_claims.SAYS, caption_claims.NOT_SAID]}
    names = [*caption_claims.load_claims().meanings]
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["caption", "claims"],
            "properties": {
                "caption": {"type": "string", "minLength": 10, "maxLength": 300},
                "claims": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": names,
                    "properties": dict.fromkeys(names, says),
                },
            },
        }
    )


def _caption(target: Target, answer: Mapping[str, Any], answers: int) -> Caption:
    """Return a caption held against the words and against what was measured."""
    text = " ".join(answer["caption"].split())
    run = min(_REPEATS, count_words(target.utterance.text))
    if run >= _REPEATS_LEAST and shares_run(text, target.utterance.text, run):
        return Caption(None, "repeats_words", answers)
    descriptors = target.voice.descriptors if target.voice else ()
    fault = caption_claims.fault_of(text, answer["claims"], descriptors)
    return Caption(None if fault else text, fault, answers)


def _has_caption(target: Target) -> bool:
    return target.caption is not None
