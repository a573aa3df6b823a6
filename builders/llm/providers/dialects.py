"""How an endpoint is asked: four ways to structured output, two for a clip, and what it refuses.

What an endpoint understands is probed once and remembered; it is not part of a request's key.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from typing import Any

import orjson

from builders.audio.clip_format import as_wav
from builders.llm import prompts
from builders.llm.request import Request

# In this order they are tried: the strictest first.
DIALECTS = ("json_schema", "json_object", "tool", "prompt")
# So is a clip sent.
AUDIO = ("input_audio", "audio_url")
_NAME = "reply"
_SAMPLING = ("temperature", "top_p", "seed")
# A field may also be complained about because its value is too large; it is understood then.
_REFUSED = ("unsupported", "not support", "unrecogni", "unknown", "unexpected", "not permitted")
_EITHER = "cannot both"


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one endpoint understands of a request.

    `dialect` is one of `DIALECTS`, `limit` the name it has for the most tokens of an answer,
    `without` the sampling values it refuses, `audio` one of `AUDIO` once it was sent a clip.
    """

    dialect: str = DIALECTS[0]
    limit: str = "max_tokens"
    without: tuple[str, ...] = ()
    audio: str | None = None

    def dumps(self) -> str:
        """Return it as text to be remembered."""
        return orjson.dumps(
            {
                "dialect": self.dialect,
                "limit": self.limit,
                "without": self.without,
                "audio": self.audio,
            }
        ).decode()

    @classmethod
    def loads(cls, text: str) -> Understanding:
        """Return what `dumps` wrote."""
        fields = orjson.loads(text)
        without = tuple(fields["without"])
        return cls(fields["dialect"], fields["limit"], without, fields.get("audio"))

    def adapted(self, complaint: str) -> Understanding | None:
        """Return what is left when an endpoint's complaint refuses a field, or None."""
        if not any(words in complaint.lower() for words in (*_REFUSED, _EITHER)):
            return None
        if self.limit in complaint and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        # Of two that exclude each other, the later one matters less.
        still_sent = [name for name in reversed(_SAMPLING) if name not in self.without]
        refused = next((name for name in still_sent if name in complaint), None)
        return replace(self, without=(*self.without, refused)) if refused else None


def body(request: Request, understood: Understanding) -> dict[str, Any]:
    """Return the body of a chat completion request; a clip becomes WAV here and nowhere else."""
    if request.sound:
        request = replace(request, messages=_with_clip(request, understood.audio or AUDIO[0]))
    sampling = {
        name: getattr(request, name) for name in _SAMPLING if name not in understood.without
    }
    return {
        "model": request.model,
        "messages": request.messages,
        **sampling,
        understood.limit: request.max_tokens,
        **_FORMS[understood.dialect](request),
    }


def answer_text(message: dict[str, Any], dialect: str) -> str:
    """Return the answer in a completion's message; a prompted one without its code fence."""
    if dialect == "tool" and message.get("tool_calls"):
        return str(message["tool_calls"][0]["function"]["arguments"])
    text = _content(message.get("content") or "")
    if dialect == "prompt" and text.strip().startswith("```"):
        inner = text.strip().removeprefix("```json").removeprefix("```")
        return inner.removesuffix("```").strip()
    return text


def _content(content: str | list[dict[str, Any]]) -> str:
    """Return a message's content, which some servers give in parts."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _with_clip(request: Request, audio: str) -> tuple[dict[str, Any], ...]:
    """Return the messages with the clip in the first that the user says."""
    if request.sound is None:
        return request.messages
    data = b64encode(as_wav(request.sound.flac)).decode()
    clip = (
        {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
        if audio == "input_audio"
        else {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{data}"}}
    )
    at = next(n for n, message in enumerate(request.messages) if message["role"] == "user")
    said = request.messages[at]
    parts = [clip, {"type": "text", "text": said["content"]}]
    return (*request.messages[:at], {**said, "content": parts}, *request.messages[at + 1 :])


def _json_schema(request: Request) -> dict[str, Any]:
    schema = {"name": _NAME, "schema": request.schema.sent, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _json_object(request: Request) -> dict[str, Any]:
    return {"response_format": {"type": "json_object", "schema": request.schema.sent}}


def _tool(request: Request) -> dict[str, Any]:
    function = {"name": _NAME, "parameters": request.schema.sent}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": _NAME}},
    }


def _prompt(request: Request) -> dict[str, Any]:
    form = prompts.load("dialect/schema.j2").render(schema=request.schema.sent_text)
    first, *rest = request.messages
    if first["role"] == "system":
        first = {**first, "content": f"{first['content']}\n\n{form}"}
        return {"messages": [first, *rest]}
    return {"messages": [{"role": "system", "content": form}, first, *rest]}


_FORMS = {
    "json_schema": _json_schema,
    "json_object": _json_object,
    "tool": _tool,
    "prompt": _prompt,
}
