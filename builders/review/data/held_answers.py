"""What qualified people make of lines that a build holds for them: events of their own kind."""

from __future__ import annotations

from collections.abc import Mapping

from builders.review.data.decided import Event, Shown
from builders.review.data.events import Reviews

# They are in no export.
HELD = "held"


def held_answers(reviews: Reviews, build: str) -> list[Event]:
    """Return what people made of the lines that a build held for them, oldest first."""
    return [event for event in reviews.history(build) if event.kind == HELD]


def answer_held(
    reviews: Reviews,
    annotator: str,
    line: tuple[str, str, str],
    body: Mapping[str, object],
    event_id: str,
) -> Event:
    """Append what a person made of a line; without a `text` in `body` it is a pass.

    `line` is the build, the line's id, and the hash of what was shown.
    """
    build, item, seen = line
    mine = [one.version for one in reviews.of_item(item) if one.annotator == annotator]
    shown = Shown(build, item, seen, max(mine, default=0))
    verdict = "pass" if body.get("text") is None else "reply"
    return reviews.add_one(annotator, shown, (HELD, verdict), dict(body), event_id)
