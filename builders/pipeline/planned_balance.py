"""The first strategy that is planned for each utterance, so that targets are balanced over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builders.pipeline.context import Conversation, Persona
from builders.pipeline.selection import UNPLANNED
from builders.record.types import Dialogue, Emotions
from builders.tasks.reply.planning import Planner


@dataclass(frozen=True)
class PlannedBalance:
    """Plans as the build does: by the same planner, with as many turns, for the same persona."""

    planner: Planner
    turns: int
    persona: Persona

    def strategies(
        self, dialogue: Dialogue, emotions: Sequence[Emotions | None]
    ) -> Iterator[str | None]:
        """Yield the first planned strategy of each utterance; None for what is no target."""
        conversation = Conversation(dialogue, emotions, self.turns, self.persona)
        for place, (utterance, label) in enumerate(zip(dialogue.utterances, emotions, strict=True)):
            if label is None or not utterance.targetable:
                yield None
                continue
            plan = self.planner.plan_for(conversation.target(place))
            yield plan.strategies[0] if plan else UNPLANNED
