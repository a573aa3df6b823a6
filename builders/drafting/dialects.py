"""How an endpoint is asked for structured output: four ways, and what else it does not take.

What an endpoint understands is probed once and remembered; it is not part of a request's key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson

from builders.drafting import prompts
from builders.drafting.request import NarrowedSchema, Request

# In this order they are tried: the strictest first.
DIALECTS = ("json_schema", "json_object", "tool", "prompt")
_NAME = "reply"
_SAMPLING = ("temperature", "top_p", "seed")
# A field may also be complained about because its value is too large; it is understood then.
_REFUSED = ("unsupported", "not support", "unrecogni", "unknown", "unexpected", "not permitted")
_EITHER = "cannot both"
# Enough for a model that thinks first; the answer itself takes twenty.
_PROBE_TOKENS = 2000


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one endpoint understands of a request.

    `dialect` is one of `DIALECTS`, `limit` the name it has for the most tokens of an answer,
    `without` the sampling values it refuses.
    """

    dialect: str = DIALECTS[0]
    limit: str = "max_tokens"
    without: tuple[str, ...] = ()

    def dumps(self) -> str:
        """Return it as text to be remembered."""
        return orjson.dumps(
            {"dialect": self.dialect, "limit": self.limit, "without": self.without}
        ).decode()

    @classmethod
    def loads(cls, text: str) -> Understanding:
        """Return what `dumps` wrote."""
        fields = orjson.loads(text)
        return cls(fields["dialect"], fields["limit"], tuple(fields["without"]))

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
    """Return the body of a chat completion request."""
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


def probe(model: str) -> Request:
    """Return a small request whose answer shows whether a dialect is understood."""
    schema = NarrowedSchema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["colour", "words"],
            "properties": {
                "colour": {"type": "string", "enum": ["red", "green"]},
                "words": {"type": "array", "items": {"type": "string", "enum": ["one", "two"]}},
            },
        }
    )
    asked = ({"role": "user", "content": "Choose a colour and at least one word."},)
    return Request(model, asked, schema, None, 0.0, 1.0, _PROBE_TOKENS, 0, "probe", 0)


def _content(content: str | list[dict[str, Any]]) -> str:
    """Return a message's content, which some servers give in parts."""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


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
