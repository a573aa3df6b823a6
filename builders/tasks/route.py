"""Asking a model where an utterance is to go, beside the patterns, before a reply is drafted."""

from __future__ import annotations

from hashlib import sha256

from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request
from builders.llm.task import Steps
from builders.record.types import Target
from builders.tasks.question import Question, QuestionTask, to_ask
from builders.tasks.reply.wording import speaker_name

TEMPLATE = "route/route.j2"
CHOICES = ("normal", "sensitive", "crisis", "exclude")
REASONS = (
    *("suicide", "self_harm", "overdose", "harm_to_others", "abuse", "child_safety"),
    *("eating_disorder", "burden", "goodbye", "giving_away", "no_reason_to_go_on", "other"),
)
_TOKENS = 400
# Who speaks, and the words.
_Said = tuple[str, str]
_REPLIER = "who replies"


class RouteAsker:
    """One model that routes; a task. Its answers have `route` and `reasons`.

    Args:
        model: its name.
        named: whether speakers are called as the corpus calls them.
    """

    def __init__(self, model: str, named: bool) -> None:
        self.model = model
        self._named = named
        self._template = prompts.load(TEMPLATE)
        self._questions = QuestionTask()

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """See `Task`."""
        return self._questions.first_request(self._question(subject), number)

    def steps(self, subject: Target, first: Request) -> Steps[dict[str, object]]:
        """Yield requests until an answer fits."""
        return self._questions.steps(self._question(subject), first)

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the template."""
        return self._template.version

    def of_reply(self, target: Target, reply: str) -> Question:
        """Return the question about a reply to a target, as the last line of the talk."""
        digest = sha256(reply.encode()).hexdigest()[:12]
        said = [*self._turns(target), self._last(target)]
        return self._about(target, f"route reply {digest}", said, (_REPLIER, reply))

    def _question(self, target: Target) -> Question:
        return self._about(target, "route", self._turns(target), self._last(target))

    def _turns(self, target: Target) -> list[_Said]:
        return [
            (speaker_name(turn.utterance, turn.role, self._named), turn.utterance.text)
            for turn in target.turns
        ]

    def _last(self, target: Target) -> _Said:
        return speaker_name(target.utterance, "user", self._named), target.utterance.text

    def _about(self, target: Target, name: str, turns: list[_Said], last: _Said) -> Question:
        """Return the question about the last line of a talk."""
        speaker, utterance = last
        reasons = list(REASONS)
        prompt = self._template.render(
            turns=turns, speaker=speaker, utterance=utterance, reasons=reasons
        )
        version = self._template.version
        request = to_ask(self.model, prompt, _SCHEMA, _TOKENS, target.id, version)
        return Question(target.id, name, request)


_SCHEMA = NarrowedSchema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["route", "reasons"],
        "properties": {
            "route": {"type": "string", "enum": [*CHOICES]},
            "reasons": {"type": "array", "items": {"type": "string", "enum": [*REASONS]}},
        },
    }
)
