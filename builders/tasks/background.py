"""The background of a reply as a model tells it: what happened in the turns before the window.

A dialogue is often longer than what a prompt shows of it. A model is asked to tell of exactly the
turns before, in a sentence or two, before the reply is drafted; each beginning of a dialogue is a
question of its own, with one key, whoever asks. What is told that names a feeling is asked again
and then dropped, as it would give the label away; nothing is rejected for want of it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import Protocol

from builders.labels.vocabulary import feelings, vocabulary
from builders.llm import prompts
from builders.llm.exchange import Exchange
from builders.llm.request import NarrowedSchema, Request, seed_for
from builders.llm.task import HOPELESS, Steps
from builders.record.background import DialogueSummary
from builders.record.schema import Validator
from builders.record.types import Target, Turn
from builders.store.database import Answer, Store
from builders.tasks.question import read_fitting
from builders.tasks.reply.draft import Draft
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


class ReplyTask(Protocol):
    """The task that follows: it drafts the reply, with a caption before it or without one."""

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """See `Task`."""
        ...

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """See `Task`."""
        ...

    def prompt_version(self, subject: Target) -> str | None:
        """See `Task`."""
        ...


class Summarised:
    """Has the turns before a target's window told of, then the reply drafted, as one exchange.

    Args:
        then: drafts the reply.
        model: the model that tells.
        wording: how turns and people are written in requests.
    """

    def __init__(self, then: ReplyTask, model: str, wording: SecondWording) -> None:
        self._then = then
        self._model = model
        self._wording = wording
        self._template = prompts.load(prompts.SUMMARY_TEMPLATE)
        self._checker = Validator(_SCHEMA.document)

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request: about the turns before, unless that is settled."""
        if self.to_ask(subject):
            return self._request(subject, 0)
        return self._then.first_request(subject, number)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests: what was before is told first, unless that is settled."""
        if self.to_ask(subject):
            yield from self._tell(subject, first)
            first = self._then.first_request(subject)
        result = yield from self._then.steps(subject, first)
        if isinstance(result, Draft) and subject.summary:
            return replace(result, beside=result.beside + subject.summary.answers)
        return result

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the prompt for the reply."""
        return self._then.prompt_version(subject)

    def to_ask(self, target: Target) -> bool:
        """Return whether there are turns before the window of which nobody has told yet."""
        return bool(target.before) and target.summary is None

    def settled(self, targets: Iterable[Target], store: Store | None) -> list[Request]:
        """Settle what cached responses tell; return the requests for the others."""
        asked = []
        for target in targets:
            if not self.to_ask(target):
                continue
            exchange = Exchange(self, target)
            while target.summary is None:
                held = store.held([exchange.key]) if store else {}
                answer = held.get(exchange.key)
                if answer is None:
                    asked.append(exchange.request)
                    break
                exchange.take(answer)
        return asked

    def _tell(self, target: Target, first: Request) -> Generator[Request, Answer, None]:
        """Ask until something can stand or nothing will come, and settle it."""
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
        return Request(
            model=self._model,
            messages=({"role": "user", "content": text},),
            schema=_SCHEMA,
            audio_sha256=None,
            temperature=0.0,
            top_p=1.0,
            max_tokens=_TOKENS,
            seed=seed_for(f"{about}|background", attempt),
            record_id=target.id,
            attempt=attempt,
            prompt_version=self._template.version,
        )


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
