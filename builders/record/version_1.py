"""Builds of record version 1, read as version 2: moved fields are moved, new fields are null.

Version 1 is that of release 0.1. Columns are asked for by their names of version 2, and tables come
in the form of version 2, so that no other module knows version 1. Only offsets are copied;
the bytes of clips stay in their buffers.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from builders.record.parquet import sample_schema

_MOVED = {"annotation": "labels", "reply_audio": "desired_response.audio"}
# Version 1 did not record who decided.
_UNKNOWN = "unknown"
_SAFETY = ("route", "flags", "pii_text", "pii_in_audio")
# Release 0.1 had two of these, checks and judge, but never filled them.
_NEW = ("video", "plan", "demonstrations", "executed", "checks", "judgements")
# New parts, and a part beside each that says how many there are.
_BESIDE = {
    "target_utterance.flags": "target_utterance.text",
    "text_context.flags": "text_context.id",
    "drafting.output_terms": "drafting.model",
    "drafting.candidates": "drafting.model",
}
_REPLY = tuple(
    f"desired_response.{field.name}" for field in sample_schema().field("desired_response").type
)


def is_version_1(names: Sequence[str]) -> bool:
    """Return whether columns of these names are those of version 1."""
    return "labels" in names and "annotation" not in names


def columns_of_version_1(columns: Sequence[str] | None) -> list[str] | None:
    """Return what to read for columns of version 2; `id` where nothing else is needed."""
    if columns is None:
        return None
    found: list[str] = []
    for name in columns:
        top, _, rest = name.partition(".")
        if top in _NEW:
            continue
        if top == "safety":
            found += [f"safety.{part}" for part in _SAFETY]
        elif name == "desired_response":
            found += _REPLY  # the spoken reply is a column of its own now
        else:
            place = ".".join(filter(None, (_MOVED.get(top, top), rest)))
            found.append(_BESIDE.get(place, place))
    return list(dict.fromkeys(found)) or ["id"]


def place_in_version_1(name: str) -> str | None:
    """Return where version 1 has a column of version 2; None where it has no such column."""
    top, _, rest = name.partition(".")
    if top == "safety":
        return {"route": "safety.route", "codes": "safety.flags"}.get(rest)
    place = ".".join(filter(None, (_MOVED.get(top, top), rest)))
    new = top in _NEW or any(f"{place}.".startswith(f"{one}.") for one in _BESIDE)
    return None if new else place


def as_version_2(table: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """Return a table of version 1 as one of version 2, with these columns of it.

    Args:
        table: what `columns_of_version_1` says of them.
        columns: dotted names of version 2, or None for all.
    """
    schema = sample_schema()
    wanted = schema.names if columns is None else columns
    tops = dict.fromkeys(name.partition(".")[0] for name in wanted)
    fields, arrays = [], []
    for top in tops:
        parts = [n.partition(".")[2] for n in wanted if n.partition(".")[0] == top]
        kind = _pruned(schema.field(top).type, [] if "" in parts else parts)
        arrays.append(_column(table, top, kind))
        fields.append(pa.field(top, kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _column(table: pa.Table, top: str, kind: pa.DataType) -> pa.Array:
    if top in _NEW:
        return pa.nulls(len(table), kind)
    if top == "schema_version":
        return pa.array(["2"] * len(table), kind)
    place = _MOVED.get(top, top).split(".")
    array = table.column(place[0]).combine_chunks()
    for name in place[1:]:
        array = array.field(name)
    return _fitted(_safety(array) if top == "safety" else array, kind)


def _safety(array: pa.StructArray) -> pa.StructArray:
    """Return the safety part under the names of version 2."""
    count = len(array)
    pii = pa.StructArray.from_arrays(
        [array.field("pii_text"), array.field("pii_in_audio")], names=["text", "sound"]
    )
    by = pa.array([_UNKNOWN] * count, pa.string())
    parts = [array.field("route"), array.field("flags"), by, pii]
    return pa.StructArray.from_arrays(
        parts, names=["route", "codes", "by", "pii"], mask=array.is_null()
    )


def _fitted(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return an array cast to another type: fields by name, missing ones as nulls."""
    if pa.types.is_struct(kind):
        here = {array.type.field(n).name for n in range(array.type.num_fields)}
        parts = [
            _fitted(array.field(field.name), field.type)
            if field.name in here
            else pa.nulls(len(array), field.type)
            for field in kind
        ]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind):
        values = _fitted(array.values, kind.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, kind, mask=array.is_null())
    return array


def _pruned(kind: pa.DataType, parts: Sequence[str]) -> pa.DataType:
    """Return a type reduced to these dotted fields; unchanged if there are none."""
    if not parts:
        return kind
    if pa.types.is_list(kind):
        return pa.list_(_pruned(kind.value_type, parts))
    heads = dict.fromkeys(part.partition(".")[0] for part in parts)
    rest = {h: [p.partition(".")[2] for p in parts if p.partition(".")[0] == h] for h in heads}
    return pa.struct(
        [(h, _pruned(kind.field(h).type, [] if "" in rest[h] else rest[h])) for h in heads]
    )
