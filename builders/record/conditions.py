"""Conditions on samples as people write them: `emotion = 'anger' and agreement < 0.6`.

A condition is one expression of polars's SQL over flat columns (`schemas/flat_columns.tsv`). It can
read nothing but these columns: statements, other tables and files are errors. A column that is null
meets no comparison; `is null` asks for it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import polars as pl

from builders.errors import UsageError
from builders.record.flat import SAMPLE, flat_columns

FAILURES = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
EXAMPLE = "one condition, as \"emotion = 'anger' and agreement < 0.6\""
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_UNUSUAL = re.compile(r"[$\\`#]|--|/\*")
_QUERY = re.compile(r"\b(?:select|from|table|values|with)\b", re.IGNORECASE)
_COUNT = '"Len"'
_NEAR = 3
_LONG = 200


def condition(text: str, kind: str = SAMPLE, option: str = "--where") -> pl.Expr:
    """Return a condition that was written as text, checked against the columns.

    Args:
        text: the condition.
        kind: `SAMPLE` or `REJECT`: whose columns.
        option: where it was written, for errors.

    Raises:
        UsageError: it is no condition, or names a column that there is not.
    """
    known: Mapping[str, pl.DataType] = {n: one.dtype for n, one in flat_columns(kind).items()}
    if _may_ask_elsewhere(text):  # before polars sees it, which would read what is named there
        raise _wrong(text, option, "a condition asks no other table")
    with translated(text, option):
        found = pl.sql_expr(text)
    for name in dict.fromkeys(found.meta.root_names()):
        if name not in known:
            raise _no_column(name, text, option, known)
    empty = pl.DataFrame(schema=pl.Schema(known)).lazy()
    with translated(text, option):
        kind_of = empty.select(found.alias("met")).collect_schema()["met"]
        if kind_of != pl.Boolean():
            raise _wrong(text, option, f"that is {_called(kind_of)}, and no condition")
        empty.filter(found).collect()
        asked = empty.select(found).collect().height
    # Of a column there is nothing here, but a sum or a count of nothing.
    if asked and (found.meta.root_names() or _COUNT in found.meta.serialize(format="json")):
        raise _wrong(text, option, "that is met by all samples or by none, and no condition")
    return found


def _may_ask_elsewhere(text: str) -> bool:
    """Return whether a condition may have a query in it, as one that reads a file has.

    Words in quotes are none. Where comments or other quotes stand, nothing is known to be quoted.
    """
    plain = text if _UNUSUAL.search(text) else _QUOTED.sub("''", text)
    return bool(_QUERY.search(plain))


def _called(kind: pl.DataType) -> str:
    """Return how the table of flat columns calls a type."""
    if isinstance(kind, pl.List):
        return "a list, to be asked by array_contains(COLUMN, 'VALUE')"
    return "a text" if kind == pl.String() else "a number"


def said(error: BaseException) -> str:
    """Return the first line of what polars says, in one sentence, without values of samples."""
    first = str(error).strip().split("\n")[0].partition(" values: [")[0]
    return first.rstrip(".:") or type(error).__name__


@contextmanager
def translated(text: str, option: str = "--where") -> Iterator[None]:
    """Turn what goes wrong while samples are compared with a condition into a UsageError."""
    try:
        yield
    except FAILURES as error:
        raise _wrong(text, option, said(error)) from error


def _wrong(text: str, option: str, why: str) -> UsageError:
    if why.startswith("cannot cast List"):
        why = "a list is asked by array_contains(COLUMN, 'VALUE')"
    why = why.replace(text, _short(text)) if text else why
    return UsageError(f"{option} is {_short(text)!r}: {why}", expected=EXAMPLE)


def _short(text: str) -> str:
    """Return the beginning of a long condition."""
    return text if len(text) <= _LONG else f"{text[:_LONG]} …"


def _no_column(name: str, text: str, option: str, known: Mapping[str, object]) -> UsageError:
    if f'"{name}"' in text:
        expected, do = "texts in single quotes", f"did you mean '{name}'?"
        return UsageError(f"{option} is {text!r}: {name!r} is no column", expected=expected, do=do)
    near = difflib.get_close_matches(name.casefold(), known, n=_NEAR)
    return UsageError(
        f"{option} is {text!r}: there is no column {name!r}",
        expected=None if near else f"one of {', '.join(known)}",
        do=f"did you mean {' or '.join(near)}?" if near else None,
    )
