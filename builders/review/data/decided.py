"""Decisions, events and shown items, and which events are in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import orjson

from builders.review.data.bodies import FORMAT, body_fault, said_in

Verdict = Literal["accept", "edit", "reject", "skip"]
VERDICTS: tuple[Verdict, ...] = ("accept", "edit", "reject", "skip")
Better = Literal["a", "b", "equal"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's decision about one item; `decisions.faults` validates it.

    None means not answered, which counts as missing everywhere, never as no or 0.

    Attributes:
        verdict: skip means that somebody else should decide; it never counts towards the overlap.
        reply: for ``edit``, the reply as edited, of the shape of `schemas/reply.schema.json`.
        reason: for ``reject`` and ``skip``, a code of `label_maps/review/_choices.tsv`.
        comment: free text; in an adjudication, the reason for it.
        strategies: what the annotator would choose, in spoken order.
        ratings: scale (``fit``, ``naturalness``, ``restraint``) to 1…5.
        emotion: the target's emotion as the annotator hears it, which may be the label.
        flags: codes such as ``audio_broken``.
        seconds_heard: of the target's clip, over all plays.
        seconds: for which the item was before the annotator, without those in which the page was
            hidden.
        opinion: whether `strategies` are only an opinion beside the verdict: the rules do not
            allow them in a reply to this label, so the reply keeps its own.
        hidden: whether the draft was hidden until the annotator had answered. The answers given
            before it was shown are in `before` (same keys as this, as far as they were asked).
    """

    verdict: Verdict
    reply: dict[str, Any] | None = None
    reason: str | None = None
    strategies: tuple[str, ...] | None = None
    ratings: dict[str, int] | None = None
    emotion: str | None = None
    flags: tuple[str, ...] | None = None
    comment: str | None = None
    seconds_heard: float | None = None
    seconds: float | None = None
    opinion: bool | None = None
    hidden: bool | None = None
    before: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """An item as shown to a person: build, content hash, and their number of events about it.

    A page keeps `version` from loading the item and sends it back; if another tab has
    decided in the meantime, the versions differ, which is a `Conflict` (409).
    """

    build: str
    item: str
    seen: str
    version: int


@dataclass(frozen=True)
class Event:
    """A stored event. `at` is a Unix time; `body` has the fields of its kind besides the verdict.

    Kinds: ``decision`` and ``adjudication`` (body: a `Decision` without its verdict), ``gold`` (the
    same, the right answer), ``audit`` (the same, and `audit`, in which one), ``comparison`` (body:
    `other`, the hash of draft B; verdict a, b or equal; `seen` is the hash of draft A), ``undo``
    (verdict ``undo``, `undoes` the id of an event).

    `format` is the version of the body: from 2 on, null means not answered; see `bodies.said_in`.
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
    format: int = FORMAT

    @cached_property
    def fault(self) -> str | None:
        """Return what is wrong with the body (release 0.1 imported such events), or None."""
        return body_fault(self.kind, self.body, self.format)

    @property
    def said(self) -> dict[str, object]:
        """Return the answers in the body, without unanswered fields; nothing if it is not valid."""
        return {} if self.fault else said_in(self.body, self.format)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the flags that were set, none if the body is not valid."""
        flags = self.said.get("flags")
        return tuple(flags) if isinstance(flags, list) else ()

    @property
    def decision(self) -> Decision:
        """Return the decision in a decision, an adjudication, an audit or a gold answer."""
        answers = said_in(self.body, self.format)
        return decision_of(self.verdict, {n: v for n, v in answers.items() if n != "audit"})


def decision_of(verdict: str, answers: Mapping[str, object]) -> Decision:
    """Return the decision with a verdict and the other answers, by name."""
    lists = {n: tuple(v) for n in ("strategies", "flags") if isinstance(v := answers.get(n), list)}
    return Decision(verdict, **{**answers, **lists})  # type: ignore[arg-type]


def made_at(event: Event) -> tuple[float, str]:
    """Return the sort key of an event, the same in every store."""
    return event.at, event.id


def standing(made: Iterable[Event]) -> list[Event]:
    """Return the events in force: not undone, and each person's latest of its kind about an item.

    They are in the order they were made, without undo events and invalid ones.
    Content is identified by its hash: a decision about an item before it changed is kept
    beside the one about its current content.
    """
    made = sorted(made, key=made_at)
    undone = {event.undoes for event in made if event.undoes}
    latest: dict[tuple[str, ...], Event] = {}
    for event in made:
        if event.kind != "undo" and event.id not in undone and event.fault is None:
            other = str(event.body.get("other", ""))
            key = (event.annotator, event.item, event.seen, event.kind, other)
            latest.pop(key, None)
            latest[key] = event
    return sorted(latest.values(), key=made_at)


def unreadable(made: Iterable[Event]) -> list[str]:
    """Return a line for each event that is ignored because its body is not valid.

    Release 0.1 imported such events; undone ones are not reported.
    """
    made = list(made)
    undone = {event.undoes for event in made if event.undoes}
    return [
        f"event {event.id} by {event.annotator} about {event.item} is ignored: {event.fault}; "
        "its annotator can undo it with u on the page, or import an undo of it"
        for event in sorted(made, key=made_at)
        if event.kind != "undo" and event.fault and event.id not in undone
    ]


def counted(made: Iterable[Event]) -> list[Event]:
    """Return the decisions in force that count towards the overlap: no skips, nothing surplus."""
    return [
        event
        for event in standing(made)
        if event.kind == "decision" and event.verdict != "skip" and not event.surplus
    ]


def body_of(decision: Decision) -> dict[str, object]:
    """Return what an event holds of a decision: all but the verdict, as it is stored."""
    body = asdict(decision)
    del body["verdict"]
    as_held: dict[str, object] = orjson.loads(orjson.dumps(body))
    return as_held
