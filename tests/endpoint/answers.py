"""What the test endpoint answers: JSON that is valid under the schema it was given."""

from __future__ import annotations

import hashlib
from typing import Any

# A reply may not begin with these for every emotion; the endpoint takes another one where it can.
_NOT_FIRST = {"redirection", "problem_solving", "future_oriented_discussion"}
_QUESTIONS = {"inquiry", "clarification", "open_ended_questioning"}
_LATER_TURNS_ONLY = {"summarization"}

_OPENINGS = (
    "That comes across clearly",
    "It makes sense that this matters to you",
    "There is a lot in what you just said",
    "Thank you for putting it into words",
    "Nobody could call that a small thing",
    "You have every reason to feel that way",
    "That is worth taking a moment for",
    "It is good that you brought this up",
)
_MIDDLES = (
    "and it deserves some room",
    "and there is no hurry to sort it out",
    "and it says something about what you care for",
    "and it is fine to let it be what it is",
    "and many people would react in the same way",
    "and you do not have to explain it any further",
    "and it shows how much you have put into this",
    "and it can stay here for as long as you like",
)
_ENDINGS = (
    "Take all the time you need.",
    "Whatever comes next can wait a little.",
    "The rest can follow at your own pace.",
    "You are being heard.",
)
_ASKED = (
    "What part of it stays with you the most?",
    "How did it all begin for you?",
    "What would feel right to you now?",
    "Which moment of it comes back to you first?",
)

# They claim nothing that could be measured.
_CAPTIONS = (
    "A clear voice, close to the microphone.",
    "The voice is a little hoarse and then clears.",
    "Crisp consonants, and a breath before the end.",
)


def answer(
    schema: dict[str, Any], seed: object, hears: bool = False, sees: str = "nothing"
) -> dict[str, Any]:
    """Return a value of an object schema, chosen by `seed`; the same seed gives the same value."""
    digest = hashlib.blake2b(repr(seed).encode(), digest_size=8).digest()
    properties = schema["properties"]
    if "picture" in properties:
        return {"picture": sees, "sound": "beeps" if hears else "nothing"}
    if "sound" in properties:
        return {"sound": "beeps" if hears else "nothing"}
    if "caption" in properties:
        claims = properties["claims"]["properties"]
        return {"caption": _pick(_CAPTIONS, digest[1]), "claims": dict.fromkeys(claims, "not_said")}
    if "strategies" in properties:
        return _reply(properties, digest)
    return {name: _value(inner, digest) for name, inner in properties.items()}


def _reply(properties: dict[str, Any], digest: bytes) -> dict[str, Any]:
    awareness = properties["awareness"]["properties"]
    emotions = awareness["emotions"]["items"]["enum"]
    acts = awareness["act"]["enum"]
    calm = emotions[0] in {"neutral", "unknown"} and "respects" in acts
    strategy = _strategy(properties["strategies"]["items"]["enum"], digest[0])
    return {
        "text": _text(strategy, digest),
        "emotion": "neutral",
        "strategies": [strategy],
        "awareness": {"act": "respects" if calm else acts[0], "emotions": [emotions[0]]},
    }


def text_of_reply(digest: bytes) -> str:
    """Return the words of a reply that asks nothing, chosen by a digest alone."""
    return _text("", digest)


def _strategy(allowed: list[str], number: int) -> str:
    preferred = [s for s in allowed if s not in _NOT_FIRST and s not in _LATER_TURNS_ONLY]
    return _pick(preferred or allowed, number)


def _text(strategy: str, digest: bytes) -> str:
    start = f"{_pick(_OPENINGS, digest[2])}, {_pick(_MIDDLES, digest[3])}."
    return f"{start} {_pick(_ASKED if strategy in _QUESTIONS else _ENDINGS, digest[4])}"


def _value(schema: dict[str, Any], digest: bytes) -> Any:
    if "enum" in schema:
        return _pick(schema["enum"], digest[0])
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "object":
        return {name: _value(inner, digest) for name, inner in schema["properties"].items()}
    if schema.get("type") == "array":
        return [_value(schema["items"], digest)] * max(1, schema.get("minItems", 1))
    if schema.get("type") in {"integer", "number"}:
        return schema.get("minimum", 1)
    return schema.get("type") == "boolean" or "a word"


def _pick(choices: Any, number: int) -> Any:
    return choices[number % len(choices)]
