"""What the checks of a file of replies come to beside what was expected of each row.

Where `gold` is a verdict, each verdict has precision and recall, and each code says how often it
was found under which expected verdict. Where it is a list of codes, each code has precision and
recall. Intervals are Wilson's, 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from builders.stats import Share, share
from builders.tasks.reply.checks.rows import VERDICTS, CheckedRow


def scores(checked: Sequence[CheckedRow]) -> dict[str, object]:
    """Return counts of verdicts and codes, and how they agree with what was expected."""
    by_verdict = [one for one in checked if isinstance(one.row.gold, str)]
    by_code = [one for one in checked if isinstance(one.row.gold, list)]
    codes = sorted({code for one in checked for code in one.found})
    asked = sorted({code for one in by_code for code in one.row.gold or ()})
    found: dict[str, object] = {
        "rows": len(checked),
        "verdicts": {name: sum(one.verdict == name for one in checked) for name in VERDICTS},
        "codes": {code: sum(code in one.found for one in checked) for code in codes},
    }
    if by_verdict:
        found["by_verdict"] = {name: _of_verdict(by_verdict, name) for name in VERDICTS}
        found["codes_by_verdict"] = {code: _under(by_verdict, code) for code in codes}
    if by_code:
        found["by_code"] = {name: _of_code(by_code, name) for name in sorted({*codes, *asked})}
    return found


def _of_verdict(checked: Sequence[CheckedRow], name: str) -> dict[str, object]:
    return _agreement(checked, lambda one: one.verdict == name, lambda one: one.row.gold == name)


def _of_code(checked: Sequence[CheckedRow], name: str) -> dict[str, object]:
    return _agreement(
        checked, lambda one: name in one.found, lambda one: name in (one.row.gold or ())
    )


def _agreement(
    checked: Sequence[CheckedRow],
    said: Callable[[CheckedRow], bool],
    expected: Callable[[CheckedRow], bool],
) -> dict[str, object]:
    both = [(said(one), expected(one)) for one in checked]
    return {
        "precision": _share(right for found, right in both if found),
        "recall": _share(found for found, right in both if right),
    }


def _under(checked: Sequence[CheckedRow], code: str) -> dict[str, object]:
    """Return how often a code is found in the rows of each expected verdict."""
    return {
        name: _share(code in one.found for one in checked if one.row.gold == name)
        for name in VERDICTS
    }


def _share(found: Iterable[bool]) -> dict[str, object]:
    return asdict(share(list(found)))


def shown(found: Share | dict[str, object]) -> str:
    """Return a share in words: ``12 of 15, 0.80 (0.55 to 0.93)``."""
    cells = asdict(found) if isinstance(found, Share) else found
    if not cells["of"]:
        return "none"
    return (
        f"{cells['count']} of {cells['of']}, "
        f"{cells['share']:.2f} ({cells['low']:.2f} to {cells['high']:.2f})"
    )


def lines(found: dict[str, object]) -> list[str]:
    """Return the scores as lines for a person."""
    said = [f"{found['rows']} rows: {_counts(found['verdicts'])}"]
    for title in ("by_verdict", "by_code"):
        table = found.get(title)
        for name, cells in table.items() if isinstance(table, dict) else ():
            if cells["precision"]["of"] or cells["recall"]["of"]:
                parts = (f"{part} {shown(cells[part])}" for part in ("precision", "recall"))
                said.append(f"{name}: {', '.join(parts)}")
    table = found.get("codes_by_verdict")
    for code, cells in table.items() if isinstance(table, dict) else ():
        expected = (f"{name} {shown(cell)}" for name, cell in cells.items() if cell["of"])
        said.append(f"{code}: found in {'; '.join(expected)}")
    return said


def _counts(counts: object) -> str:
    known = counts if isinstance(counts, dict) else {}
    return ", ".join(f"{count} {name}" for name, count in known.items() if count)
