"""Comparing two drafts of one target: the logic behind the comparison page, in plain values.

Which draft is shown first is drawn for each annotator and pair by a salted hash, and the page is
not told. On the page, a is the first reply shown; stored is which build's draft is better,
and whose was shown first, so that a position bias can be detected.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from builders.record.dataset import Build
from builders.review.data.decided import Better, Event, Shown, standing
from builders.review.data.events import Conflict
from builders.review.data.items import Items
from builders.review.data.pairs import DraftPair, Pairs
from builders.review.data.people import Annotator
from builders.review.server.desk import Desk, NotTheirs


@dataclass(frozen=True, slots=True)
class ComparisonAnswer:
    """The answer about a pair as shown: a is the first, b the second reply."""

    choice: Better
    comment: str | None
    broken: bool | None
    seconds_heard: float | None
    seconds: float | None


class Comparing:
    """Compares the replies of a desk's build with those of another.

    Args:
        desk: the desk of the build under review.
        other: a finished build of the same targets.

    Attributes:
        counts: the counts from `Pairs.register`, once registered.
    """

    def __init__(self, desk: Desk, other: Build) -> None:
        self._desk = desk
        self._other = other
        self.against: str = other.manifest["result"]["name"]
        self._pairs = Pairs(desk.store, desk.name, self.against)
        self.name = self._pairs.name
        self.counts: Counter[str] = Counter()

    def register(self) -> Counter[str]:
        """Find the pairs of the two builds; return the counts from `Pairs.register`."""
        for build in (self._desk.build, self._other):
            for _ in Items(self._desk.store, self._desk.known).register(build):
                pass
        self.counts = self._pairs.register(self._desk.build, self._other, self._desk.known)
        return self.counts

    def next_pairs(self, person: Annotator, count: int) -> list[dict[str, object]]:
        """Lease the next pairs to a person and return them for display."""
        with self._desk.writing:
            given = self._pairs.give(person, count)
        return [
            self._shown(pair, person) | {"version": version}
            for pair, version in given
            if self._desk.may_show(pair.item)
        ]

    def pair(self, item: str, person: Annotator) -> dict[str, object]:
        """Return a pair that was given to this person.

        Raises:
            NotTheirs: it was not; KeyError: the target has no pair.
        """
        pair = self._pairs.pair(item)
        self._check_theirs(pair, person)
        return self._shown(pair, person)

    def left(self, person: Annotator) -> int:
        """Return the number of pairs left for a person."""
        return self._pairs.left(person)

    def done(self, person: Annotator) -> int:
        """Return the number of a person's comparisons of these two builds that stand."""
        return sum(e.body.get("against") == self.against for e in self._compared(person))

    def renew(self, item: str, person: Annotator) -> bool:
        """Renew the lease of an open pair."""
        with self._desk.writing:
            return self._desk.queue.renew(self.name, item, person.id)

    def leave(self, person: Annotator) -> None:
        """Release a person's leases of pairs."""
        with self._desk.writing:
            self._desk.queue.release(self.name, person.id)

    def compare(
        self, shown: Shown, person: Annotator, said: ComparisonAnswer, event_id: str
    ) -> Event:
        """Store which of two drafts a person finds better.

        Raises:
            Faulty: the clip has not been played.
            Conflict: they have decided in another tab, or a draft has changed.
        """
        pair = self._pairs.pair(shown.item)
        self._check_theirs(pair, person)
        if shown.seen != pair.hash:
            raise Conflict(
                f"{pair.item} now has another draft", do="reload the page and compare again"
            )
        record = self._desk.record(self._desk.known_item(pair.item))
        self._desk.check_heard(record, said.seconds_heard or 0.0, bool(said.broken))
        first = self._first(pair, person)
        more = {
            "against": self.against,
            "first": first,
            "comment": said.comment,
            "broken": said.broken,
            "seconds_heard": said.seconds_heard,
            "seconds": said.seconds,
        }
        about = Shown(self._desk.name, pair.item, pair.seen, shown.version)
        choice = _turned(said.choice, first)
        with self._desk.writing:
            event = self._desk.reviews.compare(
                person.id, about, pair.other, choice, event_id, more=more
            )
            self._pairs.count(pair.item, person.id)
        return event

    def undo(self, person: Annotator) -> dict[str, object] | None:
        """Undo a person's latest comparison and return its pair, leased to them again."""
        with self._desk.writing:
            if not self._made_here(person):
                return None
            undone = self._desk.reviews.undo(person.id, self._desk.name, ("comparison",))
            if undone is None:
                return None
            self._pairs.count(undone.item, "")
            self._pairs.again(undone.item, person.id)
        return self._shown(self._pairs.pair(undone.item), person) | {"mine": _as_page(undone)}

    def _made_here(self, person: Annotator) -> bool:
        """Return whether a person's latest comparison is between these two builds."""
        made = self._compared(person)
        return bool(made) and made[-1].body.get("against") == self.against

    def _compared(self, person: Annotator) -> list[Event]:
        """Return the comparisons of a person that stand, between whichever builds."""
        stands = standing(self._desk.reviews.history(self._desk.name, person.id))
        return [event for event in stands if event.kind == "comparison"]

    def _shown(self, pair: DraftPair, person: Annotator) -> dict[str, object]:
        """Return a pair for display to one annotator, without its builds."""
        desk = self._desk
        item = desk.known_item(pair.item)
        face = desk.face(item)
        shown: dict[str, object] = dict(face)
        # Either would tell which of the two replies is whose.
        del shown["draft"], shown["spoken"]
        mine = face["draft"]["text"]
        other = desk.queue.item(self.against, pair.item)
        theirs = self._other.row(other.shard, other.row)["desired_response"]["text"]
        replies = [mine, theirs] if self._first(pair, person) == "a" else [theirs, mine]
        version = desk.reviews.shown(desk.name, pair.item, person.id).version
        return shown | {"seen": pair.hash, "version": version, "replies": replies, "mine": None}

    def _first(self, pair: DraftPair, person: Annotator) -> str:
        """Return which draft is shown first: a for the desk's build, b for the other."""
        return "a" if self._desk.settings.draw("order", person.id, pair.hash) < 0.5 else "b"

    def _check_theirs(self, pair: DraftPair, person: Annotator) -> None:
        if not self._desk.queue.gave(self.name, pair.item, person.id):
            raise NotTheirs(
                f"{pair.item} is not assigned to you", do="continue with your next pair"
            )


def _turned(choice: Better, first: str) -> Better:
    """Convert a choice between positions to one between drafts, or back."""
    if choice == "equal" or first == "a":
        return choice
    return "b" if choice == "a" else "a"


def _as_page(event: Event) -> dict[str, object]:
    """Return a comparison in the form the page shows again."""
    said = event.said
    verdict = _turned(event.verdict, str(said.get("first", "a")))  # type: ignore[arg-type]
    given = {name: said.get(name) for name in ("comment", "broken", "seconds_heard")}
    return {"verdict": verdict, **given}
