"""Attaching context: the earlier turns of the same dialogue, and the human reply.

The context has no later turns, no turns of other dialogues, and never the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from builders.record.types import MISSING_AFTER, Dialogue, Emotions, Target, Turn, Utterance

Persona = Literal["assistant", "addressee"]
Role = Literal["user", "assistant", "other"]


def reference_of(utterances: Sequence[Utterance], index: int) -> Utterance | None:
    """Return the next utterance by another speaker; None at the end, or where a turn is missing."""
    speaker = utterances[index].speaker
    for turn, following in pairwise(utterances[index:]):
        if MISSING_AFTER in turn.flags:
            return None
        if following.speaker != speaker:
            return following
    return None


def addressee_of(utterances: Sequence[Utterance], index: int) -> str | None:
    """Return the addressee: the last other speaker before the target, else the next one."""
    speaker = utterances[index].speaker
    before = (u.speaker for u in reversed(utterances[:index]) if u.speaker != speaker)
    after = reference_of(utterances, index)
    return next(before, after.speaker if after else None)


def gap_seconds(turn: Utterance, following: Utterance) -> float | None:
    """Return the seconds from the end of a turn to the start of the next; negative: overlap."""
    if turn.end is None or following.start is None:
        return None
    return round(following.start - turn.end, 3)


class Conversation:
    """One dialogue, from which targets are taken with their context.

    Args:
        dialogue: the whole dialogue, in order.
        emotions: the mapped label of each utterance of the dialogue, in the same order.
        turns: the maximum number of earlier turns.
        persona: the reply's speaker: an assistant from outside the dialogue, or the addressee.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        emotions: Sequence[Emotions | None],
        turns: int,
        persona: Persona,
    ) -> None:
        self._dialogue = dialogue
        self._emotions = emotions
        self._most = turns
        self._persona = persona
        # By speaker and the reply's speaker: targets of one speaker share their turns.
        self._turns: dict[tuple[str | None, str | None], list[Turn]] = {}
        said = dialogue.utterances
        self._gaps = [gap_seconds(*pair) for pair in zip(said, said[1:], strict=False)]

    def target(self, index: int) -> Target:
        """Return the target at `index` with its earlier turns; ValueError if it has no emotion."""
        dialogue, utterances = self._dialogue, self._dialogue.utterances
        target, own = utterances[index], self._emotions[index]
        if own is None:
            raise ValueError(f"{target.id} has no emotion and cannot be a target")
        addressee = addressee_of(utterances, index) if self._persona == "addressee" else None
        speaks = addressee if self._persona == "addressee" else dialogue.assistant
        turns = self._said_before(index, target.speaker, speaks)
        first = max(0, index - self._most) if self._most else index
        return Target(
            split=dialogue.split,
            utterance=target,
            emotions=own,
            background=dialogue.background,
            background_origin=dialogue.background_origin,
            turns=turns[first:index],
            before=turns[:first],
            reference=reference_of(utterances, index),
            addressee=addressee,
            folds=dialogue.folds,
        )

    def _said_before(self, index: int, speaker: str | None, assistant: str | None) -> list[Turn]:
        """Return at least the turns before `index`, with their roles relative to a speaker."""
        turns = self._turns.setdefault((speaker, assistant), [])
        turns += [self._turn(at, speaker, assistant) for at in range(len(turns), index)]
        return turns

    def _turn(self, index: int, speaker: str | None, assistant: str | None) -> Turn:
        utterance, emotion = self._dialogue.utterances[index], self._emotions[index]
        role: Role = "other"
        if utterance.speaker == speaker:
            role = "user"
        elif assistant is not None and utterance.speaker == assistant:
            role = "assistant"
        return Turn(utterance, role, emotion.primary if emotion else None, self._gaps[index])
