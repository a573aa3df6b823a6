"""An accepted reply beside what was asked of it and what was found in it.

What is published as its strategies is what was found. Where nothing was, what was asked for stays,
and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from builders.labels import strategies
from builders.labels.strategy_groups import alike
from builders.llm.request import Request
from builders.record.planned_reply import CheckNote, PlannedReply
from builders.record.reply_views import ExecutedPart
from builders.tasks.reply.checks.reading import Reply
from builders.tasks.reply.checks.wording import count_words
from builders.tasks.reply.executing import Executed

# How far outside its band a length may lie before a model is asked again: a third of the end.
_LEEWAY = 1 / 3
# What is noted of a reply that is not what was planned, or of which nothing can be seen.
OF_PLANS = ("strategies_differ", "strategies_not_seen", "emotion_off_plan", "length_off_plan")


@dataclass(frozen=True, slots=True)
class FoundReply:
    """An accepted reply, what it was to do and what it does.

    Attributes:
        request: the one whose answer it is.
        reply: the answer, checked.
        plan: what it was to do; None where nothing was planned.
        executed: what was found in it; None where nobody looked.
        earlier: how many responses a tagger took about earlier replies to the same target.
    """

    request: Request
    reply: Reply
    plan: PlannedReply | None
    executed: Executed | None
    earlier: int = 0

    @property
    def claimed(self) -> tuple[str, ...]:
        """Return the strategies that the answer names."""
        return tuple(cast("list[str]", self.reply.document["strategies"]))

    @property
    def asked(self) -> tuple[str, ...]:
        """Return the strategies of the plan; without one, those that the answer names."""
        return self.plan.strategies if self.plan else self.claimed

    @property
    def published(self) -> tuple[str, ...]:
        """Return what was found in the reply; what it names where nothing was found."""
        found = self.executed.names if self.executed else ()
        return found[: strategies.MAX_STRATEGIES] or self.claimed

    @property
    def document(self) -> dict[str, Any]:
        """Return the answer with the strategies that are published."""
        return {**self.reply.document, "strategies": [*self.published]}

    @property
    def coercions(self) -> list[dict[str, str]]:
        """Return what was rewritten in the answer."""
        if self.published == self.claimed:
            return self.reply.coercions
        pair = {"from": strategies.join(self.claimed), "to": strategies.join(self.published)}
        return [*self.reply.coercions, {"field": "strategies", **pair}]

    @property
    def beside(self) -> int:
        """Return how many responses a tagger took."""
        return self.earlier + (self.executed.answers if self.executed else 0)

    @property
    def executed_part(self) -> ExecutedPart | None:
        """Return what was found as the record has it."""
        found = self.executed
        if found is None:
            return None
        return {
            "strategies": [
                {"strategy": one.strategy, "start": one.start, "end": one.end} for one in found.tags
            ],
            "by": found.by,
            "adherence": round(found.adherence(self.plan.strategies), 4) if self.plan else None,
        }

    @property
    def notes(self) -> tuple[CheckNote, ...]:
        """Return what is noted about the reply, with what sets it apart from its plan."""
        more = [CheckNote(code, "note", None, said) for code, said in self._apart()]
        if self.executed and not self.executed.names:
            said = f"strategies: nothing can be seen of {' and '.join(self.asked)}"
            more.append(CheckNote("strategies_not_seen", "note", None, said))
        return (*self.reply.notes, *more)

    @property
    def faults(self) -> tuple[str, ...]:
        """Return what a model is asked to put right, a sentence each; empty where nothing is.

        Only other strategies than asked are a reason to ask again; emotion and length go with them.
        """
        apart = dict(self._apart())
        named = ""
        if self.plan and not set(self.claimed) <= set(self.plan.strategies):
            named = f"strategies: name {' and then '.join(self.asked)} and no other, and do that"
        if not named and "strategies_differ" not in apart:
            return ()
        return tuple(filter(None, (named, *apart.values())))

    def _apart(self) -> Iterator[tuple[str, str]]:
        """Yield a code and a sentence for each way in which the reply leaves its plan."""
        if self.executed and (said := _differs(self.asked, self.executed)):
            yield "strategies_differ", said
        if self.plan is None:
            return
        spoken = str(self.reply.document["emotion"])
        if spoken not in self.plan.reply_emotions:
            allowed = " or ".join(self.plan.reply_emotions)
            yield "emotion_off_plan", f"emotion: {spoken} is not {allowed}, as was asked"
        (low, high), words = self.plan.words, count_words(str(self.reply.document["text"]))
        if not low * (1 - _LEEWAY) <= words <= high * (1 + _LEEWAY):
            yield "length_off_plan", f"text: it has {words} words, not {low} to {high}"


def _differs(asked: tuple[str, ...], executed: Executed) -> str | None:
    """Return a sentence where a reply does something else than asked, as far as it is known.

    A strategy that is easily taken for the one that was asked for makes no difference here, nor
    does one more than all that were asked for: what is published has it.
    """
    seen = executed.names
    other = [name for name in seen if not any(alike(name, one) for one in asked)]
    missing = [one for one in asked if not any(alike(one, name) for name in seen)]
    turned = sorted(seen) == sorted(asked) and seen != asked
    if not (turned or (missing and (other or executed.told))):
        return None
    does = " and then ".join(seen) or "nothing of that"
    return f"text: it does {does}, and was to do {' and then '.join(asked)}"


def better(earlier: FoundReply | None, later: FoundReply) -> FoundReply:
    """Return the one of two replies that leaves its plan less, the later one if both do as much."""
    if earlier is None:
        return later
    if len(earlier.faults) < len(later.faults):
        spent = later.executed.answers if later.executed else 0
        return replace(earlier, earlier=earlier.earlier + spent)
    return replace(later, earlier=earlier.beside)
