"""Planning by a model: what the reply is to do is a question of its own, asked before it.

The model chooses among what the planner holds possible. Where it gives no usable answer, the hash
decides.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from builders.labels import strategies
from builders.llm import prompts
from builders.llm.exchange import Exchange, replay
from builders.llm.request import NarrowedSchema, Request
from builders.llm.task import GivenUp, Steps
from builders.pipeline.selection import rank
from builders.record.planned_reply import PlannedReply
from builders.record.types import Target
from builders.store.database import Answer, Store
from builders.tasks.question import Question, QuestionTask
from builders.tasks.reply.draft import Draft, Drafter
from builders.tasks.reply.planning import Planner, reply_emotions
from builders.tasks.reply.wording import SecondWording

ASK_TEMPLATE = "plan/ask.j2"
_TOKENS = 200
_MOST_ACTS = 2


class PlannedDrafter:
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
        self._drafter = drafter
        self._planner = planner
        self._model = model
        self._wording = wording
        self._template = prompts.load(ASK_TEMPLATE)
        self._questions = QuestionTask()

    @property
    def version(self) -> str:
        """Return the version of the question."""
        return self._template.version

    def first_request(self, subject: Target, number: int = 0) -> Request:
        """Return the first request: about the plan, unless there is one."""
        question = self.question(subject)
        if question is None:
            return self._drafter.first_request(subject, number)
        return self._questions.first_request(question)

    def steps(self, subject: Target, first: Request) -> Steps[Draft]:
        """Yield the requests: the plan comes first, unless there is one."""
        question = self.question(subject)
        if question is not None:
            yield from self._decide(subject, question, first)
            first = self._drafter.first_request(subject)
        result = yield from self._drafter.steps(subject, first)
        if isinstance(result, Draft) and subject.plan:
            return replace(result, beside=result.beside + subject.plan.answers)
        return result

    def prompt_version(self, subject: Target) -> str | None:
        """Return the version of the prompt for the reply."""
        return self._drafter.prompt_version(subject)

    def question(self, target: Target) -> Question | None:
        """Return what is asked about a target; None where there is a plan, or nothing to plan."""
        if target.plan:
            return None
        able = {name for names, _ in self._planner.sequences(target) for name in names}
        if not able:
            return None
        return Question(target.id, "plan", self._request(target, able))

    def settled(self, targets: Iterable[Target], store: Store | None) -> list[Request]:
        """Settle the plans whose responses are cached; return the requests for the others."""
        asked = []
        for target in targets:
            if self.question(target) is None:
                continue
            exchange = Exchange(self, target)
            if not replay(exchange, store, _has_plan):
                asked.append(exchange.request)
        return asked

    def _decide(
        self, target: Target, question: Question, first: Request
    ) -> Generator[Request, Answer, None]:
        """Ask until there is an answer or none will come, and settle the plan."""
        steps = self._questions.steps(question, first)
        request, answers = next(steps), 0
        while target.plan is None:
            answer = yield request
            answers += 1
            try:
                request = steps.send(answer)
            except StopIteration as ended:
                target.plan = self._plan(target, ended.value, answers)

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
        return Request(
            model=self._model,
            messages=({"role": "user", "content": asked},),
            schema=_schema(shuffled, lengths),
            audio_sha256=None,
            temperature=0.0,
            top_p=1.0,
            max_tokens=_TOKENS,
            seed=0,
            record_id=target.id,
            attempt=0,
            prompt_version=self._template.version,
        )


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


def _has_plan(target: Target) -> bool:
    return target.plan is not None
