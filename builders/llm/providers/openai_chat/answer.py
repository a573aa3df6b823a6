"""Reading a chat completion: its text, why it ended, and what it took.

A response is an answer only where that can be seen: it ended in a way that is known, or what it
says is whole. Everything else is a failure, which is tried again and never an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from builders.llm.failures import Failure, finish_outcome
from builders.llm.objects import THINK, has_object, loads_anyhow, storable
from builders.llm.providers import Completion
from builders.llm.providers.openai_chat.events import as_one, is_stream
from builders.llm.providers.openai_http import error_in, start_of

_FILTERED = "content_filter"
_THOUGHTS = ("reasoning_content", "reasoning")
# Parts of a message's content that are no part of the answer.
_NO_ANSWER = ("think", "reason", "thought")
# What a column of the store holds.
_MOST_TOKENS = 2**31 - 1
_LONGEST_NAME = 200


def completion(content: bytes, mode: str, seconds: float, endpoint: str) -> Completion:
    """Return what a response with status 200 says.

    Args:
        content: the response's body.
        mode: the structured-output mode it was asked in.
        seconds: how long it took.
        endpoint: the server's name.

    Raises:
        Failure: it is no chat completion, tells of an error, or did not come to its end.
    """
    response = _response(content)
    choice = _choice(response, content)
    message = _message(choice)
    text = answer_text(message, mode)
    finish = choice.get("finish_reason")
    outcome, text = _outcome(finish, text, message)
    usage = _object(response.get("usage"))
    return Completion(
        outcome,
        storable(text),
        _name(finish),
        _name(response.get("model")),
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
        seconds,
        endpoint,
    )


def answer_text(message: dict[str, Any], mode: str) -> str:
    """Return the answer in a completion's message, wherever the server has put it.

    Where nothing but thoughts came, they are returned behind the tag that opens thoughts.
    """
    called, said = _arguments(message), _content(message.get("content"))
    first, second = (called, said) if mode == "tool" else (said, called)
    if text := first if first.strip() else second:
        return text
    thought = next(filter(None, (_content(message.get(name)) for name in _THOUGHTS)), "")
    return THINK + thought if has_object(THINK + thought) else ""


def _response(content: bytes) -> dict[str, Any]:
    """Return the body as one object.

    Raises:
        Failure: it is none, or is about an error.
    """
    try:
        response = as_one(content) if is_stream(content) else loads_anyhow(content)
    except ValueError as error:
        raise _no_completion(content) from error
    if isinstance(response, list) and len(response) == 1:
        response = response[0]
    if not isinstance(response, dict):
        raise _no_completion(content)
    if failure := error_in(response):
        raise failure
    return response


def _choice(response: dict[str, Any], content: bytes) -> dict[str, Any]:
    choices = response.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        choice: dict[str, Any] = choices[0]
        for where in (choice, _object(choice.get("message"))):
            if failure := error_in({"error": where.get("error")}):
                raise failure
        return choice
    why = _blocked(response)
    if why:
        raise Failure(_FILTERED, f"HTTP 200 without an answer: {why}", 200)
    if isinstance(choices, list):
        raise Failure("bad_response", f"no choice in the answer: {start_of(content)}", 200)
    raise _no_completion(content)


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    for name in ("message", "delta"):
        if isinstance(choice.get(name), dict):
            found: dict[str, Any] = choice[name]
            return found
    if isinstance(choice.get("message"), str) or isinstance(choice.get("text"), str):
        return {"content": choice.get("message") or choice.get("text")}
    if finish_outcome(choice.get("finish_reason")) in ("refusal", "truncated"):
        return {}
    raise Failure("bad_response", "no message in the answer", 200)


def _outcome(finish: object, text: str, message: dict[str, Any]) -> tuple[str, str]:
    """Return ok, refusal, truncated or empty, and the text that is kept.

    Raises:
        Failure: the answer did not come to its end, as far as can be seen.
    """
    ended = finish_outcome(finish)
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip() and not text.strip():
        return "refusal", refusal
    if ended == "failed" or (ended is None and not has_object(text)):
        how = f"finish_reason {finish!r}"[:_LONGEST_NAME] if finish else "no finish_reason"
        raise Failure("server_error", f"the answer broke off ({how})", 200)
    if ended in ("refusal", "truncated"):
        return ended, text
    return ("ok" if text.strip() else "empty"), text


def _no_completion(content: bytes) -> Failure:
    return Failure("bad_response", f"not a chat completion: {start_of(content)}", 200)


def _blocked(response: dict[str, Any]) -> str:
    """Return why a prompt was stopped, as Gemini says it beside the choices."""
    for name in ("promptFeedback", "prompt_feedback"):
        why = _object(response.get(name))
        reason = why.get("blockReason") or why.get("block_reason")
        if reason:
            return f"blocked ({reason})"[:_LONGEST_NAME]
    return ""


def _arguments(message: dict[str, Any]) -> str:
    """Return the arguments of the first call of a tool, as JSON text."""
    calls = message.get("tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    call = _object(_object(first).get("function") or message.get("function_call"))
    return _json(call.get("arguments"))


def _content(content: object) -> str:
    """Return a message's content, which some servers give in parts or as an object."""
    if isinstance(content, list):
        return "".join(_parts(content))
    return _json(content)


def _parts(parts: list[object]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            kind = str(part.get("type") or "").lower()
            said = part.get("text")
            if isinstance(said, dict):
                said = said.get("value")
            if isinstance(said, str) and not any(word in kind for word in _NO_ANSWER):
                yield said


def _json(value: object) -> str:
    """Return a text as it is, and an object that should have been one as JSON."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict) else ""


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str | None:
    return storable(value)[:_LONGEST_NAME] if isinstance(value, str) else None


def _count(value: object) -> int | None:
    """Return a number of tokens; None for what is none, and for what no answer takes."""
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= len(str(2**63)):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_TOKENS:
        return None
    return value
