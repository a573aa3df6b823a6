import types
import typing
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from builders.record import views
from builders.record.parquet import REJECTED
from builders.record.reply_views import ReplyPart
from builders.record.schema import load_schema
from builders.record.views import ClipFile, RejectRow, SampleRecord

NULL = type(None)
KINDS = {"string": str, "integer": int, "number": float, "boolean": bool, "null": NULL}


def resolved(node: dict[str, Any], defs: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a node without references, and whether null is allowed in its place."""
    nullable = False
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            nullable = any(option.get("type") == "null" for option in node["anyOf"])
            (node,) = [option for option in node["anyOf"] if option.get("type") != "null"]
        if "$ref" in node:
            node = defs[node["$ref"].rsplit("/", 1)[-1]]
    return node, nullable


def of_schema(node: dict[str, Any], defs: dict[str, Any]) -> Any:
    """Return a node as plain data: fields, items or kind, and whether it may be null."""
    node, nullable = resolved(node, defs)
    kinds = node.get("type", "string")
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    nullable |= "null" in kinds or None in node.get("enum", ())
    (kind,) = kinds - {"null"}
    if kind == "object":
        assert set(node["required"]) == set(node["properties"])
        return {k: of_schema(v, defs) for k, v in node["properties"].items()}, nullable
    if kind == "array":
        return [of_schema(node["items"], defs)], nullable
    return KINDS[kind], nullable


def of_type(hint: Any) -> Any:
    """Return a type of ours in the same way."""
    options = get_args(hint) if get_origin(hint) in (types.UnionType, typing.Union) else (hint,)
    (kind,) = [option for option in options if option is not NULL]
    nullable = NULL in options
    if is_typeddict(kind):
        assert kind.__required_keys__ == set(get_type_hints(kind))
        fields = {k: of_type(v) for k, v in get_type_hints(kind).items()}
        if kind is ClipFile:  # JSON has no bytes, and spells them in base64
            fields["bytes"] = str, fields["bytes"][1]
        return fields, nullable
    if get_origin(kind) is list:
        return [of_type(*get_args(kind))], nullable
    return kind, nullable


@pytest.mark.parametrize(("name", "view"), [("sample", SampleRecord), ("reply", ReplyPart)])
def test_types_are_those_of_the_schema(name, view):
    schema = load_schema(name)
    fields, _ = of_type(view)
    expected, _ = of_schema(schema, schema.get("$defs", {}))
    for field in expected.keys() | fields.keys():
        if (name, field) == ("reply", "emotion"):
            # Only a record that was imported may have none.
            assert (fields[field], expected[field]) == ((str, True), (str, False))
            continue
        assert fields.get(field) == expected.get(field), field


def test_the_types_stand_in_the_order_of_the_schema():
    assert list(SampleRecord.__annotations__) == list(load_schema("sample")["properties"])


def test_a_reject_has_the_columns_of_its_file():
    assert list(RejectRow.__annotations__) == REJECTED.names
    assert set(get_type_hints(RejectRow).values()) == {str}


def test_a_field_that_drifts_is_noticed(monkeypatch):
    monkeypatch.setitem(views.VoicePart.__annotations__, "words", str)
    with pytest.raises(AssertionError, match="voice"):
        test_types_are_those_of_the_schema("sample", SampleRecord)
