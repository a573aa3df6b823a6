"""Captions: how a clip sounds, as a model that hears says it, before the reply is drafted.

A caption is held against what was measured. One that contradicts it, guesses at a feeling or
repeats the words is dropped, and counted; nothing is rejected for want of a caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builders.audio import caption_claims
from builders.audio.clip_format import NOT_HEARD
from builders.llm import prompts
from builders.llm.request import AudioInput, NarrowedSchema, Request
from builders.llm.task import GivenUp
from builders.record.types import Caption, Clip, Target
from builders.tasks.question import Question, to_ask
from builders.tasks.reply.before import QuestionBeforeReply, ReplyTask
from builders.tasks.reply.checks.wording import count_words, shares_run

# Why a clip has no caption if the model did not qualify.
NOT_QUALIFIED = "model_not_qualified"
_TOKENS = 300
# A caption that has so many words in a row of the utterance is a transcript of it.
_REPEATS, _REPEATS_LEAST = 4, 3


class Captioned(QuestionBeforeReply):
    """Has each target's clip described, then its reply drafted, as one exchange.

    Args:
        drafter: makes the requests for replies.
        model: the model that describes clips.
        qualified: whether it proved fit; if not, it is asked about no clip.
    """

    def __init__(self, drafter: ReplyTask, model: str, qualified: bool = True) -> None:
        super().__init__(drafter)
        self._qualified = qualified
        self.model = model
        self._schema = _schema()
        self._template = prompts.load(prompts.CAPTION_TEMPLATE)
        known = caption_claims.load_claims()
        says = (*caption_claims.SAYS, caption_claims.NOT_SAID)
        self._asked = self._template.render(claims=[*known.meanings.items()], says=says)

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

    def settle(self, target: Target, result: dict[str, Any] | GivenUp, answers: int) -> None:
        """Take the caption, held against the words and the measurement, or note why there is none.

        See `QuestionBeforeReply`.
        """
        target.caption = (
            Caption(None, result.reason, answers)
            if isinstance(result, GivenUp)
            else _caption(target, result, answers)
        )

    def answers(self, target: Target) -> int:
        """See `BeforeReply`."""
        return target.caption.answers if target.caption else 0

    def _request(self, record_id: str, clip: Clip) -> Request:
        request = to_ask(
            self.model, self._asked, self._schema, _TOKENS, record_id, self._template.version
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
