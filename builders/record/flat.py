"""The flat columns of a build: one value a sample in each, as filters and tables want them.

They are rows of `schemas/flat_columns.tsv`, which says what each is made of. All who filter, tell
apart or list samples by column know them by these names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from builders import resources
from builders.labels.tables import TableRow, read_rows

FLAT_FILE = "flat_columns.tsv"
SAMPLE, REJECT = "sample", "reject"
_COLUMNS = ("of", "name", "type", "as", "from", "aspect", "meaning")
_TYPES: Mapping[str, pl.DataType] = {
    "text": pl.String(),
    "texts": pl.List(pl.String()),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "yes or no": pl.Boolean(),
}
_WAYS = ("value", "list", "words", "count", "known")
_BETWEEN = " + "


@dataclass(frozen=True, slots=True)
class FlatColumn:
    """A flat column: its name and type, and how it comes from fields of the record.

    `sources` are dotted fields of `schemas/sample.schema.json`, `way` what becomes of them;
    `aspect` is the part of a sample that it belongs to where builds are compared, or empty.
    """

    name: str
    type: str
    way: str
    sources: tuple[str, ...]
    aspect: str
    meaning: str

    @property
    def dtype(self) -> pl.DataType:
        """Return the type in a polars table."""
        return _TYPES[self.type]

    def of(self, nested: Mapping[str, pl.DataType]) -> pl.Expr:
        """Return how it is computed from a table of nested columns; null where these lack it."""
        found = [at for source in self.sources if (at := _field(source, nested)) is not None]
        if not found:
            return pl.lit(False if self.way == "known" else None, self.dtype).alias(self.name)
        return self._made(found).cast(self.dtype).alias(self.name)

    def _made(self, found: list[pl.Expr]) -> pl.Expr:
        if self.way == "words":
            return (
                found[0]
                .str.split(" ")
                .list.eval(pl.element().filter(pl.element() != ""))
                .list.len()
            )
        if self.way == "count":
            return found[0].list.len()
        if self.way == "known":
            return found[0].is_not_null()
        if len(found) > 1:
            empty = pl.lit([], pl.List(pl.String()))
            return pl.concat_list([one.fill_null(empty) for one in found])
        return found[0]


@cache
def flat_columns(kind: str = SAMPLE) -> Mapping[str, FlatColumn]:
    """Return the flat columns of samples or of rejects by name, in the order of the table.

    Raises:
        LabelError: a row of the table is not valid.
    """
    rows = read_rows(resources.schemas() / FLAT_FILE, _COLUMNS, ("of", "name"))
    found: dict[str, dict[str, FlatColumn]] = {SAMPLE: {}, REJECT: {}}
    for row in rows:
        found[row.choice("of", (SAMPLE, REJECT))][row.text("name")] = _column(row)
    return found[kind]


def _column(row: TableRow) -> FlatColumn:
    return FlatColumn(
        row.text("name"),
        row.choice("type", [*_TYPES]),
        row.choice("as", _WAYS),
        tuple(row.text("from").split(_BETWEEN)),
        row.cells["aspect"],
        row.text("meaning"),
    )


def sources(columns: Iterable[FlatColumn]) -> list[str]:
    """Return the dotted fields that columns are made of, each once."""
    return [*dict.fromkeys(source for column in columns for source in column.sources)]


def _field(path: str, nested: Mapping[str, pl.DataType]) -> pl.Expr | None:
    """Return a nested field, of lists the list of it; None where there is no such field."""
    first, *rest = path.split(".")
    kind = nested.get(first)
    if kind is None:
        return None
    found = pl.col(first)
    for part in rest:
        listed = isinstance(kind, pl.List)
        parts = kind.inner if isinstance(kind, pl.List) else kind
        kind = _parts(parts).get(part)
        if kind is None:
            return None
        field = pl.element().struct.field(part)
        found = found.list.eval(field) if listed else found.struct.field(part)
        kind = pl.List(kind) if listed else kind
    return found


def _parts(kind: object) -> dict[str, pl.DataType]:
    if not isinstance(kind, pl.Struct):
        return {}
    return {field.name: field.dtype for field in kind.fields}  # type: ignore[misc]
