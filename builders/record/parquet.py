"""Parquet: the sample schema as Arrow types and Hub features, and the writers of a build's files.

The Hub's metadata spells a list as a JSON array, the older spelling: `datasets` 3.6, 4.x and 5.x
all read it, the newer one fails on 3.6. Tables are made from JSON lines by Arrow's own reader,
which is several times faster than from Python objects; audio bytes are added as a separate column.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, TypedDict

import orjson
import pyarrow as pa
import pyarrow.json as pajson
import pyarrow.parquet as pq
from typing_extensions import TypeIs

from builders.record.manifest_views import ManifestFile
from builders.record.schema import SchemaNode, load_schema

SHARD_BYTES = 500 * 2**20
# A row group's description stays in memory until its shard is closed: 144 columns each. With clips
# a hundred rows are what viewers want to read at once; of text alone, each column costs so much
# that five hundred rows take two fifths of the time and of the bytes.
SHARD_ROWS = 5_000
ROW_GROUP_BYTES = 32 * 2**20
ROW_GROUP_ROWS, TEXT_GROUP_ROWS = 100, 500

REJECTED = pa.schema(
    [(n, pa.string()) for n in ("id", "split", "stage", "reason", "detail", "raw")]
)

# Utterances that tell of a crisis, for people who are qualified to answer.
HELD = pa.schema(
    [
        *((n, pa.string()) for n in ("id", "split", "route")),
        ("codes", pa.list_(pa.string())),
        *((n, pa.string()) for n in ("by", "speaker", "text", "emotion")),
        (
            "text_context",
            pa.list_(pa.struct([(n, pa.string()) for n in ("id", "speaker", "role", "text")])),
        ),
    ]
)

_SCALARS = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


class LeafFeature(TypedDict, total=False):
    """The `datasets` feature of a column with values (`dtype`) or clips."""

    _type: str
    dtype: str
    sampling_rate: int
    decode: bool


# The `datasets` feature of a column: a list as a JSON array, an object by its fields.
HubFeature: TypeAlias = "LeafFeature | dict[str, HubFeature] | list[HubFeature]"


def is_leaf(feature: LeafFeature | dict[str, HubFeature]) -> TypeIs[LeafFeature]:
    """Return whether a feature is a value or clip, not an object."""
    return "_type" in feature


def _resolve(node: SchemaNode, defs: Mapping[str, SchemaNode]) -> tuple[SchemaNode, str]:
    """Follow references and nullable alternatives; return the node and its last reference."""
    name = ""
    while "$ref" in node or "anyOf" in node:
        if "anyOf" in node:
            node = next(option for option in node["anyOf"] if option.get("type") != "null")
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            node = defs[name]
    return node, name


def _kind(node: SchemaNode) -> str:
    """Return the one JSON type of a node that is not null; enums without a type are strings."""
    types = node.get("type", "string")
    if isinstance(types, str):
        return types
    return str(next(t for t in types if t != "null"))


def arrow_type(node: SchemaNode, defs: Mapping[str, SchemaNode]) -> pa.DataType:
    """Return the Arrow type of a JSON Schema node."""
    node, name = _resolve(node, defs)
    if name == "audio":
        return _AUDIO
    kind = _kind(node)
    if kind == "object":
        return pa.struct([(k, arrow_type(v, defs)) for k, v in node["properties"].items()])
    if kind == "array":
        return pa.list_(arrow_type(node["items"], defs))
    return _SCALARS[kind]


def hub_feature(node: SchemaNode, defs: Mapping[str, SchemaNode]) -> HubFeature:
    """Return the `datasets` feature of a JSON Schema node, lists in the older spelling."""
    node, name = _resolve(node, defs)
    if name == "audio":
        return {"sampling_rate": 16000, "_type": "Audio"}
    kind = _kind(node)
    if kind == "object":
        return {k: hub_feature(v, defs) for k, v in node["properties"].items()}
    if kind == "array":
        return [hub_feature(node["items"], defs)]
    dtype = {"integer": "int64", "number": "float64", "boolean": "bool"}.get(kind, "string")
    return {"dtype": dtype, "_type": "Value"}


def sample_schema() -> pa.Schema:
    """Return the Arrow schema of a sample, with the Hub's features in its metadata."""
    return arrow_schema(load_schema("sample"))


def features_of(schema: SchemaNode) -> dict[str, HubFeature]:
    """Return the `datasets` features of the rows that a JSON Schema describes."""
    return {k: hub_feature(v, schema["$defs"]) for k, v in schema["properties"].items()}


def arrow_schema(schema: SchemaNode, decode: bool = True) -> pa.Schema:
    """Return the Arrow schema of such rows, with the Hub's features in its metadata.

    Without `decode`, `datasets` gives the bytes of clips as they are and needs no decoder.
    """
    fields = [(k, arrow_type(v, schema["$defs"])) for k, v in schema["properties"].items()]
    features = features_of(schema)
    for feature in features.values():
        if not decode and not isinstance(feature, list) and is_leaf(feature):
            feature |= {"decode": False} if feature["_type"] == "Audio" else {}
    metadata = {"huggingface": orjson.dumps({"info": {"features": features}}).decode()}
    return pa.schema(fields, metadata=metadata)


def open_writer(path: Path, schema: pa.Schema, **more: bool) -> pq.ParquetWriter:
    """Return a writer with small row groups, for random access; `more` is passed to pyarrow."""
    return pq.ParquetWriter(
        path,
        schema,
        # Row groups are small and most columns null: dictionaries and zstd would cost twice the
        # time to save a seventh of the bytes.
        compression="snappy",
        use_dictionary=False,
        write_page_index=True,
        write_page_checksum=True,
        store_schema=True,
        **more,
    )


def table_of(lines: list[bytes], schema: pa.Schema) -> pa.Table:
    """Return JSON lines as a table; a value not in the schema is an error."""
    block = b"\n".join(lines)
    table = pajson.read_json(
        io.BytesIO(block),
        read_options=pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=schema.remove_metadata(), unexpected_field_behavior="error"
        ),
    )
    return table.select(schema.names).replace_schema_metadata(schema.metadata)


def with_audio(table: pa.Table, audio: pa.Array, name: str = "audio") -> pa.Table:
    """Return a table whose `audio` or `reply_audio` has these bytes; null where there are none."""
    column = table.schema.get_field_index(name)
    paths = table.column(column).combine_chunks().field("path")
    clips = pa.StructArray.from_arrays([audio, paths], fields=list(_AUDIO), mask=audio.is_null())
    return table.set_column(column, table.schema.field(column), clips)


class SplitWriter:
    """Writes the samples of one split as Parquet shards, in order.

    Args:
        folder: where the shards go, under temporary names until `close`.
        split: the split, the first part of each file's name.
        schema: of other rows than samples, with `audio` and `reply_audio` as theirs.
    """

    def __init__(self, folder: Path, split: str, schema: pa.Schema | None = None) -> None:
        self.folder = folder
        self.split = split
        self.schema = sample_schema() if schema is None else schema
        self._lines: list[bytes] = []
        self._audio: list[bytes | None] = []
        self._replies: list[bytes | None] = []
        self._group_bytes = 0
        self._has_clips = False
        self._shard_bytes = self._shard_rows = 0
        self._shards: list[Path] = []
        self._writer: pq.ParquetWriter | None = None

    def add(self, line: bytes, audio: bytes | None, reply: bytes | None = None) -> None:
        """Add one sample: its JSON without audio bytes, the FLAC of its clip and of its reply."""
        size = len(line) + len(audio or b"") + len(reply or b"")
        if self._lines and self._group_bytes + size > ROW_GROUP_BYTES:
            self.flush()
        self._lines.append(line)
        self._audio.append(audio)
        self._replies.append(reply)
        self._group_bytes += size
        self._has_clips = self._has_clips or audio is not None or reply is not None
        if len(self._lines) >= (ROW_GROUP_ROWS if self._has_clips else TEXT_GROUP_ROWS):
            self.flush()

    def flush(self) -> None:
        """Write the buffered rows as one row group, in a new shard if the last one is full."""
        if not self._lines:
            return
        self._write(self._table(), self._group_bytes)
        self._lines, self._audio, self._replies, self._group_bytes = [], [], [], 0
        self._has_clips = False

    def add_table(self, table: pa.Table) -> None:
        """Add samples that are a table of this schema already, as a row group of their own."""
        self.flush()
        if table.num_rows:
            self._write(table, table.nbytes)

    def _write(self, table: pa.Table, size: int) -> None:
        full = (
            self._shard_bytes + size > SHARD_BYTES or self._shard_rows + table.num_rows > SHARD_ROWS
        )
        if self._writer and full:
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._open_shard()
        self._writer.write_table(table)  # type: ignore[union-attr]
        self._shard_bytes += size
        self._shard_rows += table.num_rows

    def close(self) -> list[Path]:
        """Finish the last shard, rename all to their final names, and return those."""
        self.flush()
        if self._writer:
            self._writer.close()
            self._writer = None
        total = len(self._shards)
        final = []
        for number, shard in enumerate(self._shards):
            name = self.folder / f"{self.split}-{number:05d}-of-{total:05d}.parquet"
            final.append(shard.rename(name))
        return final

    def _open_shard(self) -> None:
        path = self.folder / f"{self.split}-{len(self._shards):05d}.partial"
        self._shards.append(path)
        self._shard_bytes = self._shard_rows = 0
        self._writer = open_writer(path, self.schema)

    def _table(self) -> pa.Table:
        table = table_of(self._lines, self.schema)
        if any(self._audio):
            table = with_audio(table, pa.array(self._audio, pa.binary()))
        if any(self._replies):
            table = with_audio(table, pa.array(self._replies, pa.binary()), "reply_audio")
        return table


class RejectWriter:
    """Writes `rejected.parquet`: one row per utterance that did not become a sample.

    Args:
        path: the file.
        schema: that of its rows; `HELD` for `held_for_people.parquet`.
    """

    def __init__(self, path: Path, schema: pa.Schema = REJECTED) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)
        self._rows: list[bytes] = []

    def add(self, row: Mapping[str, object]) -> None:
        """Add one row; see `REJECTED` and `HELD` for the fields, `raw` being JSON."""
        self._rows.append(orjson.dumps(row))
        if len(self._rows) >= 1000:
            self.flush()

    def add_table(self, table: pa.Table) -> None:
        """Add rows that are a table of the schema already."""
        self.flush()
        self._writer.write_table(table)

    def flush(self) -> None:
        """Write the buffered rows."""
        if self._rows:
            # Not from Python objects: for these, Arrow imports pandas where it is installed.
            self._writer.write_table(table_of(self._rows, self._schema))
            self._rows = []

    def close(self) -> None:
        """Finish the file, which exists even when it has no rows."""
        self.flush()
        self._writer.close()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, reading it in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_file(path: Path, root: Path) -> ManifestFile:
    """Return the manifest entry of a Parquet file: path below `root`, bytes, rows, SHA-256."""
    return {
        "path": path.relative_to(root).as_posix(),
        "bytes": path.stat().st_size,
        "rows": pq.read_metadata(path).num_rows,
        "sha256": file_digest(path),
    }
