"""Bodies of events: one validation for the page's requests, for files and on reading.

This module validates each field by itself; whether a decision fits its sample
is up to `decisions.faults`, and whether an event fits the others is up to `checked.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    ValidationInfo,
    model_validator,
)

LONGEST_COMMENT = 5_000
# An event and its reply have five levels; much deeper values cannot be written as JSON again.
_DEEPEST = 16

# Stored values, and values read as part of a line, were checked before.
_HELD: Mapping[str, Any] = {"held": True}

Name = Annotated[str, Field(min_length=1, max_length=500)]
Names = Annotated[list[Name], Field(strict=False, max_length=9)]
Comment = Annotated[str, Field(max_length=LONGEST_COMMENT)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Checked(BaseModel):
    """Any input from outside: with validated types, and storable."""

    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _kept(cls, given: object, info: ValidationInfo) -> object:
        wrong = None if info.context is _HELD else unkept(given)
        if wrong:
            raise ValueError(wrong)
        return given


class FirstBody(Checked):
    """The answers given before the draft was shown."""

    strategies: Names | None = None
    emotion: Name | None = None


class Answers(Checked):
    """Answers about an item; null means not answered."""

    reply: dict[str, Any] | None = None
    reason: Name | None = None
    strategies: Names | None = None
    ratings: Annotated[dict[str, StrictInt], Field(max_length=9)] | None = None
    emotion: Name | None = None
    flags: Names | None = None
    comment: Comment | None = None
    seconds_heard: Seconds | None = None
    seconds: Seconds | None = None


class DecisionBody(Answers):
    """The body of a decision, an adjudication or a gold answer."""

    opinion: bool | None = None
    hidden: bool | None = None
    before: FirstBody | None = None


class AuditBody(DecisionBody):
    """The body of a decision in an audit; `audit` says in which."""

    audit: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class ComparisonBody(Checked):
    """The body of a comparison: `other` is draft B's hash, `first` whose draft was shown first."""

    other: Hash
    against: Name | None = None
    first: Annotated[str, Field(pattern="^[ab]$")] | None = None
    comment: Comment | None = None
    broken: bool | None = None
    seconds_heard: Seconds | None = None
    seconds: Seconds | None = None


class HeldBody(Checked):
    """The body of an answer to a line that is held for people; without a text it is a pass."""

    text: Comment | None = None
    seconds: Seconds | None = None


class UndoBody(Checked):
    """The body of an undo, which is empty."""


# The current version of bodies. In version 1, a default was written for unanswered fields.
FORMAT = 2
_UNSAID: Mapping[str, Any] = {
    "ratings": {},
    "flags": [],
    "seconds_heard": 0.0,
    "broken": False,
}

BODIES: Mapping[str, type[Checked]] = {
    "decision": DecisionBody,
    "adjudication": DecisionBody,
    "gold": DecisionBody,
    "audit": AuditBody,
    "comparison": ComparisonBody,
    "held": HeldBody,
    "undo": UndoBody,
}


def body_fault(kind: str, body: Mapping[str, object], version: int) -> str | None:
    """Return what is wrong with the body of an event of a kind, or None if it is valid."""
    try:
        BODIES[kind].model_validate(body, context=_HELD)
    except ValidationError as error:
        return sentences(error, "body")[0]
    null = next((n for n in _UNSAID if version == 1 and n in body and body[n] is None), None)
    return (
        f"body.{null}: null means 'not answered' in format 2; format 1 does not allow it"
        if null
        else None
    )


def said_in(body: Mapping[str, object], version: int) -> dict[str, object]:
    """Return the answers in a valid body, without unanswered fields."""
    unsaid = _UNSAID if version == 1 else {}
    return {
        name: value
        for name, value in body.items()
        if value is not None and (name not in unsaid or value != unsaid[name])
    }


def sentences(error: ValidationError, *within: str) -> list[str]:
    """Return a sentence for each invalid field, without its content."""
    found = []
    for one in error.errors(include_input=False, include_url=False):
        field = ".".join((*within, *map(str, one["loc"])))
        found.append(sentence(field, one["msg"]))
    return found


def sentence(field: str, message: str) -> str:
    """Return a sentence about an invalid field."""
    message = message.removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def unkept(value: object, within: str = "", depth: int = 0) -> str | None:
    """Return why a value cannot be stored, or None: lone surrogates, NUL, too many levels."""
    if isinstance(value, str):
        return _unkept_text(value, within)
    if depth == _DEEPEST:
        return f"{within[:80]}: it is nested more than {_DEEPEST} levels deep"
    pairs: list[tuple[object, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
        wrong = next((f for key in value if (f := _unkept_text(str(key), within))), None)
        if wrong:
            return wrong
    elif isinstance(value, list | tuple):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        wrong = unkept(inner, f"{within}.{key}" if within else str(key), depth + 1)
        if wrong:
            return wrong
    return None


def _unkept_text(text: str, within: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return sentence(
            within, "it cannot be stored, because it contains half a character (a lone surrogate)"
        )
    if "\0" in text:
        return sentence(within, "it cannot be stored, because it contains a NUL character")
    return None
