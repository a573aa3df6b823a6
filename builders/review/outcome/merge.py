"""What people's decisions come to: one view per item, computed anew from the events.

Only decisions on the item's present content count, skips and surplus ones apart. All alike is
``unanimous``; more than half alike is ``majority``; anything else is ``disputed`` until somebody
who had not seen the item adjudicates. Two different edits are not alike. A gold answer is a lead's
own and stands like an adjudication.

The emotion that people hear is merged by itself, in the same way: they may agree on it and not on
the reply. Whoever names none has no vote, and still counts: more than half of all must name one for
it to prevail. It stands beside the label, which stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import sqlalchemy as sa

from builders.errors import ConfigError
from builders.labels import strategies
from builders.record.reply_views import ReviewPart
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.review.data.decisions import edit_faults, edited, reply_wanted
from builders.review.data.events import Decision, Event, Reviews, counted, standing
from builders.review.data.queue import Item
from builders.review.data.tables import events, items
from builders.store.database import Store

Policy = Literal["unanimous", "majority", "adjudicated"]


@dataclass(frozen=True, slots=True)
class MergedEmotion:
    """Which emotion people hear: the one that prevails, or None; the votes of those who name one.

    None is also where nobody names one: then there are no votes, and the policy is ``majority``.
    """

    emotion: str | None
    policy: Policy
    votes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """What was decided about one item.

    Attributes:
        item: the item, whose `gold` says whether annotators were tested on it.
        policy: how it was settled; of a disputed item ``majority``, as there was none.
        reviewers: how many people's decisions went into it.
        decisive: the decision that prevails, or None where it is disputed.
        decisions: each annotator's decision that counts, oldest first.
        ratings: mean and number per scale, over `decisions`.
        flags: whatever anybody flagged, also when skipping.
        reasons: why it was rejected, the most frequent first.
        heard: the emotion they hear in the utterance.
    """

    item: Item
    status: ReviewStatus
    policy: Policy
    reviewers: int
    decisive: Event | None
    decisions: tuple[Event, ...]
    ratings: tuple[tuple[str, float, int], ...]
    flags: tuple[str, ...]
    reasons: tuple[str, ...]
    heard: MergedEmotion

    @property
    def review(self) -> ReviewPart:
        """Return the record's `review` field."""
        return {
            "status": self.status,
            "policy": self.policy,
            "reviewers": self.reviewers,
            "ratings": [
                {"scale": scale, "mean": mean, "count": count}
                for scale, mean, count in self.ratings
            ],
            "flags": list(self.flags),
            "emotion": {
                "heard": self.heard.emotion,
                "policy": self.heard.policy,
                "votes": [{"emotion": e, "count": count} for e, count in self.heard.votes],
            },
        }


def merge(item: Item, made: Iterable[Event]) -> Merged | None:
    """Return what the events about an item come to; None where nobody has decided about it."""
    present = [event for event in standing(made) if event.seen == item.seen]
    decisions = counted(present)
    settled = [e for e in present if e.kind in ("adjudication", "gold") and e.verdict != "skip"]
    if not decisions and not settled:
        return None
    policy: Policy
    decisive: Event | None
    if settled:
        decisive, policy = settled[-1], "adjudicated"
    else:
        decisive, policy = _voted(item, decisions)
    people = {event.annotator for event in (*decisions, *settled[-1:])}
    return Merged(
        item=item,
        status=_status(item, decisive),
        policy=policy,
        reviewers=len(people),
        decisive=decisive,
        decisions=tuple(decisions),
        ratings=_ratings([event.decision for event in decisions]),
        flags=tuple(sorted({flag for event in present for flag in event.flags})),
        reasons=_reasons(decisive, decisions),
        heard=_heard(decisions, settled[-1] if settled else None),
    )


def views(store: Store, build: str) -> list[Merged]:
    """Return what was decided about the items of a build, in its order; register them first.

    An item about whose present content nobody has decided is not among them.
    """
    by_item: dict[str, list[Event]] = {}
    for event in Reviews(store).of_build(build):
        by_item.setdefault(event.item, []).append(event)
    query = sa.select(items).where(items.c.build == build).order_by(items.c.position)
    query = query.where(sa.or_(items.c.submitted > 0, items.c.gold, _has_adjudication()))
    with store.translated(), store.engine.connect() as connection:
        decided = [Item(**row._mapping) for row in connection.execute(query)]
    merged = (merge(item, by_item.get(item.item, ())) for item in decided)
    return [view for view in merged if view is not None]


def with_review(record: SampleRecord, view: Merged | None) -> SampleRecord:
    """Return a sample with its `review` filled and its reply as people want it.

    The clip's bytes are kept. Whoever publishes leaves out what was rejected, if that is wanted.

    Raises:
        ConfigError: the reply they want is no longer valid, as the rules have changed since.
    """
    if view is None:
        return {**record, "review": None}
    reviewed: SampleRecord = {**record, "review": view.review}
    reply = reply_wanted(view.decisive.decision, record) if view.decisive else None
    if reply is None:
        return reviewed
    wrong = edit_faults(reply, record)
    if wrong:
        raise ConfigError(
            f"the reply chosen in review for {record['id']} is not valid: {'; '.join(wrong)}",
            do="adjudicate it again, or restore the earlier rules for replies",
        )
    return {**edited(record, reply), "audio": record["audio"], "review": view.review}


def _voted(item: Item, decisions: Sequence[Event]) -> tuple[Event | None, Policy]:
    """Return the latest decision of those that prevail, and how they do."""
    votes = Counter(_vote(item, event.decision) for event in decisions)
    most, number = votes.most_common(1)[0]
    if 2 * number <= len(decisions):
        return None, "majority"
    prevailing = [event for event in decisions if _vote(item, event.decision) == most]
    return prevailing[-1], "unanimous" if len(votes) == 1 else "majority"


def _heard(decisions: Sequence[Event], settling: Event | None) -> MergedEmotion:
    """Return the emotion that people hear, by `settling` where who settled the item names one."""
    named = Counter(e.decision.emotion for e in decisions)
    given = {emotion: count for emotion, count in named.items() if emotion is not None}
    votes = tuple(sorted(given.items(), key=lambda vote: (-vote[1], vote[0])))
    if settling is not None and settling.decision.emotion is not None:
        return MergedEmotion(settling.decision.emotion, "adjudicated", votes)
    most, number = votes[0] if votes else (None, 0)
    if 2 * number <= len(decisions):
        return MergedEmotion(None, "majority", votes)
    return MergedEmotion(most, "unanimous" if number == len(decisions) else "majority", votes)


def _vote(item: Item, decision: Decision) -> str:
    """Return what a decision is for, so that two for the same are equal."""
    if decision.verdict == "edit":
        return orjson.dumps(decision.reply, option=orjson.OPT_SORT_KEYS).decode()
    if _restated(item, decision):
        return f"accept {strategies.join(decision.strategies or ())}"
    return decision.verdict


def _restated(item: Item, decision: Decision) -> bool:
    """Return whether a draft was accepted under other strategies than its own."""
    if decision.verdict != "accept" or not decision.strategies:
        return False
    return strategies.join(decision.strategies) != item.strategies


def _status(item: Item, decisive: Event | None) -> ReviewStatus:
    if decisive is None:
        return ReviewStatus.DISPUTED
    decision = decisive.decision
    if decision.verdict == "accept":
        return ReviewStatus.EDITED if _restated(item, decision) else ReviewStatus.ACCEPTED
    return ReviewStatus.EDITED if decision.verdict == "edit" else ReviewStatus.REJECTED


def _ratings(decisions: Sequence[Decision]) -> tuple[tuple[str, float, int], ...]:
    rated = [decision.ratings for decision in decisions if decision.ratings]
    scales = sorted({scale for ratings in rated for scale in ratings})
    given = {s: [ratings[s] for ratings in rated if s in ratings] for s in scales}
    return tuple((scale, sum(v) / len(v), len(v)) for scale, v in given.items())


def _reasons(decisive: Event | None, decisions: Sequence[Event]) -> tuple[str, ...]:
    if decisive is None or decisive.verdict != "reject":
        return ()
    rejecting = [event for event in (decisive, *decisions) if event.verdict == "reject"]
    by_event = {event.id: event.decision.reason for event in rejecting}
    reasons = Counter(reason for reason in by_event.values() if reason)
    return tuple(reason for reason, _ in reasons.most_common())


def _has_adjudication() -> sa.ColumnElement[bool]:
    return sa.exists().where(events.c.item == items.c.item, events.c.kind == "adjudication")
