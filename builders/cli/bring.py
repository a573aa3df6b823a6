"""`hearten import` and `hearten validate`: records of one's own, and what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Json

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
        typer.Argument(metavar="FILE", help="Records, a schema, or hearten.toml."),
    ],
    column_map: Map = None,
    audio: Audio = None,
    text_only: Silent = False,
    as_json: Json = False,
) -> None:
    """Check records, schemas of your own and hearten.toml; the first fault is an error."""
    from builders.pipeline.importing.column_map import ColumnMap, read_map
    from builders.pipeline.importing.validating import validate

    how = read_map(column_map) if column_map else ColumnMap()
    told = {str(file): validate(file, how, _clips(file, audio, text_only)) for file in files}
    if as_json:
        print(json.dumps({"valid": told}))
        return
    for name, what in told.items():
        print(f"{name}: {what}")


def _clips(file: Path, audio: Path | None, text_only: bool) -> Path | None:
    """Return the folder of the clips; None where they are left out."""
    if text_only:
        return None
    return audio or (file if file.is_dir() else file.parent)
