"""The votes of text models: which emotion the words show to who cannot hear them.

A vote sees what was said and what was said before; never the label, the voice in words, what was
really answered, or the emotions of earlier turns. Options are in another order for each model and
target. Each is a request like any other: cached, budgeted, and never asked twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from builders.labels.vocabulary import vocabulary
from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request
from builders.llm.task import Steps
from builders.pipeline.selection import rank
from builders.record.types import CANNOT_TELL, Target
from builders.tasks.question import Question, QuestionTask, to_ask
from builders.tasks.reply.wording import speaker_name

TEMPLATE = "vote/words.j2"
_NO_TELLING = "the words fit several of these, or none"


class Voter:
    """One model that votes; a task.

    Args:
        model: its name.
        options: the roots to choose from; that the words do not tell can be chosen too.
        named: whether speakers are called as the corpus calls them.
        max_tokens: of an answer.
    """

    def __init__(self, model: str, options: Sequence[str], named: bool, max_tokens: int) -> None:
        self.model = model
        words = vocabulary()
        self._options = [*((root, words.definition(root)) for root in options)]
        self._options.append((CANNOT_TELL, _NO_TELLING))
        self._named = named
        self._max_tokens = max_tokens
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

    def _question(self, target: Target) -> Question:
        asked = f"{target.id}|{self.model}"
        shuffled = sorted(self._options, key=lambda option: rank(f"{asked}|{option[0]}"))
        schema = _schema([name for name, _ in shuffled])
        version = self._template.version
        request = to_ask(
            self.model, self._prompt(target, shuffled), schema, self._max_tokens, target.id, version
        )
        return Question(target.id, "vote", request)

    def _prompt(self, target: Target, shuffled: Sequence[tuple[str, str]]) -> str:
        named = self._named
        return self._template.render(
            background=target.background,
            turns=[
                (speaker_name(turn.utterance, turn.role, named), turn.utterance.text)
                for turn in target.turns
            ],
            speaker=speaker_name(target.utterance, "user", named),
            utterance=target.utterance.text,
            options=list(shuffled),
        )


def _schema(options: list[str]) -> NarrowedSchema:
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["emotion"],
            "properties": {"emotion": {"type": "string", "enum": options}},
        }
    )
