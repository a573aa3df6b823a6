"""What the replies to one kind of label have in common: choices, schema, and how it is checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

import orjson

from builders.labels import strategies, vocabulary
from builders.llm import prompts
from builders.llm.request import NarrowedSchema
from builders.record.schema import (
    FIRST_ORDER,
    SchemaNode,
    Validator,
    as_document,
    in_first_order,
    load_schema,
    narrowed_reply,
)
from builders.record.types import Emotions
from builders.tasks.reply.checks.fit import fitting_reply_emotions

# A validator, and the digest of its schema.
Checker = tuple[Validator, str]


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """The schema of the replies to one kind of label, its validator, and the choices in words.

    `checked` is the digest of the schema of the validator.
    """

    schema: NarrowedSchema
    checker: Validator
    choices: prompts.Rendered
    words: str
    checked: str


@cache
def form_of(
    emotions: Emotions,
    own_turns: int,
    planned: tuple[str, ...] = (),
    spoken: tuple[str, ...] = (),
) -> ReplyForm:
    """Return what replies to these emotions by a speaker with so many own turns share.

    An answer that leaves the plan is checked like any other: what is done about it is not a matter
    of its form.

    Args:
        emotions: the label.
        own_turns: how many earlier turns the speaker has, two at most.
        planned: the strategies of a plan, to which the choice is narrowed; empty without one.
        spoken: the emotions that a plan allows the reply to be spoken in; empty for the label's.
    """
    able = strategies.allowed(emotions, own_turns)
    allowed = tuple(name for name in able if name in planned) or able
    nodes = vocabulary.allowed_emotions(emotions)
    spoken = spoken or _in_order(fitting_reply_emotions(emotions))
    document = narrowed_reply(allowed, nodes, spoken)
    choices = prompts.drafting("choices").render(
        strategies=_defined(allowed),
        emotions=nodes,
        acts=_acts(document),
        reply_emotions=spoken,
        planned=bool(planned),
    )
    return _form(document, choices, emotions, _checker(able, tuple(nodes)))


@cache
def first_form_of(emotions: Emotions, own_turns: int) -> ReplyForm:
    """Return the same under version 1 of the prompt."""
    allowed = strategies.allowed(emotions, own_turns)
    nodes = vocabulary.allowed_emotions(emotions)
    document = in_first_order(narrowed_reply(allowed, nodes))
    choices = prompts.drafting("choices", 1).render(
        strategies=_defined(allowed), emotions=nodes, acts=_acts(document)
    )
    return _form(document, choices, emotions, _checker(allowed, tuple(nodes)))


def as_answered(reply: Mapping[str, Any], first_order: bool = False) -> str:
    """Return a reply as the model was asked to write it, in one order wherever it was kept."""
    act_and_emotions = {name: reply["awareness"][name] for name in ("act", "emotions")}
    order = FIRST_ORDER if first_order else load_schema("reply")["required"]
    whole = {**reply, "awareness": act_and_emotions}
    return orjson.dumps({name: whole[name] for name in order}).decode()


@cache
def _checker(able: tuple[str, ...], nodes: tuple[str, ...]) -> Checker:
    document = as_document(narrowed_reply(able, nodes))
    return Validator(document), sha256(orjson.dumps(document)).hexdigest()


def _form(
    document: SchemaNode, choices: prompts.Rendered, emotions: Emotions, checker: Checker
) -> ReplyForm:
    words = emotions.primary.replace("_", " ")
    if emotions.secondary:
        words += f", with some {emotions.secondary.replace('_', ' ')}"
    validator, checked = checker
    return ReplyForm(NarrowedSchema(as_document(document)), validator, choices, words, checked)


def _in_order(spoken: Collection[str]) -> tuple[str, ...]:
    every = load_schema("reply")["properties"]["emotion"]["enum"]
    return tuple(name for name in every if name in spoken)


def _defined(allowed: Sequence[str]) -> list[tuple[str, str]]:
    known = strategies.strategies()
    return [(name, known[name].definition) for name in allowed]


def _acts(document: SchemaNode) -> list[str]:
    return document["properties"]["awareness"]["properties"]["act"]["enum"]
