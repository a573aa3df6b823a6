"""Rows of a file with the route of their utterance, beside the one that was expected.

A row is as `hearten check` takes it. `gold` is a route. Where a row has a reply, what no reply may
say is found in it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from builders.safety.routing import ROUTES, Routed, refused_in_reply, route
from builders.stats import share
from builders.tasks.reply.checks.rows import document_of, read_lines, said_before
from builders.tasks.reply.checks.scoring import shown


@dataclass(frozen=True, slots=True)
class RoutedRow:
    """A row of a file and the route of its utterance; `refused` is what its reply may not say."""

    fields: dict[str, object]
    routed: Routed
    refused: tuple[tuple[str, int, int], ...]

    @property
    def gold(self) -> str | None:
        """Return the route that was expected, or None."""
        gold = self.fields.get("gold")
        return gold if isinstance(gold, str) else None

    @property
    def document(self) -> dict[str, object]:
        """Return the row with what was found."""
        found: dict[str, object] = {
            "route": self.routed.route,
            "codes": [asdict(reason) for reason in self.routed.reasons],
        }
        if self.fields.get("reply") is not None:
            found["reply_codes"] = [
                {"code": code, "start": start, "end": end} for code, start, end in self.refused
            ]
        return {**self.fields, **found}


def routed_rows(path: Path) -> Iterator[RoutedRow | str]:
    """Yield each row with its route; for one that cannot be read a line that says why."""
    return read_lines(path, lambda _, line: _routed_row(line))


def _routed_row(line: bytes) -> RoutedRow:
    fields = document_of(line, ROUTES, lambda _: False, "")
    language = str(fields.get("lang") or "en")
    found = route(str(fields.get("utterance") or ""), said_before(fields), language)
    refused = refused_in_reply(str(fields.get("reply") or ""), language)
    return RoutedRow(fields, found, tuple((f.pattern.code, f.start, f.end) for f in refused))


def route_scores(rows: Sequence[RoutedRow]) -> dict[str, object]:
    """Return counts of routes and codes, and how the routes agree with those expected."""
    codes = sorted({code for row in rows for code in row.routed.codes})
    found: dict[str, object] = {
        "rows": len(rows),
        "routes": {name: sum(row.routed.route == name for row in rows) for name in ROUTES},
        "codes": {code: sum(code in row.routed.codes for row in rows) for code in codes},
    }
    known = [(row.routed.route, row.gold, row.routed.codes) for row in rows if row.gold]
    if known:
        found["by_route"] = {
            name: {
                "precision": _share(gold == name for said, gold, _ in known if said == name),
                "recall": _share(said == name for said, gold, _ in known if gold == name),
            }
            for name in ROUTES
        }
        found["codes_by_route"] = {
            code: {
                name: _share(code in found_codes for _, gold, found_codes in known if gold == name)
                for name in ROUTES
            }
            for code in codes
        }
    return found


def _share(hits: Iterable[bool]) -> dict[str, object]:
    return asdict(share(list(hits)))


def route_lines(found: dict[str, object]) -> list[str]:
    """Return the scores as lines for a person."""
    routes = found["routes"]
    counts = routes.items() if isinstance(routes, dict) else ()
    said = [f"{found['rows']} rows: " + ", ".join(f"{n} {name}" for name, n in counts if n)]
    by_route = found.get("by_route")
    for name, cells in by_route.items() if isinstance(by_route, dict) else ():
        if cells["precision"]["of"] or cells["recall"]["of"]:
            parts = (f"{part} {shown(cells[part])}" for part in ("precision", "recall"))
            said.append(f"{name}: {', '.join(parts)}")
    by_code = found.get("codes_by_route")
    for code, cells in by_code.items() if isinstance(by_code, dict) else ():
        expected = (f"{name} {shown(cell)}" for name, cell in cells.items() if cell["of"])
        said.append(f"{code}: found in {'; '.join(expected)}")
    return said
