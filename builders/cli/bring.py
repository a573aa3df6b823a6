"""`hearten import` and `hearten validate`: records of one's own, and what is wrong with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Json
from builders.errors import ConfigError, HeartenError

if TYPE_CHECKING:
    from builders.corpora.given_files import Refuse
    from builders.pipeline.importing.column_map import ColumnMap

commands = typer.Typer()

Map = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="FILE",
        help="TOML file that says which column is which field; docs/own.md.",
    ),
]
Audio = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder that clip paths are relative to.", show_default="that of FILE"
    ),
]
Silent = Annotated[bool, typer.Option("--text-only", help="Leave clips out.")]


@commands.command("import")
def import_command(  # noqa: PLR0913 - one argument for each option
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records, or a folder of them.")],
    corpus: Annotated[str, typer.Option(metavar="NAME", help="What the corpus is to be called.")],
    column_map: Map = None,
    audio: Audio = None,
    text_only: Silent = False,
    exclusions: Excluded = EXCLUSIONS,
    as_json: Json = False,
) -> None:
    """Make a corpus of your own records, which `build --corpus NAME` reads."""
    from builders.corpora.exclusions import Exclusions
    from builders.pipeline.importing.column_map import ColumnMap, read_map
    from builders.pipeline.importing.taking_in import take_in

    how = read_map(column_map) if column_map else ColumnMap()
    done = take_in(file, corpus, how, _clips(file, audio, text_only), Exclusions.load(exclusions))
    if as_json:
        counts = {"records": dict(done.records), "clips": done.clips, "samples": done.samples}
        print(json.dumps({"folder": str(done.folder), **counts, "labels": dict(done.labels)}))
        return
    told = ", ".join(f"{count:,} {split}" for split, count in done.records.items())
    print(f"{done.folder}: {told}; {done.clips:,} clips, {len(done.labels)} labels")
    if done.excluded:
        print(f"{done.excluded:,} left out, as {exclusions} says")
    if done.samples:
        print(f"{done.samples:,} came with a reply: {done.folder / 'samples.jsonl'}")
    print(f"fill in {done.folder / 'card.toml'}: what is unknown is not published or sent")
    print(f"then: build --corpus {corpus}")


@commands.command("validate")
def validate_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Records, a schema, a table, a prompt, a card, a map, or hearten.toml.",
        ),
    ],
    column_map: Map = None,
    audio: Audio = None,
    text_only: Silent = False,
    as_json: Json = False,
) -> None:
    """Check what you wrote or edited before it is used, and list every fault."""
    from builders.pipeline.importing.column_map import ColumnMap, read_map

    how = read_map(column_map) if column_map else ColumnMap()
    told: dict[str, str | None] = {}
    faults: list[dict[str, str | None]] = []

    def refuse(error: HeartenError) -> None:
        """Tell a fault at once, but where one object is printed at the end."""
        if as_json:
            faults.append(_fault(file, error))
        else:
            print(f"error: {error}", file=sys.stderr, flush=True)

    for file in files:
        told[str(file)] = what = _valid(file, how, _clips(file, audio, text_only), refuse)
        if what and not as_json:
            print(f"{file}: {what}", flush=True)
    wrong = [name for name, what in told.items() if what is None]
    if as_json:
        valid = {name: what for name, what in told.items() if what}
        print(json.dumps({"valid": valid, "faults": faults}, ensure_ascii=False))
        if wrong:
            raise ConfigError(f"{len(faults):,} faults in {', '.join(wrong)}", do="fix them")
    if wrong:
        sys.exit(ConfigError.exit_code)


def _valid(file: Path, how: ColumnMap, clips: Path | None, refuse: Refuse) -> str | None:
    """Tell what is wrong with a file; return what it is if that is nothing."""
    from builders.pipeline.importing.validating import Faults, validate

    if file.suffix != ".tsv":
        return validate(file, how, clips, refuse)
    from builders.cli.valid_tables import table_faults

    faults = Faults(refuse)
    try:
        for fault in table_faults(file):
            faults.add(fault)
    except HeartenError as error:
        faults.add(error)
    faults.end(file)
    return None if faults.count else "a valid table that goes with the others"


def _fault(file: Path, error: HeartenError) -> dict[str, str | None]:
    where = None if error.where is None else str(error.where)
    said = {"file": str(file), "where": where, "what": error.what}
    return said | {"expected": error.expected, "do": error.do}


def _clips(file: Path, audio: Path | None, text_only: bool) -> Path | None:
    """Return the folder of the clips; None where they are left out."""
    if text_only:
        return None
    return audio or (file if file.is_dir() else file.parent)
