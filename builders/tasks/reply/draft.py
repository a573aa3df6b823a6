"""Drafting one reply: what is asked, what is asked again, and when it is given up.

One answer, at most two corrections, then one fresh attempt with another seed.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from builders.llm.request import Request, key
from builders.llm.settings import Sampling
from builders.llm.task import HOPELESS, Accepted, GivenUp, Steps
from builders.record.planned_reply import CheckNote, PlannedReply
from builders.record.reply_views import ExecutedPart
from builders.record.types import Drafted, Target
from builders.store.database import Answer
from builders.tasks.reply.asking import PromptExtras, ReplyPrompts
from builders.tasks.reply.checks.candidate import Scene
from builders.tasks.reply.checks.reading import Reply, read_answer
from builders.tasks.reply.checks.registry import ReplyFault
from builders.tasks.reply.checks.verdicts import Keeps, digest_of, held, verdict_of, words_in
from builders.tasks.reply.executing import Tagger
from builders.tasks.reply.found import FoundReply, better

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


@dataclass(frozen=True, slots=True)
class Draft:
    """An accepted reply: the model's answer, coerced and checked.

    `request` is the one whose answer it is; `beside` counts the responses used up that were about
    something else; `notes` is what the checks note about it, `demonstrations` are the ids of the
    cases that the prompt showed. `plan` is what the reply was to do, `executed` what it does.
    """

    reply: dict[str, Any]
    coercions: list[dict[str, str]]
    request: Request | None = None
    beside: int = 0
    notes: tuple[CheckNote, ...] = ()
    demonstrations: tuple[str, ...] = ()
    plan: PlannedReply | None = None
    executed: ExecutedPart | None = None


def drafted(accepted: Accepted[Draft]) -> Drafted:
    """Return an accepted draft as the record has it."""
    draft = accepted.value
    request = draft.request
    return Drafted(
        draft.reply,
        draft.coercions,
        key(request) if request else accepted.request_key,
        accepted.attempts - draft.beside,
        accepted.prompt_version,
        _has_sound(request) if request else accepted.heard_audio,
        notes=draft.notes,
        demonstrations=draft.demonstrations,
        plan=draft.plan,
        executed=draft.executed,
    )


def _has_sound(request: Request) -> bool:
    return request.audio_sha256 is not None or request.video is not None


class Drafter:
    """Has a reply written to each of a build's targets; a task.

    Args:
        model: the model's name, part of each request's key.
        persona: ``assistant`` or ``addressee``.
        label_source: what the corpus's annotators had before them.
        sampling: sampling values, part of each request's key.
        named: whether speakers are called as the corpus calls them, or by their part in the talk.
        extras: what single records have beside the dialogue, in their prompts and checks.
        tagger: finds what the replies do; None where nobody looks.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part
        self,
        model: str,
        persona: str,
        label_source: str,
        sampling: Sampling,
        named: bool = True,
        extras: PromptExtras | None = None,
        tagger: Tagger | None = None,
    ) -> None:
        self._tagger = tagger
        self._keep: Keeps | None = None
        self._prompts = ReplyPrompts(model, persona, label_source, sampling, named, extras)

    @property
    def prompts(self) -> ReplyPrompts:
        """Return the maker of requests."""
        return self._prompts

    def keep_verdicts(self, keep: Keeps) -> None:
        """Have it told of each verdict, so that it comes with the answer another time."""
        self._keep = keep

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request about a target; nothing of the reference is in it.

        `number` counts how often the target was given up before.
        """
        return self._prompts.first(subject, number * ATTEMPTS)

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of a prompt that has more than all of them; None for the others."""
        return self._prompts.prompt_version(subject)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests about a target from the first one on; return the draft, or why not.

        One answer, at most two corrections with the errors and the last answer, then one fresh
        attempt with another seed. A refusal or a cut-off answer has nothing to correct: the fresh
        attempt comes next. Once a reply that is accepted does something else than planned, one of
        the corrections says so; the better of the two replies is taken then.
        """
        request, step = first, 0
        earlier: FoundReply | None = None
        while True:
            answer = yield request
            shown = self._prompts.shown(subject)
            texts = tuple(text for case in shown for text in case.texts)
            scene = self._prompts.setting.scene(subject, texts)
            verdict = self._judge(request, answer, subject, scene)
            if isinstance(verdict, Reply):
                found = yield from self._found(subject, request, verdict)
                if earlier or step >= CORRECTIONS or not found.faults:
                    return self._draft(subject, better(earlier, found))
                earlier, errors = found, list(found.faults)
            else:
                if earlier:
                    return self._draft(subject, earlier)
                errors = [fault.sentence for fault in verdict]
                if step == _FRESH or answer.outcome in HOPELESS:
                    return GivenUp(verdict[0].code, "; ".join(errors), answer.text)
            corrigible = answer.outcome == "ok" and step < CORRECTIONS
            step = step + 1 if corrigible else _FRESH
            wrong = (answer.text, errors) if corrigible else None
            request = self._prompts.again(subject, first, step, wrong)

    def _judge(
        self, request: Request, answer: Answer, target: Target, scene: Scene
    ) -> Reply | list[ReplyFault]:
        """Return the checked reply of an answer, or what is wrong with it."""
        if answer.outcome != "ok":
            return _no_reply(answer)
        twin = target.contrast is not None and target.contrast.is_neutral_twin
        caption = target.caption.text if target.caption else None
        form, own_names = self._prompts.form(target), partial(self._prompts.own_names, target)
        beside = (target.emotions, twin, caption, scene)
        words = words_in(answer.text)
        if words is None:  # found with more effort, and seldom: it is checked every time
            return read_answer(answer.text, form.checker, *beside, own_names)
        digest = digest_of(answer.text, own_names(words), form.checked, *beside)
        if kept := held(answer, digest):
            return kept
        found = read_answer(answer.text, form.checker, *beside, own_names)
        if self._keep:
            self._keep(key(request), verdict_of(answer, digest, found))
        return found

    def _found(
        self, target: Target, request: Request, reply: Reply
    ) -> Generator[Request, Answer, FoundReply]:
        """Have the tagger look at an accepted reply."""
        executed = None
        if self._tagger:
            text = str(reply.document["text"])
            executed = yield from self._tagger.tags(target, text, self._prompts)
        return FoundReply(request, reply, self._prompts.plan(target), executed)

    def _draft(self, target: Target, found: FoundReply) -> Draft:
        shown = tuple(case.id for case in self._prompts.shown(target))
        return Draft(
            found.document,
            found.coercions,
            found.request,
            found.beside,
            found.notes,
            shown,
            found.plan,
            found.executed_part,
        )


def _no_reply(answer: Answer) -> list[ReplyFault]:
    said = _OUTCOMES.get(answer.outcome, answer.outcome)
    if answer.outcome in _SERVERS_WORDS and answer.text:
        said += f" ({answer.text})"
    return [ReplyFault(answer.outcome, said)]
