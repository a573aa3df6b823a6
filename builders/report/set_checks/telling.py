"""What is said of the set: a sentence for each measure that is out, rows for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builders.labels.tables import TableRow
from builders.record.manifest_views import SetCheck
from builders.report.set_checks.comparing import checks


@dataclass(frozen=True, slots=True)
class SetRow:
    """A measure as the report shows it; positions of the picture are shares of its width."""

    code: str
    formula: str
    example: str | None
    value: str
    people: str | None
    texts: int
    out: bool
    at: float
    low: float
    high: float


def lines(found: Sequence[SetCheck]) -> list[str]:
    """Return a sentence for each measure that lies outside what people do."""
    rows = {row.text("code"): row for row in checks()}
    return [_sentence(rows[one["code"]], one) for one in found if one["out"]]


def rows(found: Sequence[SetCheck]) -> list[SetRow]:
    """Return all measures for the report."""
    tables = {row.text("code"): row for row in checks()}
    return [_row(tables[one["code"]], one) for one in found if one["code"] in tables]


def _sentence(row: TableRow, one: SetCheck) -> str:
    return row.text("sentence").format(
        value=_number(row, one["value"]),
        people=f"people's next turns: {_people(row, one)}",
        example=f" ({one['example']})" if one.get("example") else "",
    )


def _people(row: TableRow, one: SetCheck) -> str | None:
    if one["people"] is None or one["low"] is None or one["high"] is None:
        return None
    low, high = _number(row, one["low"]), _number(row, one["high"])
    turns = f"{one['texts']:,} turns" + (" of any length" if one.get("any_length") else "")
    return f"{_number(row, one['people'])} ({low} to {high}, {turns})"


def _row(row: TableRow, one: SetCheck) -> SetRow:
    ends = [one["value"], one["high"] or 0.0]
    whole = 1.0 if row.text("unit") != "bits" else max(*ends, 1.0)
    return SetRow(
        code=one["code"],
        formula=row.text("formula").format(tokens=f"{one['tokens']:,}"),
        example=one.get("example"),
        value=_number(row, one["value"]),
        people=_people(row, one),
        texts=one["texts"],
        out=one["out"],
        at=one["value"] / whole,
        low=(one["low"] or 0.0) / whole,
        high=(one["high"] or 0.0) / whole,
    )


def _number(row: TableRow, value: float) -> str:
    if row.text("unit") == "share":
        return f"{value * 100:.1f} %"
    return f"{value:.2f}" + (" bits" if row.text("unit") == "bits" else "")
