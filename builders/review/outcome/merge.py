"""Merging decisions: one result per item, computed from the events.

Only decisions on the item's current content count, without skips and surplus ones. One in an audit
counts like another, unless its annotator has also decided in the review. All equal is
``unanimous``; more than half equal is ``majority``; anything else is ``disputed`` until somebody
who had not seen the item adjudicates. Two different edits are not equal. A gold answer is a lead's
and counts like an adjudication.

The emotion that people hear is merged separately, in the same way: they may agree on it but not on
the reply. People who name none have no vote but still count: more than half of all must name one
for it to prevail. It is stored beside the label, which does not change.
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
from builders.review.data.decided import made_at
from builders.review.data.decisions import edit_faults, edited, reply_wanted
from builders.review.data.events import Decision, Event, Reviews, counted, standing
from builders.review.data.queue import Item
from builders.review.data.tables import events, items
from builders.store.database import Store

Policy = Literal["unanimous", "majority", "adjudicated"]


@dataclass(frozen=True, slots=True)
class MergedEmotion:
    """The emotion people hear: the prevailing one or None, and the votes of those who named one.

    If nobody named one, it is None, there are no votes, and the policy is ``majority``.
    """

    emotion: str | None
    policy: Policy
    votes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged decisions about one item.

    Attributes:
        item: the item, whose `gold` says whether annotators were tested on it.
        policy: how it was decided; ``majority`` for a disputed item, since none was reached.
        reviewers: the number of people whose decisions count.
        decisive: the prevailing decision, or None if disputed.
        decisions: each annotator's decision that counts, oldest first.
        ratings: mean and number per scale, over `decisions`.
        flags: all flags, including those of skips.
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
    """Return the merged events about an item; None if nobody has decided it."""
    present = [event for event in standing(made) if event.seen == item.seen]
    decisions = _with_audits(counted(present), () if item.gold else present)
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


def _with_audits(decisions: list[Event], present: Iterable[Event]) -> list[Event]:
    """Return decisions and those of an audit by other people, oldest first."""
    known = {event.annotator for event in decisions}
    audits = (e for e in present if e.kind == "audit" and e.verdict != "skip")
    return sorted([*decisions, *(e for e in audits if e.annotator not in known)], key=made_at)


def views(store: Store, build: str) -> list[Merged]:
    """Return the merged decisions about the items of a build, in its order; register them first.

    Items whose current content nobody has decided are left out.
    """
    by_item: dict[str, list[Event]] = {}
    for event in Reviews(store).of_build(build):
        by_item.setdefault(event.item, []).append(event)
    query = sa.select(items).where(items.c.build == build).order_by(items.c.position)
    query = query.where(sa.or_(items.c.submitted > 0, items.c.gold, _has_other()))
    with store.translated(), store.engine.connect() as connection:
        decided = [Item(**row._mapping) for row in connection.execute(query)]
    merged = (merge(item, by_item.get(item.item, ())) for item in decided)
    return [view for view in merged if view is not None]


def with_review(record: SampleRecord, view: Merged | None) -> SampleRecord:
    """Return a sample with its `review` filled in and the reply chosen by reviewers.

    The clip's bytes are kept. Leaving out rejected samples is up to the caller.

    Raises:
        ConfigError: the chosen reply is no longer valid, because the rules have changed.
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
    """Return the latest of the prevailing decisions, and the policy."""
    votes = Counter(_vote(item, event.decision) for event in decisions)
    most, number = votes.most_common(1)[0]
    if 2 * number <= len(decisions):
        return None, "majority"
    prevailing = [event for event in decisions if _vote(item, event.decision) == most]
    return prevailing[-1], "unanimous" if len(votes) == 1 else "majority"


def _heard(decisions: Sequence[Event], settling: Event | None) -> MergedEmotion:
    """Return the emotion that people hear, from `settling` if the adjudicator named one."""
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
    """Return the vote in a decision, comparable between decisions."""
    if decision.verdict == "edit":
        return orjson.dumps(decision.reply, option=orjson.OPT_SORT_KEYS).decode()
    if _restated(item, decision):
        return f"accept {strategies.join(decision.strategies or ())}"
    return decision.verdict


def _restated(item: Item, decision: Decision) -> bool:
    """Return whether a draft was accepted with different strategies."""
    if decision.verdict != "accept" or decision.opinion or not decision.strategies:
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


def _has_other() -> sa.ColumnElement[bool]:
    others = ("adjudication", "audit")
    return sa.exists().where(events.c.item == items.c.item, events.c.kind.in_(others))
