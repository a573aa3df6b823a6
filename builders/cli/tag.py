"""`hearten tag`: which strategies replies in a file carry out, by their words alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import Json
from builders.errors import ConfigError

commands = typer.Typer()


@commands.command("tag")
def tag_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Replies, one JSON object a line.")
    ],
    as_json: Json = False,
) -> None:
    """Tag replies in a file with the strategies that their words carry out, with places.

    The strategies of a row are not looked at, and what no cue tells is `unknown`. Where rows have
    `gold`, precision and recall go to stderr.
    """
    _tag(file, as_json)


def _tag(file: Path, as_json: bool) -> None:
    import orjson

    from builders.tasks.reply.checks.rows import Row, read_rows_of
    from builders.tasks.reply.tagged_rows import TaggedRow, lines, scores, tag_row

    tagged: list[TaggedRow] = []
    bad: list[str] = []
    for row in read_rows_of(file):
        if not isinstance(row, Row):
            bad.append(row)
            continue
        tagged.append(tag_row(row))
        if not as_json:
            sys.stdout.write(orjson.dumps(tagged[-1].document).decode() + "\n")
    found = scores(tagged)
    if as_json:
        document = {"scores": found, "bad_rows": bad, "rows": [one.document for one in tagged]}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for line in lines(found):
            print(line, file=sys.stderr)
    refuse_bad_rows(bad, file)


def refuse_bad_rows(bad: list[str], file: Path) -> None:
    """Say which rows could not be read; ConfigError where there are some."""
    for line in bad[:-1]:
        print(f"error: {line}", file=sys.stderr)
    if bad:
        more = f" ({len(bad)} such rows in {file})" if len(bad) > 1 else ""
        raise ConfigError(f"{bad[-1]}{more}", do="correct them; the others were read")
