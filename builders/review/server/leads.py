"""What a lead may see and settle: disputed items only, and whoever looked at one is noted.

Without that, a lead could read drafts and answers first and decide about the same items as an
annotator afterwards, as if they had not.
"""

from __future__ import annotations

import time

from builders.record.types import ReviewStatus
from builders.review.data.people import Annotator
from builders.review.data.queue import note_viewing
from builders.review.outcome.merge import merge
from builders.review.server.desk import Desk, NotTheirs
from builders.review.server.faces import DisputedItem


def disputed_item(desk: Desk, name: str, person: Annotator) -> DisputedItem:
    """Return a disputed item with the answers of the others, and note who has seen them.

    Raises:
        NotTheirs: it is not disputed, or they have decided about it.
        KeyError: there is no such item.
    """
    check_disputed(desk, name)
    shown = desk.disputed_item(name, person)
    with desk.writing:
        note_viewing(desk.store, desk.name, name, person.id, time.time())
    return shown


def check_disputed(desk: Desk, name: str, event_id: str = "") -> None:
    """Raise NotTheirs for an item that is not disputed, unless this event has settled it."""
    if event_id and desk.reviews.of_ids([event_id]):
        return  # sent again after a lost response
    item = desk.known_item(name)
    view = merge(item, desk.reviews.of_item(name))
    complete = item.submitted >= desk.settings.overlap
    if view is None or view.status != ReviewStatus.DISPUTED or not complete:
        raise NotTheirs(
            f"{name} is not disputed",
            expected="an item about which all have decided, and not the same",
            do="see which items are disputed under Disputed",
        )
