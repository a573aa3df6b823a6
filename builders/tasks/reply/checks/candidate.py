"""What a check of replies is given, and what it finds.

A check is a function with the decorator `check`, in a module of this package that
`builders.tasks.reply.checks.registry` imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from builders.record.reply_views import ReplyPart
from builders.record.types import Emotions

ASSISTANT = "assistant"


class Recited(Protocol):
    """Knows what is said elsewhere in a corpus."""

    def run_in(self, text: str, said: tuple[str, ...]) -> str | None:
        """Return words in a row that a text shares with a turn, and not with what was `said`."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What a reply answers, and what it may speak of.

    Attributes:
        utterance: what the speaker said.
        turns: what was said before, oldest first.
        background: what was so before, in words; None where nothing is known.
        names: the speakers of the dialogue, as the corpus calls them.
        persona: ``assistant``, who has no life of its own, or ``addressee``.
        language: that of the utterance, as ``en``.
        later: what is said in the scene after the utterance.
        recited: what is said elsewhere in the corpus; None where nobody looked.
        shown: the texts of the examples that the prompt showed.
    """

    utterance: str
    turns: tuple[str, ...] = ()
    background: str | None = None
    names: tuple[str, ...] = ()
    persona: str = ASSISTANT
    language: str = "en"
    later: tuple[str, ...] = ()
    recited: Recited | None = None
    shown: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """Return all that was said up to the utterance, the utterance last."""
        return (*self.turns, self.utterance)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reply that fits the schema, and what is known of whom it answers.

    Attributes:
        reply: the reply, of the shape of `schemas/reply.schema.json`.
        emotions: the target's mapped label; None where it is not known.
        neutral_twin: whether the same words were said with a feeling elsewhere, and not here.
        caption: how the voice was described to the model; None where it was not.
        scene: what was said before; None where it is not known.
    """

    reply: ReplyPart
    emotions: Emotions | None
    neutral_twin: bool = False
    caption: str | None = None
    scene: Scene | None = None

    @property
    def text(self) -> str:
        """Return what is spoken."""
        return self.reply["text"]


@dataclass(frozen=True, slots=True)
class Hit:
    """What a check found: the words that its sentence names, and the value that it measured.

    `start` and `end` are the places in the text between which it was found, in characters.
    """

    words: Mapping[str, str]
    value: float | None = None
    start: int | None = None
    end: int | None = None


Function = Callable[[Candidate], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Checking:
    """A check's function, and the words that it gives to its sentence.

    `of_plain` says whether it can find anything in a text that is `Text.plain`.
    """

    run: Function
    words: tuple[str, ...]
    of_plain: bool = True


CHECKS: dict[str, Checking] = {}


def check(*words: str, of_plain: bool = True) -> Callable[[Function], Function]:
    """Make a function a check under its own name; it gives these words to its sentence.

    Without `of_plain` it is not asked about texts of letters and the marks of sentences alone.
    """

    def register(run: Function) -> Function:
        CHECKS[run.__name__] = Checking(run, words, of_plain)
        return run

    return register
