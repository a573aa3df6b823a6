"""What a decision, an event and a shown item are, and which events stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["accept", "edit", "reject", "skip"]
VERDICTS: tuple[Verdict, ...] = ("accept", "edit", "reject", "skip")
Choice = Literal["a", "b", "equal"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided about one item; `decisions.faults` says whether it is whole.

    Attributes:
        verdict: skip means that somebody else shall decide; it never counts towards the overlap.
        reply: for ``edit``, the reply as edited, of the shape of `schemas/reply.schema.json`.
        reason: for ``reject`` and ``skip``, a code of `label_maps/review/_choices.tsv`.
        comment: anything, and in an adjudication the reason for it.
        strategies: what the annotator would choose, in spoken order, or None for no opinion.
        ratings: scale (``fit``, ``naturalness``, ``restraint``) to 1…5.
        emotion: the target's emotion as the annotator hears it, or None where the label is right.
        flags: codes such as ``audio_broken``.
        seconds_heard: of the target's clip, over all plays.
        hidden: whether the draft was hidden until the annotator had answered. The answers given
            before it was shown are in `before` (same keys as this, as far as they were asked).
    """

    verdict: Verdict
    reply: dict[str, Any] | None = None
    reason: str | None = None
    strategies: tuple[str, ...] | None = None
    ratings: dict[str, int] = field(default_factory=dict)
    emotion: str | None = None
    flags: tuple[str, ...] = ()
    comment: str | None = None
    seconds_heard: float = 0.0
    hidden: bool = False
    before: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person has before them: an item as a build has it, and how many events they made.

    A page keeps `version` from when it loaded the item and sends it back; where another tab has
    decided meanwhile the versions differ, which is a `Conflict` (409).
    """

    build: str
    item: str
    seen: str
    version: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it is held. `at` is a Unix time; `body` what its kind needs beside the verdict.

    Kinds: ``decision`` and ``adjudication`` (body: a `Decision` without its verdict), ``gold`` (the
    same, the right answer), ``comparison`` (body: `other`, the hash of draft B; verdict a, b or
    equal; `seen` is the hash of draft A), ``undo`` (verdict ``undo``, `undoes` the id of an event).
    """

    number: int
    id: str
    build: str
    item: str
    seen: str
    annotator: str
    version: int
    kind: str
    verdict: str
    undoes: str | None
    surplus: bool
    body: dict[str, Any]
    at: float

    @property
    def decision(self) -> Decision:
        """Return what was decided, of a decision, an adjudication or a gold answer."""
        body = dict(self.body)
        for name in ("strategies", "flags"):
            body[name] = tuple(body[name]) if body.get(name) is not None else body.get(name)
        body["flags"] = body["flags"] or ()
        return Decision(self.verdict, **body)  # type: ignore[arg-type]


def standing(made: Iterable[Event]) -> list[Event]:
    """Return the events that stand: not undone, and each person's latest of its kind about an item.

    Order: that of the events. Undo events are not among them. Content is told apart by its hash: a
    decision about what an item was before it changed stands beside the one about what it is now.
    """
    made = sorted(made, key=lambda event: event.number)
    undone = {event.undoes for event in made if event.undoes}
    latest: dict[tuple[str, ...], Event] = {}
    for event in made:
        if event.kind != "undo" and event.id not in undone:
            other = str(event.body.get("other", ""))
            key = (event.annotator, event.item, event.seen, event.kind, other)
            latest.pop(key, None)
            latest[key] = event
    return sorted(latest.values(), key=lambda event: event.number)


def counted(made: Iterable[Event]) -> list[Event]:
    """Return the standing decisions that count towards the overlap: no skips, nothing surplus."""
    return [
        event
        for event in standing(made)
        if event.kind == "decision" and event.verdict != "skip" and not event.surplus
    ]
