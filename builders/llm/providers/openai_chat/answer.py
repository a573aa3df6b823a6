"""Reading a chat completion: its text, why it ended, and what it took."""

from __future__ import annotations

from typing import Any

import orjson

from builders.llm.failures import Failure
from builders.llm.providers import Completion

_OUTCOMES = {"length": "truncated", "content_filter": "refusal"}


def completion(content: bytes, mode: str, seconds: float, endpoint: str) -> Completion:
    """Return what a response with status 200 says.

    Args:
        content: the response's body.
        mode: the structured-output mode it was asked in.
        seconds: how long it took.
        endpoint: the server's name.

    Raises:
        Failure: it is no chat completion.
    """
    try:
        response = orjson.loads(content)
        choice = response["choices"][0]
        message = choice["message"]
        text = answer_text(message, mode)
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError) as error:
        start = content[:80].decode("utf-8", "replace")
        raise Failure("bad_response", f"not a chat completion: {start!r}", 200) from error
    finish = choice.get("finish_reason")
    outcome = "refusal" if message.get("refusal") else _OUTCOMES.get(finish, "ok")
    if outcome == "ok" and not text.strip():
        outcome = "empty"
    usage = response.get("usage") or {}
    return Completion(
        outcome,
        # Not every database holds NUL; the reply's check refuses what stands for it.
        str(message.get("refusal") or text).replace("\0", "\ufffd"),
        finish,
        response.get("model"),
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        seconds,
        endpoint,
    )


def answer_text(message: dict[str, Any], mode: str) -> str:
    """Return the answer in a completion's message; a prompted one without its code fence."""
    if mode == "tool" and message.get("tool_calls"):
        return str(message["tool_calls"][0]["function"]["arguments"])
    text = _content(message.get("content") or "")
    if mode == "prompt" and text.strip().startswith("```"):
        inner = text.strip().removeprefix("```json").removeprefix("```")
        return inner.removesuffix("```").strip()
    return text


def _content(content: str | list[dict[str, str]]) -> str:
    """Return a message's content, which some servers give in parts."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")
