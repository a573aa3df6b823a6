"""`hearten redact`: what is personal in the utterances of a file, and what stands for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import Json
from builders.cli.tag import refuse_bad_rows

commands = typer.Typer()


@commands.command("redact")
def redact_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Utterances, one JSON object a line.")
    ],
    names: Annotated[
        bool, typer.Option("--names", help="Names of people as well (needs hearten[ner]).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find personal data in the utterances of a file, and replace it as a build does.

    Each row comes out with the spans, and its utterance and context with surrogates. Names of
    people are looked for with --names alone; those in `speakers` of a row stay. Where rows have
    `gold`, precision and recall go to stderr.
    """
    _redact(file, names, as_json)


def _redact(file: Path, names: bool, as_json: bool) -> None:
    import orjson

    from builders.safety.people import PeopleFinder
    from builders.safety.redacted_rows import (
        RedactedRow,
        redact_lines,
        redact_scores,
        redacted_rows,
    )

    redacted: list[RedactedRow] = []
    bad: list[str] = []
    for row in redacted_rows(file, PeopleFinder() if names else None):
        if not isinstance(row, RedactedRow):
            bad.append(row)
            continue
        redacted.append(row)
        if not as_json:
            sys.stdout.write(orjson.dumps(row.document).decode() + "\n")
    found = redact_scores(redacted)
    if as_json:
        rows = [one.document for one in redacted]
        document = {"scores": found, "bad_rows": bad, "rows": rows}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for line in redact_lines(found):
            print(line, file=sys.stderr)
    refuse_bad_rows(bad, file)
