"""Planning by a model: what the reply is to do is a question of its own, asked before it.

The model chooses among what the planner holds possible. Where it gives no usable answer, the hash
decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builders.labels import strategies
from builders.llm import prompts
from builders.llm.request import NarrowedSchema, Request
from builders.llm.task import GivenUp
from builders.pipeline.selection import rank
from builders.record.planned_reply import PlannedReply
from builders.record.types import Target
from builders.tasks.question import Question, to_ask
from builders.tasks.reply.before import QuestionBeforeReply
from builders.tasks.reply.draft import Drafter
from builders.tasks.reply.planning import Planner, reply_emotions
from builders.tasks.reply.wording import SecondWording

ASK_TEMPLATE = "plan/ask.j2"
_TOKENS = 200
_MOST_ACTS = 2


class PlannedDrafter(QuestionBeforeReply):
    """Has a model plan each reply, then the reply drafted, as one exchange.

    Args:
        drafter: makes the requests for replies.
        planner: says what is possible, and plans where the model does not.
        model: the one that plans.
        wording: how turns and people are written in requests.
    """

    def __init__(
        self, drafter: Drafter, planner: Planner, model: str, wording: SecondWording
    ) -> None:
        super().__init__(drafter)
        self._planner = planner
        self._model = model
        self._wording = wording
        self._template = prompts.load(ASK_TEMPLATE)

    @property
    def version(self) -> str:
        """Return the version of the question."""
        return self._template.version

    def question(self, target: Target) -> Question | None:
        """Return what is asked about a target; None where there is a plan, or nothing to plan."""
        if target.plan:
            return None
        able = {name for names, _ in self._planner.sequences(target) for name in names}
        if not able:
            return None
        return Question(target.id, "plan", self._request(target, able))

    def settle(self, target: Target, result: dict[str, Any] | GivenUp, answers: int) -> None:
        """Take the plan; see `QuestionBeforeReply`."""
        target.plan = self._plan(target, result, answers)

    def answers(self, target: Target) -> int:
        """See `BeforeReply`."""
        return target.plan.answers if target.plan else 0

    def _plan(
        self, target: Target, answer: dict[str, Any] | GivenUp, answers: int
    ) -> PlannedReply | None:
        hashed = self._planner.plan_for(target)
        if hashed is None:
            return None
        chosen = () if isinstance(answer, GivenUp) else self._ordered(target, answer)
        if isinstance(answer, GivenUp) or not chosen:
            return replace(hashed, answers=answers)
        bands = self._lengths(len(chosen))
        words = bands.get(answer["length"]) or min(bands.values())
        spoken_in = reply_emotions(target.emotions, chosen)
        return PlannedReply(chosen, words, spoken_in, "model", answers)

    def _ordered(self, target: Target, answer: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the chosen strategies in an order that is allowed; empty where there is none."""
        given = tuple(dict.fromkeys(answer["acts"]))
        for order in (given, given[::-1]):
            if not strategies.order_errors(order, target.emotions):
                return order
        return ()

    def _lengths(self, acts: int) -> dict[str, tuple[int, int]]:
        return {f"{low}-{high}": (low, high) for (low, high), _ in self._planner.lengths(acts)}

    def _request(self, target: Target, able: set[str]) -> Request:
        shuffled = sorted(able, key=lambda name: rank(f"{target.id}|plan|{name}"))
        known, lengths = strategies.strategies(), [*self._lengths(1)]
        asked = self._template.render(
            **self._wording.talk(target),
            emotion=target.emotions.primary.replace("_", " "),
            voice=target.voice.words if target.voice else None,
            strategies=[(name, known[name].definition) for name in shuffled],
            lengths=lengths,
        )
        schema = _schema(shuffled, lengths)
        version = self._template.version
        return to_ask(self._model, asked, schema, _TOKENS, target.id, version)


def _schema(able: list[str], lengths: list[str]) -> NarrowedSchema:
    chosen = {"type": "string", "enum": able}
    return NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["acts", "length"],
            "properties": {
                "acts": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": _MOST_ACTS,
                    "items": chosen,
                },
                "length": {"type": "string", "enum": lengths},
            },
        }
    )
