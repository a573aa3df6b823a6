"""The parts of an item sent to a page as JSON, in this order."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import quote

from builders.audio.with_librosa import has_librosa
from builders.record.reply_views import ReplyPart
from builders.record.views import ContextTurn, SampleRecord
from builders.review.data.decisions import fitting_strategies
from builders.review.data.items import reply_of
from builders.review.data.queue import Item


class ShownTurn(TypedDict):
    """An earlier turn for display; `audio` is an address."""

    speaker: str | None
    role: str
    text: str
    emotion: str | None
    audio: str | None


class _Face(TypedDict):
    """The common part of an item, without the draft.

    `fitting` are the strategies that its reply may have; others are kept as an opinion.
    """

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
    mel: str | None
    duration: float | None
    fitting: list[str]


class Face(_Face):
    """The common part of an item."""

    draft: ReplyPart


class ShownItem(_Face):
    """An item for display to one annotator; `mine` is their own decision."""

    draft: ReplyPart | None
    version: int
    hidden: bool
    mine: dict[str, object] | None


class DisputedItem(ShownItem):
    """An item for its adjudicator, with the answers of the others."""

    answers: list[dict[str, object]]


def face_of(item: Item, record: SampleRecord, turns: list[ShownTurn], spoken: bool) -> Face:
    """Return the common part of an item; `spoken` says whether its clip may be played."""
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
        "mel": _address("mel", item.item) if spoken and has_librosa() else None,
        "duration": record["audio_info"]["duration"],
        "fitting": list(fitting_strategies(record)),
        "draft": reply_of(record),
    }


def turn_of(turn: ContextTurn, playable: bool) -> ShownTurn:
    """Return an earlier turn for display."""
    return {
        "speaker": turn["speaker"],
        "role": turn["role"],
        "text": turn["text"],
        "emotion": turn["emotion"],
        "audio": _address("audio", turn["id"]) if playable else None,
    }


def _address(path: str, item: str) -> str:
    return f"/{path}?item={quote(item, safe='')}"
