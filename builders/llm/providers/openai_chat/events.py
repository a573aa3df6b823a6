"""Server-sent events: some servers stream whatever they are asked; the pieces are one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from builders.llm.objects import loads_anyhow

_EVENT = (b"data:", b"event:", b":")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def is_stream(content: bytes) -> bool:
    """Return whether a body is a stream of events."""
    return _without_mark(content).lstrip().startswith(_EVENT)


def as_one(content: bytes) -> object:
    """Return the completion that a stream's pieces make together, or the error that it tells of.

    Raises:
        ValueError: a piece is no JSON.
    """
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    choice: dict[str, Any] = {"message": message, "finish_reason": None}
    for event in _events(content):
        whole |= {name: value for name, value in event.items() if value is not None}
        choices = event.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(first, dict):
            continue
        choice["finish_reason"] = first.get("finish_reason") or choice["finish_reason"]
        if first.get("error"):
            choice["error"] = first["error"]
        piece = first.get("delta") or first.get("message")
        if isinstance(piece, dict):
            _add(message, piece)
    return {**whole, "choices": [choice]} if "choices" in whole else whole


def _add(message: dict[str, Any], piece: dict[str, Any]) -> None:
    for name in _TEXTS:
        if isinstance(piece.get(name), str):
            message[name] = message.get(name, "") + piece[name]
    calls = piece.get("tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    function = first.get("function") if isinstance(first, dict) else None
    if isinstance(function, dict) and isinstance(function.get("arguments"), str):
        calls = message.setdefault("tool_calls", [{"function": {"arguments": ""}}])
        calls[0]["function"]["arguments"] += function["arguments"]


def _events(content: bytes) -> Iterator[dict[str, Any]]:
    for line in _without_mark(content).splitlines():
        said = line.removeprefix(b"data:").strip()
        if line.startswith(b"data:") and said and said != b"[DONE]":
            event = loads_anyhow(said)
            if isinstance(event, dict):
                yield event


def _without_mark(content: bytes) -> bytes:
    return content.removeprefix(_BYTE_ORDER_MARK)
