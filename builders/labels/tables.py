"""Reading the tables that people edit: tab-separated text, each cell checked, each key once.

A broken cell is a `LabelError` that names the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from builders.errors import ConfigError, LabelError


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table: its cells by column, and its place (``file:line``)."""

    cells: Mapping[str, str]
    where: str

    def text(self, column: str) -> str:
        """Return a cell that must not be empty."""
        if not self.cells[column]:
            raise self.error(column, "some text")
        return self.cells[column]

    def matching(self, column: str, pattern: str, expected: str) -> str:
        """Return a cell that must fully match a pattern; `expected` describes the pattern."""
        if not re.fullmatch(pattern, self.cells[column]):
            raise self.error(column, expected)
        return self.cells[column]

    def choice(self, column: str, allowed: Collection[str]) -> str:
        """Return a cell that must be one of `allowed`."""
        if self.cells[column] not in allowed:
            raise self.error(column, f"one of {', '.join(a or '(empty)' for a in allowed)}")
        return self.cells[column]

    def error(self, column: str, expected: str) -> LabelError:
        """Return the error that says what is wrong with one cell of this row."""
        what = f"{column} is {self.cells[column]!r}"
        return LabelError(what, where=self.where, expected=expected, do="change that cell")


def read_rows(
    path: Path, columns: Collection[str], key: Sequence[str], optional: str | None = None
) -> list[TableRow]:
    """Read a tab-separated table that has at least `columns`; lines that start with # are skipped.

    Args:
        path: the table.
        columns: what it must have.
        key: the columns whose cells must be unique in combination; empty if rows may
            repeat.
        optional: the last column, if rows may end before it, and tables may lack it.

    Raises:
        LabelError: the file is missing, is not UTF-8 or lacks a column; a row has a different
            number of cells than the header, or the key of an earlier row.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    numbered = [(n, line) for n, line in lines if line.strip() and not line.startswith("#")]
    reader = (line.split("\t") for _, line in numbered)
    header = next(reader, [])
    _check_header(header, columns, path)
    if optional and optional not in header:
        header, spare = [*header, optional], True
    else:
        spare = bool(optional) and header[-1] == optional
    numbers = (n for n, _ in numbered[1:])
    read = ([*cells, ""] if spare and len(cells) == len(header) - 1 else cells for cells in reader)
    rows = [_row(header, cells, f"{path}:{n}") for n, cells in zip(numbers, read, strict=True)]
    if key:
        _check_keys(rows, key)
    return rows


def _check_header(header: Collection[str], columns: Collection[str], path: Path) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        what, expected = f"no column {', '.join(missing)}", f"the columns {', '.join(columns)}"
        raise LabelError(what, where=path, expected=expected, do="add it, tab-separated")


def _check_keys(rows: Iterable[TableRow], key: Sequence[str]) -> None:
    first: dict[tuple[str, ...], TableRow] = {}
    for row in rows:
        *of, last = cells = tuple(row.cells[column] for column in key)
        if cells in first:
            line = first[cells].where.rpartition(":")[2]
            within = f" for {' and '.join(map(repr, of))}" if of else ""
            raise row.error(
                key[-1], f"each {key[-1]} only once{within}; line {line} already has it"
            )
        first[cells] = row


def read_text(path: Path) -> str:
    """Return the text of a table; LabelError if it is missing or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what, do = f"cannot read a table ({error.strerror})", "see label_maps/README.md"
        raise LabelError(what, where=path, expected="a tab-separated table", do=do) from error
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise LabelError(what, where=path, expected="UTF-8 text", do="save it as UTF-8") from error


def tab_lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield where each line of a tab-separated file is, and its cells, whatever they hold.

    Raises:
        ConfigError: the file cannot be read, or is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the table cannot be read ({said})",
            where=path,
            expected="tab-separated text in UTF-8",
            do="save it so",
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line:
            yield f"{path}:{number}", line.split("\t")


def tab_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the lines below a header that must have just these columns; ConfigError if not."""
    lines = tab_lines(path)
    _, header = next(lines, ("", []))
    if header != [*columns]:
        raise ConfigError(
            f"wrong columns: {', '.join(header) or 'none'}",
            where=path,
            expected=", ".join(columns),
            do="write these column names in the first line, separated by tabs",
        )
    yield from lines


def _row(header: list[str], cells: list[str], where: str) -> TableRow:
    if len(cells) != len(header):
        what, expected = f"{len(cells)} cells", f"{len(header)}, as in the first row"
        raise LabelError(what, where=where, expected=expected, do="check the tabs in that line")
    return TableRow({name: cell.strip() for name, cell in zip(header, cells, strict=True)}, where)


@lru_cache(maxsize=4096)
def normalise(word: str) -> str:
    """Return `word` normalised for lookup: lower case; spaces, hyphens, underscores are equal."""
    return re.sub(r"[\s_-]+", "_", word.strip().lower())
