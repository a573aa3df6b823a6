"""The JSON Schemas: loading them, narrowing the reply's to one request, saying what is wrong.

`jsonschema-rs` checks on the hot path; `jsonschema` is the reference, and a test holds them equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jsonschema_rs
import orjson

from builders import resources

Validator = jsonschema_rs.Draft202012Validator


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return `schemas/<name>.schema.json`."""
    loaded: dict[str, Any] = orjson.loads(
        (resources.schemas() / f"{name}.schema.json").read_bytes()
    )
    return loaded


@cache
def validator(name: str) -> Validator:
    """Return the compiled validator of `schemas/<name>.schema.json`."""
    return Validator(load_schema(name))


def violations(checker: Validator, instance: object) -> list[str]:
    """Return what is wrong with an instance, one `path: message` each; empty when it is valid."""
    if checker.is_valid(instance):
        return []
    found = checker.iter_errors(instance)
    return [f"{'.'.join(map(str, e.instance_path)) or 'answer'}: {e.message}" for e in found]


def narrowed_reply(strategies: Sequence[str], emotions: Sequence[str]) -> dict[str, Any]:
    """Return the reply schema narrowed to what a label allows, the primary emotion first."""
    schema: dict[str, Any] = orjson.loads(orjson.dumps(load_schema("reply")))
    for key in ("$schema", "$id", "title", "description"):
        del schema[key]
    properties = schema["properties"]
    properties["strategies"]["items"]["enum"] = list(strategies)
    properties["awareness"]["properties"]["emotions"]["items"]["enum"] = list(emotions)
    return schema
