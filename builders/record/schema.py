"""The JSON Schemas: loading, narrowing the reply schema to one request, and reporting violations.

Where the values of a field come from a table that people edit, the schema's file has a `$comment`
that names the table; loading fills in the values.

`jsonschema-rs` checks on the hot path; `jsonschema` is the reference, and a test keeps them in
agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypedDict, cast

import jsonschema_rs
import orjson

from builders import resources
from builders.labels.strategies import strategies
from builders.labels.vocabulary import vocabulary, votable_roots
from builders.record.types import CANNOT_TELL

Validator = jsonschema_rs.Draft202012Validator

# Functional syntax because of the names with a dollar sign.
_SchemaHead = TypedDict(
    "_SchemaHead",
    {"$schema": str, "$id": str, "$ref": str, "$comment": str, "$defs": dict[str, "SchemaNode"]},
    total=False,
)


class SchemaNode(_SchemaHead, total=False):
    """A JSON Schema or a node of one, limited to the keywords used here."""

    title: str
    description: str
    type: str | list[str]
    enum: list[str]
    const: None
    pattern: str
    properties: dict[str, SchemaNode]
    required: list[str]
    items: SchemaNode
    maxItems: int
    multipleOf: int
    anyOf: list[SchemaNode]


# The values that the tables give, by schema and by the path of the field in it.
_FROM_TABLES: Mapping[str, Mapping[str, Callable[[], Sequence[str]]]] = {
    "reply": {
        "properties strategies items": lambda: list(strategies()),
        "properties awareness properties emotions items": lambda: vocabulary().nodes,
    },
    "sample": {
        "properties audio_contribution anyOf 0 properties votes items properties emotion": (
            lambda: (*votable_roots(), CANNOT_TELL)
        ),
        "$defs emotion": lambda: vocabulary().nodes,
        "$defs root": lambda: vocabulary().roots,
        "$defs strategy": lambda: list(strategies()),
    },
}


@cache
def load_schema(name: str) -> SchemaNode:
    """Return `schemas/<name>.schema.json` with the values from the tables.

    Raises LabelError if one of these tables is not valid.
    """
    loaded = orjson.loads((resources.schemas() / f"{name}.schema.json").read_bytes())
    for path, values in _FROM_TABLES.get(name, {}).items():
        node = loaded
        for part in path.split():
            node = node[int(part)] if isinstance(node, list) else node[part]
        # The values replace the comment: the bytes of a narrowed schema are part of the cache key.
        filled = {("enum" if k == "$comment" else k): node[k] for k in node} | {"enum": [*values()]}
        node.clear()
        node.update(filled)
    schema: SchemaNode = loaded
    return schema


def as_document(schema: SchemaNode) -> dict[str, Any]:
    """Return a schema as a plain JSON object, for code that reads any schema."""
    return cast("dict[str, Any]", schema)


@cache
def validator(name: str) -> Validator:
    """Return the compiled validator of `schemas/<name>.schema.json`."""
    return Validator(as_document(load_schema(name)))


def violations(checker: Validator, instance: object) -> list[str]:
    """Return the violations of an instance, each as `path: message`; empty if it is valid."""
    if checker.is_valid(instance):
        return []
    found = checker.iter_errors(instance)
    return [f"{'.'.join(map(str, e.instance_path)) or 'answer'}: {e.message}" for e in found]


def narrowed_reply(
    strategies: Sequence[str], emotions: Sequence[str], spoken_in: Sequence[str] = ()
) -> SchemaNode:
    """Return the reply schema narrowed to what a label and a plan allow.

    Args:
        strategies: those that may be named.
        emotions: those that may be answered, the primary one first.
        spoken_in: those that the reply may be spoken in; any where it is empty.
    """
    schema: SchemaNode = orjson.loads(orjson.dumps(load_schema("reply")))
    del schema["$schema"], schema["$id"], schema["title"], schema["description"]
    properties = schema["properties"]
    properties["strategies"]["items"]["enum"] = list(strategies)
    properties["awareness"]["properties"]["emotions"]["items"]["enum"] = list(emotions)
    if spoken_in:
        properties["emotion"]["enum"] = list(spoken_in)
    return schema


# The order of an answer under version 1 of the prompt: the words first.
FIRST_ORDER = ("text", "emotion", "strategies", "awareness")


def in_first_order(schema: SchemaNode) -> SchemaNode:
    """Return a narrowed reply schema as version 1 of the prompt has it, byte for byte."""
    properties = {name: schema["properties"][name] for name in FIRST_ORDER}
    reordered: SchemaNode = {**schema}
    reordered["required"], reordered["properties"] = [*FIRST_ORDER], properties
    return reordered
