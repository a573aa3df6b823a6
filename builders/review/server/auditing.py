"""The desk of an audit: the review page, with the rows of a random sample.

The page shows neither the drafted strategies nor anything that a judge or a check said. What an
auditor chooses as strategies stays an opinion.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.review.data.audits import AuditPlan, AuditQueue
from builders.review.data.decided import Decision, Event, Shown, standing
from builders.review.data.events import Reviews
from builders.review.data.items import reply_of
from builders.review.data.people import Annotator
from builders.review.data.queue import Item
from builders.review.outcome.audit import AuditOutcome, settle
from builders.review.server.desk import Desk
from builders.review.server.faces import Face, ShownItem
from builders.store.database import Store


class AuditDesk(Desk):
    """Everything an audit needs; see `Desk`.

    Args:
        build: the finished build, whose items are registered.
        store: the store with its events.
        known: the excluded ids.
        plan: the audit.
        tell: called with the outcome whenever it is decided anew.
    """

    def __init__(
        self,
        build: Build,
        store: Store,
        known: Restrictions,
        plan: AuditPlan,
        tell: Callable[[AuditOutcome], None],
    ) -> None:
        super().__init__(build, store, None, known)
        self.settings = replace(self.settings, hidden_share=0.0, gold_share=0.0)
        self.queue = AuditQueue(store, self.name, plan)
        self.reviews = _AuditReviews(store, plan.salt)
        self._plan = plan
        self._tell = tell
        self._ended = False

    def decide(self, shown: Shown, person: Annotator, decision: Decision, event_id: str) -> Event:
        """Store a decision of the audit; see `Desk.decide`."""
        drafted = reply_of(self.record(self.known_item(shown.item)))["strategies"]
        if decision.reply is not None and not decision.reply.get("strategies"):
            decision = replace(decision, reply={**decision.reply, "strategies": drafted})
        decision = replace(decision, strategies=decision.strategies or None)
        event = super().decide(shown, person, decision, event_id)
        self._look()
        return event

    def undo(self, person: Annotator) -> ShownItem | None:
        """Undo a person's latest decision in the audit."""
        with self.writing:
            undone = self.reviews.undo(person.id, self.name)
            if undone is not None:
                self.queue.again(self.name, undone.item, person.id)
        if undone is None:
            return None
        self._look()
        shown = self._shown(self.known_item(undone.item), person)
        return {**shown, "mine": {"verdict": undone.verdict, **undone.said}}

    def decided(self, person: Annotator) -> list[Event]:
        """Return a person's decisions in the audit, the latest first."""
        stands = standing(self.reviews.history(self.name, person.id))
        return [e for e in reversed(stands) if e.kind == "audit" and self.may_show(e.item)]

    def disputed(self, person: Annotator) -> list[Item]:
        """Return nothing: one person decides about each row."""
        return []

    def _made_face(self, item: Item) -> Face:
        face = super()._made_face(item)
        return {**face, "draft": {**face["draft"], "strategies": []}}

    def _look(self) -> None:
        """Keep the outcome if it is decided, and tell it once."""
        with self.writing:
            found = settle(self.store, self.name, self._plan)
        ended = found is not None and found.ended
        if found is not None and ended and not self._ended:
            self._tell(found)
        self._ended = ended


class _AuditReviews(Reviews):
    """Events of which every decision belongs to an audit."""

    def __init__(self, store: Store, audit: str) -> None:
        super().__init__(store)
        self._audit = audit

    def decide(
        self, annotator: str, shown: Shown, decision: Decision, event_id: str | None = None
    ) -> Event:
        chosen = bool(decision.strategies) and decision.verdict in ("accept", "edit")
        decision = replace(decision, hidden=None, opinion=True if chosen else None)
        return self.audit(annotator, shown, decision, self._audit, event_id)

    def undo(self, annotator: str, build: str, kinds: Collection[str] = ("audit",)) -> Event | None:
        return super().undo(annotator, build, ("audit",))
