"""Attaching context: the earlier turns of the same dialogue, and what was really answered.

A target sees nothing of what comes after it, nothing of another dialogue, and never the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from builders.records import Dialogue, Emotions, Target, Turn, Utterance

Persona = Literal["assistant", "addressee"]
Role = Literal["user", "assistant", "other"]


def reference_of(utterances: Sequence[Utterance], index: int) -> Utterance | None:
    """Return the next utterance by another speaker than the target's, or None at the end."""
    speaker = utterances[index].speaker
    return next((u for u in utterances[index + 1 :] if u.speaker != speaker), None)


def addressee_of(utterances: Sequence[Utterance], index: int) -> str | None:
    """Return who is spoken to: the last other speaker before the target, else the next after it."""
    speaker = utterances[index].speaker
    before = (u.speaker for u in reversed(utterances[:index]) if u.speaker != speaker)
    after = reference_of(utterances, index)
    return next(before, after.speaker if after else None)


def gap_seconds(turn: Utterance, following: Utterance) -> float | None:
    """Return the seconds from the end of a turn to the start of the next; negative: overlap."""
    if turn.end is None or following.start is None:
        return None
    return round(following.start - turn.end, 3)


def _turn(
    utterances: Sequence[Utterance],
    index: int,
    emotions: Sequence[Emotions | None],
    speaker: str | None,
    assistant: str | None,
) -> Turn:
    utterance, emotion = utterances[index], emotions[index]
    role: Role = "other"
    if utterance.speaker == speaker:
        role = "user"
    elif assistant is not None and utterance.speaker == assistant:
        role = "assistant"
    gap = gap_seconds(utterance, utterances[index + 1])
    return Turn(utterance, role, emotion.primary if emotion else None, gap)


def attach(
    dialogue: Dialogue,
    index: int,
    emotions: Sequence[Emotions | None],
    *,
    turns: int,
    persona: Persona,
) -> Target:
    """Return the target at `index` with up to `turns` earlier turns of its dialogue.

    Args:
        dialogue: the whole dialogue, in order.
        index: which of its utterances is replied to.
        emotions: the mapped label of each utterance of the dialogue, in the same order.
        turns: how many earlier turns at most.
        persona: whom the reply speaks for: an assistant from outside, or the addressee.
    """
    utterances = dialogue.utterances
    target, own = utterances[index], emotions[index]
    if own is None:
        raise ValueError(f"{target.id} has no emotion and cannot be a target")
    first = max(0, index - turns)
    addressee = addressee_of(utterances, index) if persona == "addressee" else None
    speaks = addressee if persona == "addressee" else dialogue.assistant
    return Target(
        split=dialogue.split,
        utterance=target,
        emotions=own,
        background=dialogue.background,
        background_origin=dialogue.background_origin,
        turns=[_turn(utterances, i, emotions, target.speaker, speaks) for i in range(first, index)],
        reference=reference_of(utterances, index),
        addressee=addressee,
        folds=dialogue.folds,
    )
