"""What a page is shown of an item: sent as JSON, in this order."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import quote

from builders.record.reply_views import ReplyPart
from builders.record.views import ContextTurn, SampleRecord
from builders.review.data.items import reply_of
from builders.review.data.queue import Item


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


def face_of(item: Item, record: SampleRecord, turns: list[ShownTurn], spoken: bool) -> Face:
    """Return what everybody is shown of an item; `spoken` says whether its clip may be heard."""
    target = record["target_utterance"]
    return {
        "item": item.item,
        "seen": item.seen,
        "language": record["language"],
        "crisis": item.crisis,
        "background": record["background"] and record["background"]["text"],
        "turns": turns,
        "speaker": target["speaker"]["id"],
        "text": target["text"],
        "emotions": {
            "primary": target["emotions"]["primary"],
            "secondary": target["emotions"]["secondary"],
        },
        "audio": _address("audio", item.item) if spoken else None,
        "drawing": _address("drawing", item.item) if spoken else None,
        "duration": record["audio_info"]["duration"],
        "draft": reply_of(record),
    }


def turn_of(turn: ContextTurn, playable: bool) -> ShownTurn:
    """Return an earlier turn as a page shows it."""
    return {
        "speaker": turn["speaker"],
        "role": turn["role"],
        "text": turn["text"],
        "emotion": turn["emotion"],
        "audio": _address("audio", turn["id"]) if playable else None,
    }


def _address(path: str, item: str) -> str:
    return f"/{path}?item={quote(item, safe='')}"
