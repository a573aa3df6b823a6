"""The rows of comma-separated files, where what is wrong with one costs that one.

A quotation mark that is not closed takes the lines after it into its cell, and the `csv` module
gives up at a cell that is too long: both are found here, and the lines that follow are read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TextIO

from builders.corpora.opening import LONGEST_LINE, GatheredLines

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

# The number of a row's last line, its cells, and what is wrong with it, if it cannot be read.
Row = tuple[int, list[str], str]
Quoting = Literal[0, 1, 2, 3]

TOO_LONG = "the line is too long"
NOT_CLOSED = "a quotation mark is not closed"
# Of a line that is too long, so much is kept to look at.
_SHOWN = 1_000


def rows_in(stream: TextIO, *, quoted: bool) -> Iterator[Row]:
    """Yield the rows of a file, its header first; blank lines are skipped.

    `quoted` says whether quotation marks enclose cells or are text. Raises csv.Error where the
    header cannot be read.
    """
    lines = GatheredLines(stream)
    quoting: Quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    table = csv.reader(lines, quoting=quoting)
    header = next(table, [])
    yield table.line_num, header, ""
    since, width = lines.since, len(header)
    since.clear()
    for cells in _parsed(table):
        if cells is None or len(since) > 1 or len(since[0]) >= LONGEST_LINE:
            yield from _apart(since, cells, table.line_num, width, quoting)
        elif cells:
            yield table.line_num, cells, ""
        since.clear()


def _parsed(table: CsvReader) -> Iterator[list[str] | None]:
    """Yield the cells of each row; None for one with a cell that is too long."""
    while True:
        try:
            yield from table
            return
        except csv.Error:
            yield None


def _apart(
    lines: list[str], cells: list[str] | None, number: int, width: int, quoting: Quoting
) -> Iterator[Row]:
    """Yield what was read as one row line by line, where lines are rows by themselves."""
    alone = [_row(line, quoting) for line in lines]
    if cells is not None and len(lines) > 1 and not _is_several(cells, alone, width):
        yield number, cells, ""
        return
    for at, (one, fault) in enumerate(alone, number - len(lines) + 1):
        if one:
            yield at, one, fault


def _is_several(cells: list[str], alone: list[tuple[list[str], str]], width: int) -> bool:
    """Return whether what was read as one row holds other rows.

    Of a row whose first cell spans several lines, the last line looks like a whole row.
    """
    one_row = len(cells) == width and "\n" in cells[0]
    return not one_row and any(len(found) == width for found, _ in alone[1:])


def _row(line: str, quoting: Quoting) -> tuple[list[str], str]:
    """Return the cells of a line by itself, and what is wrong with it."""
    if len(line) >= LONGEST_LINE:
        return [line[:_SHOWN]], TOO_LONG
    try:
        cells = next(csv.reader([line], quoting=quoting), [])
        return cells, NOT_CLOSED if cells and cells[-1].endswith(("\n", "\r")) else ""
    except csv.Error:
        return [line[:_SHOWN]], TOO_LONG
