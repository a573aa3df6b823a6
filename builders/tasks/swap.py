"""What a judge is asked about a pair, and what the two answers come to.

The voices keep their places and the replies change theirs, so that a judge who goes by the place is
right once and wrong once. Only who is right both times is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from builders.evaluation.pairs import Pair
from builders.llm import prompts
from builders.llm.request import NarrowedSchema
from builders.llm.task import Accepted, Outcome
from builders.record.types import CANNOT_TELL
from builders.tasks.question import Question, to_ask

TEMPLATE = "judge/swap.j2"

SwapVerdict = Literal["right", "wrong", "flipped", "cannot_tell", "refused"]

_SCHEMA = NarrowedSchema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["voice_1"],
        "properties": {"voice_1": {"type": "string", "enum": ["A", "B", CANNOT_TELL]}},
    }
)


def questions(pairs: Iterable[Pair], model: str, max_tokens: int) -> Iterator[Question]:
    """Yield two questions about each pair: the replies in their order, then the other way round."""
    template = prompts.load(TEMPLATE)
    for pair in pairs:
        replies = pair.one.reply, pair.other.reply
        for order, (reply_a, reply_b) in (("straight", replies), ("swapped", replies[::-1])):
            text = template.render(
                words=pair.one.words,
                voice_1=pair.one.voice,
                voice_2=pair.other.voice,
                reply_a=reply_a,
                reply_b=reply_b,
            )
            version = template.version
            request = to_ask(model, text, _SCHEMA, max_tokens, pair.one.id, version)
            yield Question(pair.one.id, f"swap {pair.other.id} {order}", request)


def answer_of(outcome: Outcome[dict[str, object]]) -> str | None:
    """Return the reply that was matched to voice 1, None where there is no usable answer."""
    return str(outcome.value["voice_1"]) if isinstance(outcome, Accepted) else None


def verdict(straight: str | None, swapped: str | None) -> SwapVerdict:
    """Return what the answers to both orders come to; right are A, and then B."""
    if straight is None or swapped is None:
        return "refused"
    if CANNOT_TELL in (straight, swapped):
        return "cannot_tell"
    if straight == swapped:
        return "flipped"
    return "right" if straight == "A" else "wrong"


def value_of(said: SwapVerdict) -> float | None:
    """Return a verdict as a number: 1 where both orders are right, None without two answers."""
    return None if said == "refused" else float(said == "right")
