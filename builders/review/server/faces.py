"""What a page is shown of an item, as types: sent as JSON, in this order."""

from __future__ import annotations

from typing import TypedDict

from builders.record.reply_views import ReplyPart


class ShownTurn(TypedDict):
    """An earlier turn as a page shows it; `audio` is an address."""

    speaker: str | None
    role: str
    text: str
    emotion: str | None
    audio: str | None


class _Face(TypedDict):
    """What everybody is shown of an item, but for the draft."""

    item: str
    seen: str
    language: str
    crisis: bool
    background: str | None
    turns: list[ShownTurn]
    speaker: str | None
    text: str
    emotions: dict[str, str | None]
    audio: str | None
    drawing: str | None
    duration: float | None


class Face(_Face):
    """What everybody is shown of an item."""

    draft: ReplyPart


class ShownItem(_Face):
    """An item as a page shows it to one annotator; `mine` is their own decision."""

    draft: ReplyPart | None
    version: int
    hidden: bool
    mine: dict[str, object] | None


class DisputedItem(ShownItem):
    """An item as it is shown to whoever settles it, with what the others answered."""

    answers: list[dict[str, object]]
