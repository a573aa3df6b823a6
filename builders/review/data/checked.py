"""Validation of events from other stores: the rules of the page and its routes, applied to a file.

An event that is already stored passes as long as it is identical.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields

from builders.record.dataset import Build
from builders.record.schema import load_schema
from builders.record.views import SampleRecord
from builders.review.data.decided import VERDICTS, Event, made_at
from builders.review.data.decisions import faults
from builders.review.data.events import Reviews
from builders.review.data.people import People
from builders.review.data.queue import Queue
from builders.store.database import Store

_VERDICTS: dict[str, tuple[str, ...]] = {"undo": ("undo",), "comparison": ("a", "b", "equal")}
_FOR_LEADS = ("adjudication", "gold")
# Fields that may differ when an event is sent again: each store assigns its own.
_MAY_DIFFER = ("number", "version", "surplus", "at", "body", "format")
_COMPARED = [field.name for field in fields(Event) if field.name not in _MAY_DIFFER]
_CLOCKS_DIFFER_SECONDS = 86_400


class Elsewhere:
    """Events made elsewhere, compared with those in a store.

    Args:
        store: the store that will get them.
        build: the build most of them are about; it is registered in the store.
        made: the new events.
    """

    def __init__(self, store: Store, build: Build, made: Sequence[Event]) -> None:
        self._name: str = build.manifest["result"]["name"]
        self._build = build
        self._queue = Queue(store)
        self._reviews = Reviews(store)
        self._roles = {person.id: person.role for person in People(store).all()}
        named = {event.id for event in made} | {event.undoes for event in made if event.undoes}
        self._held = self._reviews.of_ids(named)
        self._made = made
        self._here: dict[str, Event] = {}
        self._decided: dict[tuple[str, str], list[Event]] = {}
        for event in made:
            self._here.setdefault(event.id, event)
            if event.kind == "decision":
                self._decided.setdefault((event.annotator, event.item), []).append(event)

    def faults(self) -> Iterator[tuple[int, str]]:
        """Yield the index of each invalid event, from 0, and the reason in a sentence."""
        for place, event in enumerate(self._made):
            wrong = next(self._of(event), None)
            if wrong:
                yield place, wrong

    def _of(self, event: Event) -> Iterator[str]:
        for other in (self._held.get(event.id), self._here[event.id]):
            if other is not None and other is not event:
                differs = _differs(event, other)
                where = "in the store" if event.id in self._held else "earlier in the file"
                if differs:
                    yield f"id: {event.id} is already {where} with a different {differs}"
                return
        if event.fault:
            yield event.fault
            return
        yield from _form(event)
        if event.kind == "undo":
            yield from self._undo(event)
        elif event.kind != "comparison":
            yield from faults(event.decision, self._record(event))
        if event.kind in _FOR_LEADS and self._roles.get(event.annotator) == "annotator":
            yield f"annotator: {event.annotator} is not a lead in this store"
        if event.kind == "adjudication":
            yield from self._adjudication(event)

    def _undo(self, event: Event) -> Iterator[str]:
        undone = self._held.get(event.undoes or "") or self._here.get(event.undoes or "")
        if undone is None:
            yield f"undoes: there is no event {event.undoes!r} in the store or the file"
        elif undone.kind == "undo":
            yield f"undoes: {undone.id} is itself an undo, which cannot be undone"
        elif undone.annotator != event.annotator:
            yield f"undoes: {undone.id} is by {undone.annotator}, who alone can undo it"
        elif (undone.build, undone.item, undone.seen) != (event.build, event.item, event.seen):
            yield f"undoes: {undone.id} is about another item"

    def _adjudication(self, event: Event) -> Iterator[str]:
        if not event.decision.comment:
            yield "body.comment: an adjudication needs a comment with the reason"
        theirs = [*self._decided.get((event.annotator, event.item), ())]
        for held in self._reviews.of_item(event.item):
            if held.kind == "decision" and held.annotator == event.annotator:
                theirs.append(held)
        if any(made_at(decision) < made_at(event) for decision in theirs):
            yield "annotator: an annotator who reviewed this item cannot adjudicate it"

    def _record(self, event: Event) -> SampleRecord | None:
        """Return the sample that an event is about, or None if it has changed since."""
        try:
            item = self._queue.item(self._name, event.item)
        except KeyError:
            return None
        return self._build.row(item.shard, item.row) if item.seen == event.seen else None


def _form(event: Event) -> Iterator[str]:
    """Yield what is wrong with an event, independent of its sample."""
    verdicts = _VERDICTS.get(event.kind, VERDICTS)
    if event.verdict not in verdicts:
        yield f"verdict: {event.verdict!r} is not one of {', '.join(verdicts)}"
    if (event.kind == "undo") != (event.undoes is not None):
        yield "undoes: required for an undo, not allowed otherwise"
    if not re.search(load_schema("sample")["properties"]["id"]["pattern"], event.item):
        yield f"item: {event.item[:80]!r} is not a sample id"
    if not 0 <= event.at <= time.time() + _CLOCKS_DIFFER_SECONDS:
        yield f"at: {event.at} is not a time in the past, in seconds since 1970"


def _differs(event: Event, other: Event) -> str | None:
    """Return the first field in which two events of one id differ, or None."""
    same = (event.said, event.fault) == (other.said, other.fault)
    differing = (name for name in _COMPARED if getattr(event, name) != getattr(other, name))
    return next(differing, None if same else "body")
