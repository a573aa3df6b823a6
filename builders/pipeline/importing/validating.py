"""Checking what a user wrote before it is used: records, a schema, the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from builders.corpora.opening import read_whole
from builders.errors import ConfigError
from builders.pipeline.importing.column_map import ColumnMap
from builders.pipeline.importing.taking_in import checked
from builders.record.schema import as_document, load_schema
from builders.settings.file import load_settings

_SCHEMA = ".schema.json"


def validate(path: Path, how: ColumnMap, audio: Path | None) -> str:
    """Return what a file is and that it is valid; HeartenError says what is wrong with it."""
    if path.name.endswith(_SCHEMA):
        return _schema(path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ConfigError(f"there is no file {path}")
        load_settings(path)
        return "valid settings"
    count = sum(1 for _ in checked(path, how, audio))
    return f"{count:,} valid records"


def _schema(path: Path) -> str:
    """Return that a schema is valid and goes with ours of a sample."""
    try:
        schema = orjson.loads(read_whole(path))
        Draft202012Validator.check_schema(schema)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror or error})") from error
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"not valid JSON: {error}", where=path, do="fix that line") from error
    except SchemaError as error:
        at = ".".join(map(str, error.absolute_path)) or "the schema itself"
        raise ConfigError(f"{at} is no schema ({error.message})", where=path) from error
    ours = as_document(load_schema("sample"))
    for at, said, expected in _contradictions(schema, ours, schema, ours, ()):
        raise ConfigError(
            f"{at} contradicts our schema: {said}",
            where=path,
            expected=expected,
            do="change it: no record is valid under both",
        )
    return "a valid schema that goes with ours"


_Node = Mapping[str, Any]


def _contradictions(
    theirs: _Node, ours: _Node, root: _Node, our_root: _Node, at: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """Yield where no value can be valid under both schemas: the field, what is said, ours."""
    theirs, ours = _followed(theirs, root), _followed(ours, our_root)
    name = ".".join(at) or "the record itself"
    mine, other = _types(ours), _types(theirs)
    if mine and other and not mine & other:
        yield name, f"its type is {', '.join(sorted(other))}", ", ".join(sorted(mine))
    values, known = theirs.get("enum"), ours.get("enum")
    if values and known and not [value for value in values if value in known]:
        yield (
            name,
            f"it allows {', '.join(map(str, values))}",
            f"some of {', '.join(map(str, known))}",
        )
    here, there = ours.get("properties", {}), theirs.get("properties", {})
    if ours.get("additionalProperties") is False:
        for field in sorted({*theirs.get("required", ())} - {*here}):
            yield name, f"it requires {field!r}", f"only {', '.join(here)}"
    if theirs.get("additionalProperties") is False:
        for field in sorted({*ours.get("required", ())} - {*there}):
            yield name, f"it has no {field!r}", f"{field!r}, which ours requires"
    for field in here:
        if field in there and field in ours.get("required", ()):
            yield from _contradictions(there[field], here[field], root, our_root, (*at, field))


def _followed(node: _Node, root: _Node) -> _Node:
    """Return what a reference within the schema stands for; others are not followed."""
    seen = 0
    while isinstance(node, Mapping) and str(node.get("$ref", "")).startswith("#/") and seen < 20:
        seen += 1
        found: Any = root
        for part in node["$ref"][2:].split("/"):
            found = found.get(part, {}) if isinstance(found, Mapping) else {}
        node = found
    return node if isinstance(node, Mapping) else {}


def _types(node: _Node) -> set[str]:
    """Return the types that a node allows; empty where it says none."""
    found = node.get("type", ())
    named = {found} if isinstance(found, str) else {*found}
    return named | {"number", "integer"} if "number" in named else named
