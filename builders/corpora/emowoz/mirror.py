"""EmoWOZ's mirror on the Hub: rows of it as the owner's files have dialogues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from builders.corpora.files import BrokenRecord
from builders.corpora.hub_mirrors import Mirror

# The names of the loader's classes are those of the owner's numbers, in its order.
_EMOTIONS = (
    *("neutral", "fearful", "dissatisfied", "apologetic", "abusive", "excited", "satisfied"),
)
_SENTIMENTS = ("neutral", "negative", "positive")
_NONE = ("unlabled", "unlabelled", "unlabeled", -1, None)
_DIALMAGE = "DMAGE"


def dialogues(mirror: Mirror, split: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the part, name and content of each dialogue, as in the owner's files.

    A turn has the final emotion and sentiment alone, since a mirror has no votes.
    """
    for place, row in mirror.values(split):
        name = str(row["dialogue_id"] or place).removesuffix(".json")
        part = "dialmage" if name.startswith(_DIALMAGE) else "multiwoz"
        yield part, name, {"log": _turns(row["log"])}


def _turns(log: Any) -> list[dict[str, Any]] | None:
    """Return the turns of a log, which is a list of turns or lists of what each turn has."""
    if isinstance(log, dict):
        columns = [log.get(name) or [] for name in ("text", "emotion", "sentiment")]
        if len({len(column) for column in columns}) != 1:
            return None
        log = [{"text": t, "emotion": e, "sentiment": s} for t, e, s in zip(*columns, strict=True)]
    if not isinstance(log, list):
        return None
    return [_turn(turn) for turn in log]


def _turn(turn: Any) -> dict[str, Any]:
    text, emotion, sentiment = (turn.get(name) for name in ("text", "emotion", "sentiment"))
    if emotion in _NONE:
        return {"text": text, "emotion": []}
    final = {"emotion": _code(emotion, _EMOTIONS), "sentiment": _code(sentiment, _SENTIMENTS)}
    return {"text": text, "emotion": {"final": final}}


def _code(value: Any, names: tuple[str, ...]) -> Any:
    """Return the owner's number for a class; its name may go on, as ``fearful or sad``."""
    if not isinstance(value, str):
        return value
    return next((at for at, name in enumerate(names) if value.lower().startswith(name)), value)


def checked(name: str, seen: set[str]) -> str:
    """Return the name of a dialogue; BrokenRecord where it appeared before."""
    if name in seen:
        raise BrokenRecord("duplicate_id", "the dialogue appears twice; the first one is used")
    seen.add(name)
    return name
