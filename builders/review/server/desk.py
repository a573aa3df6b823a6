"""The desk: the logic of a review, called by the server's routes, in plain values.

A page gets only what is needed to decide: not other people's decisions, the model
that drafted, or its scores.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, replace

import orjson

from builders.errors import HeartenError
from builders.record.dataset import Build
from builders.record.sample import without_bytes
from builders.record.types import ReviewStatus
from builders.record.views import ContextTurn, SampleRecord
from builders.release.eligibility import Purpose, Restrictions, left_out
from builders.review.data.decided import Decision, Event, Shown, counted, standing
from builders.review.data.decisions import faults, with_opinion
from builders.review.data.events import Reviews
from builders.review.data.first_answers import FirstAnswers
from builders.review.data.items import Items, reply_of
from builders.review.data.people import Annotator, People
from builders.review.data.queue import Item, Queue
from builders.review.data.settings import Settings, load_settings
from builders.review.outcome.merge import views
from builders.review.server.clips import Clips
from builders.review.server.faces import DisputedItem, Face, ShownItem, face_of, turn_of
from builders.review.server.sessions import Sessions
from builders.review.server.sound import Cache
from builders.store.database import Store

AHEAD = 3
# The share of a clip that must be played before deciding; the rest is silence or a quick key.
HEARD_SHARE = 0.9
# Comparisons are undone in `comparing.py`.
_UNDONE = ("decision", "adjudication", "gold")
_SHOWN = 32 * 2**20


class Faulty(HeartenError):
    """An invalid decision; `faults` are sentences for its annotator."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("; ".join(found))
        self.faults = found


class NotTheirs(HeartenError):
    """An item that was never given to this annotator."""


class Desk:
    """Everything a review of one build needs.

    Args:
        build: the finished build.
        store: the store with its events.
        against: the build it is compared with, if there is one.
        known: the excluded ids, none by default.

    Attributes:
        writing: SQLite has one writer: waiting for this lock is faster than its polling.
    """

    def __init__(
        self,
        build: Build,
        store: Store,
        against: str | None = None,
        known: Restrictions | None = None,
    ) -> None:
        self.name: str = build.manifest["result"]["name"]
        self.build = build
        self.against, self.matches = against, False  # whether pairs are matched by ear here
        self.people = People(store)
        self.sessions = Sessions(store, self.people)
        self.reviews = Reviews(store)
        self.store = store
        self.settings: Settings = load_settings(store, self.name)
        self._first = FirstAnswers(store)
        self.queue = Queue(store)
        self.known = known or Restrictions()
        # Another process that registers items may know other exclusions.
        self._out = frozenset(left_out(build.shards(), Purpose.REVIEW, self.known))
        self._cache, self._clips = Cache(_SHOWN), Clips(build)
        self._complete = False
        self.writing = threading.Lock()
        self.begun = threading.Event()

    def register(self, stop: threading.Event) -> None:
        """Register the items; those of a large build open up while this runs."""
        try:
            for _ in Items(self.store, self.known).register(self.build):
                self.begun.set()
                if stop.is_set():
                    return
            self._complete = True
        finally:
            self.begun.set()

    def next_items(self, person: Annotator, count: int) -> list[ShownItem]:
        """Lease the next items to a person and return them for display."""
        with self.writing:
            given = self.queue.give(self.name, person, count)
        return [
            {**self._shown(item, person), "version": version}
            for item, version in given
            if self.may_show(item.item)
        ]

    def may_show(self, name: str) -> bool:
        """Return whether an item may be shown at all."""
        return name not in self._out and not self.known.excluded(name)

    def known_item(self, name: str) -> Item:
        """Return an item; KeyError if there is none or it may not be shown."""
        if not self.may_show(name):
            raise KeyError(name)
        return self.queue.item(self.name, name)

    def left(self, person: Annotator) -> dict[str, int]:
        """Return the number of items left, in total and for this person."""
        return asdict(self.queue.left(self.name, person))

    def totals(self) -> dict[str, int]:
        """Return the number of items and of fully reviewed items."""
        left = self.left(Annotator("", None, "lead", takes_crisis=True))
        return {"items": left["items"], "done": left["done"]}

    def stands(self) -> list[Event]:
        """Return all events in force in this build."""
        return standing(self.reviews.history(self.name))

    def item(self, name: str, person: Annotator) -> ShownItem:
        """Return one item that was given to this person.

        Raises:
            NotTheirs: it was not; KeyError: there is no such item.
        """
        item = self.known_item(name)
        self._check_theirs(item, person)
        return self._shown(item, person)

    def renew(self, name: str, person: Annotator) -> bool:
        """Renew the lease of an open item."""
        with self.writing:
            return self.queue.renew(self.name, name, person.id)

    def take_crisis(self, person: Annotator, wanted: bool) -> None:
        """Save whether a person accepts crisis items."""
        with self.writing:
            self.people.take_crisis(person.id, wanted)

    def leave(self, cookie: str, person: Annotator) -> None:
        """End a session and release its annotator's leases."""
        with self.writing:
            self.queue.release(self.name, person.id)
            self.sessions.end(cookie)

    def first_answer(self, shown: Shown, person: Annotator, decision: Decision) -> ShownItem:
        """Save a person's answers before they see the draft, and return the item with the draft.

        Raises:
            Faulty: the answer is not valid, or the clip has not been played.
        """
        item = self.known_item(shown.item)
        self._check_theirs(item, person)
        if not decision.strategies:
            raise Faulty(["strategies: choose at least one to see the draft"])
        self._check_answered(decision, self.record(item), skips=False)
        answer = {"strategies": decision.strategies, "emotion": decision.emotion}
        with self.writing:
            self._first.keep(shown, person.id, {k: v for k, v in answer.items() if v})
        return self._shown(item, person)

    def decide(self, shown: Shown, person: Annotator, decision: Decision, event_id: str) -> Event:
        """Store a decision about an item given to this person.

        Raises:
            Faulty: the decision is not valid, or the clip has not been played.
            Conflict: they have decided it in another tab.
        """
        item = self.known_item(shown.item)
        self._check_theirs(item, person)
        decision = with_opinion(decision, self.record(item))
        self._check_answered(decision, self.record(item))
        if self.settings.hides(person.id, item.item):
            before = self._first.given(shown, person.id)
            if before is None and decision.verdict != "skip":
                raise Faulty(["the draft is still hidden: choose strategies first"])
            decision = replace(decision, hidden=True, before=before)
        else:
            decision = replace(decision, hidden=False)
        with self.writing:
            return self.reviews.decide(person.id, shown, decision, event_id)

    def gold(self, shown: Shown, person: Annotator, decision: Decision) -> Event:
        """Store a lead's gold answer to an item."""
        record = self.record(self.known_item(shown.item))
        decision = with_opinion(decision, record)
        self._check(decision, record)
        with self.writing:
            return self.reviews.set_gold(person.id, shown, decision)

    def adjudicate(
        self, shown: Shown, person: Annotator, decision: Decision, event_id: str
    ) -> Event:
        """Store an adjudication."""
        record = self.record(self.known_item(shown.item))
        decision = with_opinion(decision, record)
        self._check_answered(decision, record)
        if not decision.comment:
            raise Faulty(["comment: give the reason for this decision"])
        with self.writing:
            return self.reviews.adjudicate(person.id, shown, decision, event_id)

    def undo(self, person: Annotator) -> ShownItem | None:
        """Undo a person's latest decision and return its item, leased to them again."""
        with self.writing:
            undone = self.reviews.undo(person.id, self.name, _UNDONE)
            if undone is None:
                return None
            if undone.kind == "decision":
                self.queue.again(self.name, undone.item, person.id)
        shown = self._shown(self.known_item(undone.item), person)
        return {**shown, "mine": _as_page(undone)}

    def decided(self, person: Annotator) -> list[Event]:
        """Return a person's decisions and comparisons in force, the latest first."""
        stands = standing(self.reviews.history(self.name, person.id))
        decisions = (e for e in reversed(stands) if e.kind in ("decision", "comparison"))
        return [event for event in decisions if self.may_show(event.item)]

    def disputed(self, person: Annotator) -> list[Item]:
        """Return fully reviewed items with disagreement that this person has not seen."""
        return [
            view.item
            for view in views(self.store, self.name)
            if view.status == ReviewStatus.DISPUTED
            and self.may_show(view.item.item)
            and view.item.submitted >= self.settings.overlap
            and not self._knows(view.item.item, person)
        ]

    def disputed_item(self, name: str, person: Annotator) -> DisputedItem:
        """Return an item for its adjudicator, with the answers of the others.

        Raises:
            NotTheirs: they have seen the item before.
        """
        item = self.known_item(name)
        if self._knows(name, person):
            raise NotTheirs(
                f"you have already seen {name}",
                expected="an adjudicator who has not seen it",
                do="leave it to another lead",
            )
        return {
            **self._shown(item, person),
            "draft": reply_of(self.record(item)),
            "hidden": False,
            "answers": self._answers(item),
        }

    def _answers(self, item: Item) -> list[dict[str, object]]:
        """Return the answers about an item, not in the order they were given."""
        made = counted(self.reviews.of_item(item.item))
        answers = [_as_page(event) for event in made if event.seen == item.seen]
        draw = self.settings.draw
        return sorted(answers, key=lambda one: draw("answers", item.item, orjson.dumps(one).hex()))

    def clip(self, name: str) -> bytes:
        """Return an item's clip as WAV; KeyError if there is none, or none may be played."""
        return self._clips.wav(self._heard(name))

    def spoken(self, name: str, person: Annotator) -> bytes:
        """Return an item's spoken reply as WAV; KeyError if there is none in their sight."""
        item = self._heard(name)
        if self._shown(item, person)["spoken"] is None:
            raise KeyError(name)
        return self._clips.wav(item, "reply_audio")

    def drawing(self, name: str) -> bytes:
        """Return the peaks and pitch of an item's clip, as JSON."""
        return self._clips.drawing(self._heard(name))

    def _heard(self, name: str) -> Item:
        """Return an item that may be heard; KeyError in a text-only review."""
        if self.settings.text_only:
            raise KeyError(name)
        return self.known_item(name)

    def record(self, item: Item) -> SampleRecord:
        """Return an item's sample without its clips."""
        name = f"record {item.seen}"
        held: bytes = self._cache.get(name, lambda: orjson.dumps(self._read(item)), len)
        record: SampleRecord = orjson.loads(held)
        return record

    def _read(self, item: Item) -> SampleRecord:
        row = self.build.row(item.shard, item.row)
        return {**row, "reply_audio": without_bytes(row["reply_audio"])}

    def _shown(self, item: Item, person: Annotator) -> ShownItem:
        """Return an item for display to one annotator."""
        face = self.face(item)
        shown = self.reviews.shown(self.name, item.item, person.id)
        hidden = (
            self.settings.hides(person.id, item.item)
            and self._first.given(shown, person.id) is None
        )
        mine = None
        if shown.version:
            made = [e for e in self.reviews.of_item(item.item) if e.annotator == person.id]
            mine = next(
                (_as_page(e) for e in reversed(standing(made)) if e.kind == "decision"), None
            )
        return {
            **face,
            "draft": None if hidden else face["draft"],
            "spoken": None if hidden else face["spoken"],
            "version": shown.version,
            "hidden": hidden,
            "mine": mine,
        }

    def face(self, item: Item) -> Face:
        """Return the part of an item that is the same for everybody."""
        if not self._complete:
            return self._made_face(item)
        held: bytes = self._cache.get(
            f"face {item.seen}", lambda: orjson.dumps(self._made_face(item)), len
        )
        face: Face = orjson.loads(held)
        return face

    def _made_face(self, item: Item) -> Face:
        record = self.record(item)
        turns = [turn_of(turn, self._playable(turn)) for turn in record["text_context"]]
        return face_of(item, record, turns, heard=not self.settings.text_only)

    def _playable(self, turn: ContextTurn) -> bool:
        heard = turn["audio_sha256"] and not self.settings.text_only
        return bool(heard) and self._has(turn["id"])

    def _has(self, name: str) -> bool:
        try:
            self.known_item(name)
        except KeyError:
            return False
        return True

    def _check(self, decision: Decision, record: SampleRecord) -> None:
        found = faults(decision, record)
        if self.settings.text_only and decision.emotion:
            found.append("emotion: nothing can be heard in a text-only review; leave it out")
        if found:
            raise Faulty(found)

    def check_heard(self, record: SampleRecord, seconds_heard: float, broken: bool) -> None:
        """Raise Faulty if too little of a playable clip was played."""
        seconds = record["audio_info"]["duration"]
        if self.settings.text_only or broken or not seconds:
            return
        if seconds_heard < HEARD_SHARE * seconds:
            raise Faulty(
                ["listen to the whole clip before you decide, or flag the audio as broken"]
            )

    def _check_answered(
        self, decision: Decision, record: SampleRecord, *, skips: bool = True
    ) -> None:
        """Raise Faulty if a decision is not valid, or was made without playing the clip.

        A skip may be made without it; an answer given before the draft is shown may not.
        """
        self._check(decision, record)
        if decision.verdict != "skip" or not skips:
            broken = "audio_broken" in (decision.flags or ())
            self.check_heard(record, decision.seconds_heard or 0.0, broken)

    def _knows(self, name: str, person: Annotator) -> bool:
        """Return whether a person has seen an item."""
        decided = self.reviews.shown(self.name, name, person.id).version > 0
        return decided or self.queue.gave(self.name, name, person.id)

    def _check_theirs(self, item: Item, person: Annotator) -> None:
        if not self._knows(item.item, person):
            raise NotTheirs(
                f"{item.item} is not assigned to you",
                do="continue with the next item in your queue",
            )


def _as_page(event: Event) -> dict[str, object]:
    """Return a decision in the form the page shows again, without invalid parts."""
    return {"verdict": event.verdict, **event.said}
