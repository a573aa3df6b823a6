"""The background of a reply as a model tells it: what happened in the turns before the window.

A dialogue is often longer than what a prompt shows of it. A model is asked to tell of exactly the
turns before, in a sentence or two, before the reply is drafted; each beginning of a dialogue is a
question of its own, with one key, whoever asks. What is told that names a feeling is asked again
and then dropped, as it would give the label away; nothing is rejected for want of it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace

from builders.labels.vocabulary import feelings, vocabulary
from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request, seed_for
from builders.llm.task import HOPELESS
from builders.record.background import DialogueSummary
from builders.record.schema import Validator
from builders.record.types import Target, Turn
from builders.store.database import Answer
from builders.tasks.question import read_fitting, to_ask
from builders.tasks.reply.before import BeforeReply, ReplyTask
from builders.tasks.reply.wording import SecondWording

ATTEMPTS = 3
_TOKENS = 300
_SCHEMA = NarrowedSchema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["background"],
        "properties": {"background": {"type": "string", "minLength": 10, "maxLength": 400}},
    }
)
# Labels that are words of other things, too, and tell of no feeling by themselves.
_NO_FEELING = frozenset({"neutral", "mixed", "unknown", "other", "ambiguous"})


class Summarised(BeforeReply):
    """Has the turns before a target's window told of, then the reply drafted, as one exchange.

    Args:
        then: drafts the reply.
        model: the model that tells.
        wording: how turns and people are written in requests.
    """

    def __init__(self, then: ReplyTask, model: str, wording: SecondWording) -> None:
        super().__init__(then)
        self._model = model
        self._wording = wording
        self._template = prompts.load(prompts.SUMMARY_TEMPLATE)
        self._checker = Validator(_SCHEMA.document)

    def opening(self, target: Target) -> Request | None:
        """Return the question where there are turns before the window that nobody told of yet."""
        if target.summary is not None or not target.before:
            return None
        return self._request(target, 0)

    def answers(self, target: Target) -> int:
        """See `BeforeReply`."""
        return target.summary.answers if target.summary else 0

    def asking(self, target: Target, first: Request) -> Generator[Request, Answer, None]:
        """Ask until something can stand or nothing will come, and settle it; see `BeforeReply`."""
        request = first
        for number in range(1, ATTEMPTS + 1):
            answer = yield request
            text, fault = self._read(answer, target)
            if not fault:
                target.summary = DialogueSummary(text, None, number)
                return
            if number == ATTEMPTS or answer.outcome in HOPELESS:
                target.summary = DialogueSummary(None, fault, number)
                return
            request = self._request(target, number)

    def _read(self, answer: Answer, target: Target) -> tuple[str | None, str | None]:
        """Return what an answer tells, with the corpus's own names, or why it cannot stand."""
        document, fault = read_fitting(answer, self._checker, _SCHEMA.document)
        if fault:
            return None, "invalid_answer" if answer.outcome == "ok" else answer.outcome
        text = " ".join(str(document["background"]).split())
        if names_feeling(text):
            return None, "names_feeling"
        _, names = self._wording.before(target)
        return names.show(text) if names else text, None

    def _request(self, target: Target, attempt: int) -> Request:
        """Return the question about the turns before a window; nothing else is in it."""
        turns, _ = self._wording.before(target)
        text = self._template.render(turns=turns)
        about = _last(target.before)
        version = self._template.version
        request = to_ask(self._model, text, _SCHEMA, _TOKENS, target.id, version)
        seed = seed_for(f"{about}|background", attempt)
        return replace(request, seed=seed, attempt=attempt)


def names_feeling(text: str) -> bool:
    """Return whether a text names a feeling, in a label or one of its other words."""
    if feelings().named_in(text):
        return True
    known = vocabulary()
    words = (known.resolve(word.strip(".,;:!?'\"()“”‘’")) for word in text.split())
    return any(node and node not in _NO_FEELING for node in words)


def _last(turns: Iterable[Turn]) -> str:
    """Return the id of the last turn of a beginning of a dialogue, which names that beginning."""
    *_, last = turns
    return last.utterance.id
