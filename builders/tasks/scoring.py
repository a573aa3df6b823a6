"""What a judge is asked about replies: a score of one, or of two side by side in both orders.

The judge sees what was said before, the words, the voice as measured and the reply. It sees no
label, no planned strategy and nothing of who drafted. An answer that is no number on the scale is
asked again like that to any question, and then counts as no score.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson

from builders.llm import prompts
from builders.llm.request import NarrowedSchema
from builders.llm.task import Accepted, Outcome
from builders.tasks.question import Question, to_ask

ALONE = "judge/score.j2"
SIDE_BY_SIDE = "judge/pairs.j2"
ORDERS = ("straight", "swapped")

Answered = Outcome[dict[str, object]]


@dataclass(frozen=True)
class ShownReply:
    """A reply as a judge is shown it.

    Attributes:
        id: of the sample.
        words: what was said.
        reply: the answer to it.
        voice: the prosody description in words; None where there is none.
        before: what was said before, each turn with what its speaker is called.
    """

    id: str
    words: str
    reply: str
    voice: str | None = None
    before: tuple[tuple[str, str], ...] = ()

    def seen(self, other: str | None = None) -> str:
        """Return the SHA-256 of what the judge sees, 64 hexadecimal digits.

        Args:
            other: the reply beside it, if there is one.
        """
        shown = [self.words, self.reply, self.voice, self.before, other]
        return sha256(orjson.dumps(shown)).hexdigest()


@dataclass(frozen=True)
class AskedScale:
    """A scale as a judge is told it: what is asked, and what scores mean, lowest first."""

    name: str
    asked: str
    anchors: tuple[tuple[int, str], ...]

    @property
    def low(self) -> int:
        """Return the lowest score."""
        return self.anchors[0][0]

    @property
    def high(self) -> int:
        """Return the highest score."""
        return self.anchors[-1][0]

    def version(self, template: str) -> str:
        """Return the version of a template together with what is said of this scale."""
        told = sha256(orjson.dumps([self.asked, self.anchors])).hexdigest()[:12]
        return f"{prompts.load(template).version} {self.name}+{told}"

    @cached_property
    def alone(self) -> NarrowedSchema:
        """Return the schema of one score."""
        return _schema(self, "score")

    @cached_property
    def side_by_side(self) -> NarrowedSchema:
        """Return the schema of two scores."""
        return _schema(self, "a", "b")

    @property
    def told(self) -> dict[str, object]:
        """Return the parts of a template that say what the scale is."""
        anchors = [(str(score), meaning) for score, meaning in self.anchors]
        ends = {"low": str(self.low), "high": str(self.high)}
        return {"asked": self.asked, "anchors": anchors, **ends}


def one_score(shown: ShownReply, scale: AskedScale, model: str, max_tokens: int) -> Question:
    """Return the question what score a reply has by itself."""
    text = prompts.load(ALONE).render(**_said(shown), reply=shown.reply, **scale.told)
    version = scale.version(ALONE)
    request = to_ask(model, text, scale.alone, max_tokens, shown.id, version)
    return Question(shown.id, f"score {scale.name} {shown.seen()}", request)


def two_scores(
    shown: ShownReply, other: str, scale: AskedScale, model: str, max_tokens: int
) -> Iterator[Question]:
    """Yield the question what scores two replies have: as A and B, then the other way round."""
    template, version = prompts.load(SIDE_BY_SIDE), scale.version(SIDE_BY_SIDE)
    replies = shown.reply, other
    for order, (reply_a, reply_b) in zip(ORDERS, (replies, replies[::-1]), strict=True):
        text = template.render(**_said(shown), reply_a=reply_a, reply_b=reply_b, **scale.told)
        request = to_ask(model, text, scale.side_by_side, max_tokens, shown.id, version)
        yield Question(shown.id, f"pair {scale.name} {shown.seen(other)} {order}", request)


def score_of(outcome: Answered) -> float | None:
    """Return the score that was given, None where there is no usable answer."""
    return _number(outcome.value["score"]) if isinstance(outcome, Accepted) else None


@dataclass(frozen=True)
class TwoScores:
    """The scores of a reply and of the one beside it, in both orders: straight, then swapped."""

    reply: tuple[float, float]
    other: tuple[float, float]

    @property
    def margin(self) -> float:
        """Return by how much the reply is rated above the other in the order where it is least.

        0 where the orders do not agree which is better; below 0 where the other one is.
        """
        apart = [mine - its for mine, its in zip(self.reply, self.other, strict=True)]
        if min(apart) > 0:
            return min(apart)
        return max(apart) if max(apart) < 0 else 0.0

    @property
    def mean(self) -> float:
        """Return the mean score of the reply over both orders."""
        return sum(self.reply) / len(self.reply)


def scores_of(straight: Answered, swapped: Answered) -> TwoScores | None:
    """Return the scores that both orders gave, None where either has no usable answer."""
    if not (isinstance(straight, Accepted) and isinstance(swapped, Accepted)):
        return None
    first, second = straight.value, swapped.value
    return TwoScores(
        reply=(_number(first["a"]), _number(second["b"])),
        other=(_number(first["b"]), _number(second["a"])),
    )


def _said(shown: ShownReply) -> dict[str, object]:
    return {"turns": list(shown.before), "words": shown.words, "voice": shown.voice}


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number, though the schema asks for one")
    return float(value)


def _schema(scale: AskedScale, *names: str) -> NarrowedSchema:
    score: dict[str, Any] = {"type": "integer", "minimum": scale.low, "maximum": scale.high}
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": list(names),
            "properties": dict.fromkeys(names, score),
        }
    )
