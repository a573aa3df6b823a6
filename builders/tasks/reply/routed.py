"""Where a drafted reply leads: the model that routes utterances is asked about the reply, too.

The reply is the last line of the talk then. One that the model calls a crisis or not to be used, or
of which it says nothing usable in three answers, is not kept.
"""

from __future__ import annotations

from dataclasses import replace

from builders.llm.request import Request
from builders.llm.task import GivenUp, Steps
from builders.record.types import Target
from builders.tasks.question import QuestionTask
from builders.tasks.reply.before import ReplyTask
from builders.tasks.reply.draft import Draft
from builders.tasks.route import RouteAsker

UNSAFE, NOT_ROUTED = "unsafe_reply", "reply_not_routed"
NOT_KEPT = ("crisis", "exclude")


class RoutedReply:
    """Has a model say where each reply leads that another task drafted, as one exchange.

    Args:
        then: drafts the reply.
        asker: the model that routes; it has qualified.
    """

    def __init__(self, then: ReplyTask, asker: RouteAsker) -> None:
        self.then = then
        self._asker = asker
        self._questions = QuestionTask()

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """See `Task`."""
        return self.then.first_request(subject, number)

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the prompt for the reply."""
        return self.then.prompt_version(subject)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests for a reply, then those about it."""
        draft = yield from self.then.steps(subject, first)
        if not isinstance(draft, Draft):
            return draft
        text = str(draft.reply["text"])
        told, answers = yield from self._questions.put(self._asker.of_reply(subject, text))
        if isinstance(told, GivenUp):
            return GivenUp(NOT_ROUTED, f"no route of the reply: {told.detail}", text)
        if told["route"] in NOT_KEPT:
            why = ", ".join(told["reasons"]) or "no reason given"
            return GivenUp(UNSAFE, f"the reply is {told['route']}: {why}", text)
        return replace(draft, beside=draft.beside + answers)
