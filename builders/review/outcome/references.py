"""Replies that people wrote in review, as references beside which a judge rates the draft."""

from __future__ import annotations

from builders.evaluation.scoring import same_words
from builders.record.dataset import Build
from builders.record.types import ReviewStatus
from builders.release.eligibility import Restrictions
from builders.review.data.decisions import reply_wanted
from builders.review.data.events import Reviews
from builders.review.data.items import Items, reply_of
from builders.review.outcome.merge import views
from builders.store.database import Store


def references(build: Build, store: Store, known: Restrictions) -> dict[str, str]:
    """Return the text of the reply that people settled on, by the id of its sample.

    A draft that they accepted as it is would only be rated against itself, and is left out.

    Args:
        build: the build.
        store: an open store with the decisions.
        known: the ids that may not be used.
    """
    if not Reviews(store).any():
        return {}
    for _ in Items(store, known).register(build):
        pass
    found = {}
    for view in views(store, build.name):
        if view.decisive and view.status in (ReviewStatus.EDITED, ReviewStatus.ACCEPTED):
            record = build.row(view.item.shard, view.item.row)
            wanted = reply_wanted(view.decisive.decision, record)
            same = wanted is None or same_words(wanted["text"], reply_of(record)["text"])
            if wanted and not same and not known.excluded(view.item.item):
                found[view.item.item] = wanted["text"]
    return found
