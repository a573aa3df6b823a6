"""`hearten route`: which utterances of a file may be answered by a model, by patterns."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import Json
from builders.cli.tag import refuse_bad_rows

commands = typer.Typer()


@commands.command("route")
def route_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Utterances, one JSON object a line.")
    ],
    as_json: Json = False,
) -> None:
    """Route the utterances of a file, with what was said before, as a build does.

    Each row comes out with its route (normal, sensitive, crisis, exclude, unknown_language) and
    the reasons. Where rows have `gold`, precision and recall go to stderr.
    """
    _route(file, as_json)


def _route(file: Path, as_json: bool) -> None:
    import orjson

    from builders.safety.rows import RoutedRow, route_lines, route_scores, routed_rows
    from builders.safety.tables import safety_digest

    routed: list[RoutedRow] = []
    bad: list[str] = []
    for row in routed_rows(file):
        if not isinstance(row, RoutedRow):
            bad.append(row)
            continue
        routed.append(row)
        if not as_json:
            sys.stdout.write(orjson.dumps(row.document).decode() + "\n")
    found = route_scores(routed)
    if as_json:
        rows = [one.document for one in routed]
        document = {"tables": safety_digest(), "scores": found, "bad_rows": bad, "rows": rows}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for line in route_lines(found):
            print(line, file=sys.stderr)
    refuse_bad_rows(bad, file)
