"""`hearten check`: the checks of replies on a file of rows, as a build runs them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from builders.cli.options import Json, Source
from builders.cli.tag import refuse_bad_rows
from builders.errors import UsageError

if TYPE_CHECKING:
    from builders.tasks.reply.checks.recited import RunIndex

commands = typer.Typer()

Persona = Literal["assistant", "addressee"]


@commands.command("check")
def check_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.jsonl", help="Replies, one JSON object a line.")
    ],
    persona: Annotated[
        Persona, typer.Option(help="Who speaks: an assistant without a life, or the addressee.")
    ] = "assistant",
    corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS", help="Refuse what recites a turn of this corpus."),
    ] = None,
    source: Source = None,
    as_json: Json = False,
) -> None:
    """Check replies in a file: each row comes out with its verdict and the codes found.

    Where rows have `gold`, precision and recall go to stderr.
    """
    _check(file, persona, corpus, source, as_json)


def _check(
    file: Path, persona: Persona, corpus: str | None, source: Path | None, as_json: bool
) -> None:
    import orjson

    from builders.tasks.reply.checks.registry import checks_digest
    from builders.tasks.reply.checks.rows import Row, check_row, read_rows_of
    from builders.tasks.reply.checks.scoring import lines, scores

    recited = _recited(corpus, source)
    checked, bad = [], []
    for row in read_rows_of(file, persona, recited):
        if not isinstance(row, Row):
            bad.append(row)
            continue
        checked.append(check_row(row))
        if not as_json:
            sys.stdout.write(orjson.dumps(checked[-1].document).decode() + "\n")
    found = scores(checked)
    if as_json:
        rows = [one.document for one in checked]
        document = {"checks": checks_digest(), "scores": found, "bad_rows": bad, "rows": rows}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for line in lines(found):
            print(line, file=sys.stderr)
    refuse_bad_rows(bad, file)


def _recited(corpus: str | None, source: Path | None) -> RunIndex | None:
    """Return what is said in a corpus; None where none is named."""
    if (corpus is None) != (source is None):
        lacking = "--corpus" if corpus is None else "--source"
        raise UsageError(f"{lacking} is missing", do="name --corpus and --source together")
    if corpus is None or source is None:
        return None
    from builders.corpora import load_card, open_reader
    from builders.corpora.reading import Defects, read_split
    from builders.record.types import Dialogue
    from builders.tasks.reply.checks.recited import RunIndex

    index = RunIndex(load_card(corpus).language)
    reader = open_reader(corpus, source, False)
    for split in reader.splits:
        for item in read_split(reader, corpus, split, Defects.load(corpus).without_clips()):
            for utterance in item.utterances if isinstance(item, Dialogue) else ():
                index.add(utterance.text)
    return index.freeze()
