"""Preference pairs from what reviewers did, each with its origin.

    edit        the reply as people want it, over the draft that they edited
    rejection   a later draft that was accepted, over the rejected one; without a later draft only
                the rejected one, which says "not this"
    compared    the better of two drafts that were shown side by side

Only settled items make pairs: a disputed one has no better reply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from builders.record.dataset import Build
from builders.record.views import ReplyPart, SampleRecord
from builders.review.data.decisions import reply_wanted
from builders.review.data.events import Reviews
from builders.review.data.items import reply_of
from builders.review.data.queue import Queue
from builders.review.outcome.comparisons import said_of
from builders.review.outcome.merge import Merged, views
from builders.store.database import Store

Pair = dict[str, Any]


def preferences(
    build: Build, store: Store, later: Sequence[Build] = (), others: Sequence[Build] = ()
) -> Iterator[Pair]:
    """Yield the pairs of a build, in its order.

    `later` are builds that draft its targets again, `others` whatever its drafts were compared to.

    Each pair has `id`, `origin`, `chosen` and `rejected` (replies of the shape of
    `schemas/reply.schema.json`; `chosen` may be None), `chosen_from` and `rejected_from` (who
    wrote it: the build and model, or ``reviewers``), `reasons`, `policy` and `reviewers` (how many
    people stand behind it). The items of all builds must be registered.
    """
    drafts = [_Drafts(one, store) for one in (build, *later)]
    compared = [*drafts, *(_Drafts(one, store) for one in others)]
    for view in views(store, drafts[0].name):
        made = _from_view(view, drafts)
        if made is not None:
            yield made
    yield from _from_comparisons(compared, store)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft, and what is said of where it comes from."""

    reply: ReplyPart
    record: SampleRecord
    origin: dict[str, Any]


class _Drafts:
    """The drafts of one build, and what people decided about them."""

    def __init__(self, build: Build, store: Store) -> None:
        self.name: str = build.manifest["result"]["name"]
        self._queue = Queue(store)
        self._build = build
        self.views = {view.item.item: view for view in views(store, self.name)}

    def draft(self, item: str) -> _Draft | None:
        """Return the draft of an item, or None where the build has none."""
        try:
            found = self._queue.item(self.name, item)
        except KeyError:
            return None
        record = self._build.row(found.shard, found.row)
        drafting = record["drafting"]
        origin = {"build": self.name, "model": drafting["model"], "seen": found.seen}
        return _Draft(reply_of(record), record, origin)


def _from_view(view: Merged, drafts: Sequence[_Drafts]) -> Pair | None:
    draft = drafts[0].draft(view.item.item)
    if view.decisive is None or draft is None:
        return None
    if view.status == "edited":
        wanted = reply_wanted(view.decisive.decision, draft.record)
        return _pair("edit", view, wanted, {"reviewers": view.reviewers}, draft)
    if view.status != "rejected":
        return None
    better, origin = _accepted_later(view.item.item, drafts[1:])
    return _pair("rejection", view, better, origin, draft)


def _accepted_later(
    item: str, later: Sequence[_Drafts]
) -> tuple[ReplyPart | None, dict[str, Any] | None]:
    """Return the last reply to a target that people accepted or edited, and where it is from."""
    for drafts in reversed(later):
        view = drafts.views.get(item)
        draft = drafts.draft(item)
        if draft is None or view is None or view.decisive is None or view.status == "rejected":
            continue
        wanted = reply_wanted(view.decisive.decision, draft.record)
        if wanted is not None:
            return wanted, {"reviewers": view.reviewers}
        return draft.reply, draft.origin
    return None, None


def _pair(
    origin: str,
    view: Merged,
    chosen: ReplyPart | None,
    chosen_from: dict[str, Any] | None,
    rejected: _Draft,
) -> Pair:
    return {
        "id": view.item.item,
        "origin": origin,
        "chosen": chosen,
        "chosen_from": chosen_from,
        "rejected": rejected.reply,
        "rejected_from": rejected.origin,
        "reasons": list(view.reasons),
        "policy": view.policy,
        "reviewers": view.reviewers,
    }


def _from_comparisons(drafts: Sequence[_Drafts], store: Store) -> Iterator[Pair]:
    """Yield a pair for each two drafts of which more people prefer one than the other."""
    votes: dict[tuple[str, str, str], Counter[str | None]] = {}
    for said in said_of(Reviews(store).of_build(drafts[0].name)):
        first, second = sorted((said.first, said.second))
        votes.setdefault((said.item, first, second), Counter())[said.better] += 1
    for (item, a, b), counted in sorted(votes.items(), key=lambda vote: vote[0]):
        known = {draft.origin["seen"]: draft for d in drafts if (draft := d.draft(item))}
        if counted[a] == counted[b] or a not in known or b not in known:
            continue
        chosen, rejected = (a, b) if counted[a] > counted[b] else (b, a)
        yield {
            "id": item,
            "origin": "compared",
            "chosen": known[chosen].reply,
            "chosen_from": known[chosen].origin,
            "rejected": known[rejected].reply,
            "rejected_from": known[rejected].origin,
            "reasons": [],
            "policy": "unanimous" if len(counted) == 1 else "majority",
            "reviewers": counted.total(),
        }
