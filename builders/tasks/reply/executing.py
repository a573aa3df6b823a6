"""What a reply really does, found by somebody who has not seen its plan.

Cues find it in the words (`CueTagger`), or a model does (`ModelTagger`) in a question of its own,
which is cached like every other. What nobody can tell is unknown: it counts neither as done nor as
left undone.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Protocol

from builders.labels.strategies import strategies
from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request
from builders.llm.task import GivenUp
from builders.pipeline.selection import rank
from builders.record.types import Target
from builders.store.database import Answer
from builders.tasks.question import Question, QuestionTask, to_ask
from builders.tasks.reply.tagging import UNKNOWN, Tag, cues_version, load_cues, tag_parts
from builders.tasks.reply.wording import speaker_name

TAG_TEMPLATE = "tag/ask.j2"
_MOST_ACTS = 6


@dataclass(frozen=True, slots=True)
class Executed:
    """What a reply does.

    Attributes:
        tags: the strategies in order, each once, with its place.
        told: whether every part of the reply is told; else it may do more than is known.
        by: who found them.
        answers: how many responses it took.
    """

    tags: tuple[Tag, ...]
    told: bool
    by: str
    answers: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Return the strategies by name, in order."""
        return tuple(one.strategy for one in self.tags)

    def adherence(self, planned: Sequence[str]) -> float:
        """Return the share of a plan that is seen in the reply, 0 to 1."""
        return sum(name in self.names for name in planned) / len(planned)


class HiddenNames(Protocol):
    """Keeps the names of a corpus out of requests."""

    def hidden(self, target: Target, text: str) -> str:
        """Return a text as a request about a target may hold it."""
        ...

    def own_names(self, target: Target, text: str) -> str:
        """Return a text that a model wrote with the corpus's own names."""
        ...


class Tagger(Protocol):
    """Finds what a reply does."""

    @property
    def version(self) -> str:
        """Return one version for all that its findings depend on."""
        ...

    def tags(
        self, target: Target, reply: str, names: HiddenNames
    ) -> Generator[Request, Answer, Executed]:
        """Yield the requests it takes; return what the reply to a target does."""
        ...


class CueTagger:
    """Finds what a reply does by cues in its words.

    Args:
        language: that of the replies.
    """

    def __init__(self, language: str = "en") -> None:
        load_cues(language)
        self._language = language
        self.version = cues_version(language)

    def tags(
        self, target: Target, reply: str, names: HiddenNames
    ) -> Generator[Request, Answer, Executed]:
        """See `Tagger`; nobody is asked."""
        yield from ()
        return self.found(target.emotions.valence, reply)

    def found(self, valence: str, reply: str) -> Executed:
        """Return what a reply to a label of this valence does."""
        return _executed(tag_parts(reply, valence, self._language), self.version)


class ModelTagger:
    """Has a model say what a reply does.

    Args:
        model: its name.
        max_tokens: of an answer.
    """

    def __init__(self, model: str, max_tokens: int) -> None:
        self.model = model
        self._max_tokens = max_tokens
        self._template = prompts.load(TAG_TEMPLATE)
        self._questions = QuestionTask()

    @property
    def version(self) -> str:
        """Return the model and the version of the question."""
        return f"{self.model}, {self._template.version}"

    def tags(
        self, target: Target, reply: str, names: HiddenNames
    ) -> Generator[Request, Answer, Executed]:
        """See `Tagger`; without a usable answer nothing is known."""
        told, used = yield from self._questions.put(self.question(target, reply, names))
        acts = () if isinstance(told, GivenUp) else told["acts"]
        found = [_placed(one, reply, names.own_names(target, one["words"])) for one in acts]
        return _executed(found or [Tag(UNKNOWN, 0, len(reply))], self.model, used)

    def question(self, target: Target, reply: str, names: HiddenNames) -> Question:
        """Return what is asked about a reply; its plan is not in it."""
        digest = sha256(reply.encode()).hexdigest()[:12]
        order = sorted(strategies(), key=lambda name: rank(f"{target.id}|{digest}|{name}"))
        asked = self._template.render(
            turns=[
                (
                    speaker_name(turn.utterance, turn.role, False),
                    names.hidden(target, turn.utterance.text),
                )
                for turn in target.turns
            ],
            speaker=speaker_name(target.utterance, "user", False),
            utterance=names.hidden(target, target.utterance.text),
            reply=names.hidden(target, reply),
            strategies=[(name, strategies()[name].definition) for name in order],
        )
        version = self._template.version
        request = to_ask(self.model, asked, _schema(), self._max_tokens, target.id, version)
        return Question(target.id, f"tag {digest}", request)


@cache
def _schema() -> NarrowedSchema:
    act = {
        "type": "object",
        "additionalProperties": False,
        "required": ["strategy", "words"],
        "properties": {
            "strategy": {"type": "string", "enum": [*strategies(), UNKNOWN]},
            "words": {"type": "string"},
        },
    }
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["acts"],
            "properties": {
                "acts": {"type": "array", "minItems": 1, "maxItems": _MOST_ACTS, "items": act}
            },
        }
    )


def _placed(act: dict[str, str], reply: str, words: str) -> Tag:
    """Return an act at the place of its words; one that the reply does not hold is unknown."""
    words = words.strip()
    start = reply.lower().find(words.lower()) if words else -1
    if start < 0:
        return Tag(UNKNOWN, 0, len(reply))
    return Tag(act["strategy"], start, start + len(words))


def _executed(parts: Sequence[Tag], by: str, answers: int = 0) -> Executed:
    """Return the strategies of the parts in order, each where it is done first."""
    first: dict[str, Tag] = {}
    for part in sorted(parts, key=lambda one: one.start):
        first.setdefault(part.strategy, part)
    told = UNKNOWN not in first
    return Executed(tuple(t for n, t in first.items() if n != UNKNOWN), told, by, answers)
