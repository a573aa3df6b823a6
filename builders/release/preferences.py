"""Preference pairs from people's decisions, each with its origin.

    edit        the edited reply, over the draft
    rejection   a later draft that was accepted, over the rejected one; without a later draft only
                the rejected one, which says "not this"
    compared    the better of two drafts that were shown side by side

`review-export --format preferences`, `export --task dpo` and the published config `preference` get
them from here. Only people's decisions count. A response that failed a check and was requested
again is in the store as well, but it was rejected for its form, and nobody compared it with the one
that passed: such pairs would teach our checks, not empathy. Only undisputed items make pairs: a
disputed one has no better reply. An ineligible draft (`eligibility.py`) makes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, TypedDict

from builders.record.dataset import Build
from builders.record.reply_views import ReplyPart
from builders.record.types import ReviewStatus
from builders.record.versions import version_of
from builders.record.views import SampleRecord
from builders.release.eligibility import Extent, Purpose, Restrictions, eligibility
from builders.review.data.decisions import reply_wanted
from builders.review.data.events import Reviews
from builders.review.data.items import Items, reply_of
from builders.review.data.queue import Queue
from builders.review.outcome.comparisons import opponents, said_of
from builders.review.outcome.merge import Merged, views
from builders.review.outcome.redraft import earlier_versions, later_versions
from builders.store.address import store_exists
from builders.store.database import Store

Origin = Literal["edit", "rejection", "compared"]


class DraftOrigin(TypedDict):
    """The model and build of a draft, and its content hash."""

    build: str
    model: str
    seen: str


class EditOrigin(TypedDict):
    """The number of reviewers who wrote a reply."""

    reviewers: int


class PreferencePair(TypedDict):
    """Two replies to one target; people prefer the first.

    `chosen` and `rejected` have the shape of `schemas/reply.schema.json`; `chosen` is None if
    only the rejected one is known. `chosen_from` and `rejected_from` say who wrote it: the build
    and model, or how many ``reviewers``. `reviewers` counts the people behind the pair.
    """

    id: str
    origin: Origin
    chosen: ReplyPart | None
    chosen_from: DraftOrigin | EditOrigin | None
    rejected: ReplyPart
    rejected_from: DraftOrigin
    reasons: list[str]
    policy: str
    reviewers: int


def pairs_of(
    build: Build, address: str, known: Restrictions, say: Callable[[str], None]
) -> list[PreferencePair]:
    """Return the pairs of a build, its other versions and the builds it was compared with.

    Args:
        build: a finished build; the others are expected beside it.
        address: the store with the decisions; without one, there are no pairs.
        known: the ids that may not be used.
        say: called with a line about missing pairs.
    """
    if not store_exists(address):
        say(f"no preference pairs: there is no store {address} with review decisions")
        return []
    with closing(Store(address, writes=False)) as store:
        if not Reviews(store).any():
            return []
        versions = [*earlier_versions(build.folder), *later_versions(build.folder)]
        for one in (build, *versions):
            _register(one, store, known)
        others = _others(build, store, versions, say)
        for one in others:
            _register(one, store, known)
        return [*preferences(build, store, versions, others, known)]


def _register(build: Build, store: Store, known: Restrictions) -> None:
    for _ in Items(store, known).register(build):
        pass


def _others(
    build: Build, store: Store, versions: Sequence[Build], say: Callable[[str], None]
) -> list[Build]:
    """Return the builds this one was compared with, except its versions."""
    known = {one.manifest["result"]["name"] for one in versions}
    names = [n for n in opponents(store, build.manifest["result"]["name"]) if n not in known]
    places = {name: build.folder.with_name(name) for name in names}
    gone = [name for name, place in places.items() if not (place / "manifest.json").is_file()]
    if gone:
        say(f"no preference pairs with {', '.join(gone)}: not found beside {build.folder}")
    return [Build(place).verify() for name, place in places.items() if name not in gone]


def preferences(
    build: Build,
    store: Store,
    versions: Sequence[Build] = (),
    others: Sequence[Build] = (),
    known: Restrictions | None = None,
) -> Iterator[PreferencePair]:
    """Yield the pairs of a build, in order.

    `versions` are its redrafts, in order,
    including earlier versions. `others` are the builds it was compared with. The items of
    all builds must be registered.
    """
    known = known or Restrictions()
    drafts = [_Drafts(one, store, known) for one in sorted((build, *versions), key=_number)]
    compared = [*drafts, *(_Drafts(one, store, known) for one in others)]
    made: set[tuple[str, str, str]] = set()
    for place, of in enumerate(drafts):
        for view in of.views.values():
            pair = _from_view(view, drafts[place:])
            # A draft kept by a later version was only decided once.
            if pair and (key := (pair["id"], pair["origin"], pair["rejected_from"]["seen"])):
                if key not in made:
                    yield pair
                made.add(key)
    yield from _from_comparisons(compared, store, build.manifest["result"]["name"])


def _number(build: Build) -> int:
    """Return the version number of a build: 1 without a number in its name."""
    return version_of(build.folder.name)[1]


@dataclass(frozen=True, slots=True)
class _Draft:
    """A draft and its origin."""

    reply: ReplyPart
    record: SampleRecord
    origin: DraftOrigin


class _Drafts:
    """The eligible drafts of one build, and the decisions about them."""

    def __init__(self, build: Build, store: Store, known: Restrictions) -> None:
        self.name: str = build.manifest["result"]["name"]
        self._queue = Queue(store)
        self._build = build
        self._known = known
        self.views = {view.item.item: view for view in views(store, self.name)}

    def draft(self, item: str) -> _Draft | None:
        """Return the draft of an item; None if there is none, or it is not eligible."""
        try:
            found = self._queue.item(self.name, item)
        except KeyError:
            return None
        record = self._build.row(found.shard, found.row)
        # The review status makes the pair; everything else must allow using the target.
        if eligibility(record, Purpose.TRAIN, self._known).extent is Extent.NOTHING:
            return None
        model = record["drafting"]["model"]
        return _Draft(
            reply_of(record), record, {"build": self.name, "model": model, "seen": found.seen}
        )


def _from_view(view: Merged, drafts: Sequence[_Drafts]) -> PreferencePair | None:
    draft = drafts[0].draft(view.item.item)
    if view.decisive is None or draft is None:
        return None
    if view.status == ReviewStatus.EDITED:
        wanted = reply_wanted(view.decisive.decision, draft.record)
        return _pair("edit", view, wanted, {"reviewers": view.reviewers}, draft)
    if view.status != ReviewStatus.REJECTED:
        return None
    better, origin = _accepted_later(view.item.item, drafts[1:])
    return _pair("rejection", view, better, origin, draft)


def _accepted_later(
    item: str, later: Sequence[_Drafts]
) -> tuple[ReplyPart | None, DraftOrigin | EditOrigin | None]:
    """Return the last accepted or edited reply to a target, and its origin."""
    for drafts in reversed(later):
        view = drafts.views.get(item)
        draft = drafts.draft(item)
        if draft is None or view is None or view.decisive is None:
            continue
        if view.status == ReviewStatus.REJECTED:
            continue
        wanted = reply_wanted(view.decisive.decision, draft.record)
        if wanted is not None:
            return wanted, {"reviewers": view.reviewers}
        return draft.reply, draft.origin
    return None, None


def _pair(
    origin: Origin,
    view: Merged,
    chosen: ReplyPart | None,
    chosen_from: DraftOrigin | EditOrigin | None,
    rejected: _Draft,
) -> PreferencePair:
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


def _from_comparisons(
    drafts: Sequence[_Drafts], store: Store, build: str
) -> Iterator[PreferencePair]:
    """Yield a pair for each two drafts with a majority preference."""
    votes: dict[tuple[str, str, str], Counter[str | None]] = {}
    for said in said_of(Reviews(store).of_build(build)):
        first, second = sorted((said.first, said.second))
        votes.setdefault((said.item, first, second), Counter())[said.better] += 1
    for (item, a, b), counted in sorted(votes.items(), key=lambda vote: vote[0]):
        known = _by_hash(drafts, item)
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


def _by_hash(drafts: Sequence[_Drafts], item: str) -> Mapping[str, _Draft]:
    """Return the drafts of an item by content hash."""
    found = [draft for of in drafts if (draft := of.draft(item))]
    return {draft.origin["seen"]: draft for draft in found}
