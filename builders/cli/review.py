"""`hearten review`, `review-status`, `review-export` and `review-import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from builders.cli.options import Excluded, Folder, Json, StoreAddress

commands = typer.Typer()

Form = Literal["events", "merged", "preferences", "label-studio", "potato"]
Order = Literal["build", "doubt"]


@commands.command("review")
def review_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: a free one.")] = 8765,
    invite: Annotated[
        list[str] | None, typer.Option(help="Print a link for this annotator.")
    ] = None,
    invite_lead: Annotated[
        list[str] | None, typer.Option(help="Print a link for this lead, who settles and watches.")
    ] = None,
    overlap: Annotated[
        int | None, typer.Option(help="People who decide about each item.", show_default="1")
    ] = None,
    order: Annotated[
        Order | None, typer.Option(help="Order of the items.", show_default="build")
    ] = None,
    hidden_share: Annotated[
        float | None,
        typer.Option(help="Share of items whose reply is hidden at first.", show_default="0"),
    ] = None,
    gold_share: Annotated[
        float | None, typer.Option(help="Share of gold items.", show_default="0.05")
    ] = None,
    lease_seconds: Annotated[
        float | None,
        typer.Option(help="How long an item is kept for somebody.", show_default="900"),
    ] = None,
    text_only: Annotated[
        bool | None,
        typer.Option("--text-only/--with-sound", help="Whether only to read, without sound."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OUTPUT/NAME", help="Compare its replies with those of this build, two by two."
        ),
    ] = None,
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
) -> None:
    """Open the page on which annotators hear, read and decide about a build's samples."""
    from builders.cli.review_page import review

    wanted = {
        "overlap": overlap,
        "order": order,
        "hidden_share": hidden_share,
        "gold_share": gold_share,
        "lease_seconds": lease_seconds,
        "text_only": text_only,
    }
    folders = (folder, against)
    review(folders, store, (host, port), (invite or (), invite_lead or ()), wanted, exclusions)


@commands.command("review-status")
def review_status_command(
    folder: Folder,
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Say what reviewers have decided about a build, and how far they agree."""
    from builders.cli import review_data

    review_data.status(folder, store, exclusions, as_json)


@commands.command("review-export")
def review_export_command(
    folder: Folder,
    to: Annotated[Path, typer.Option(help="File to write; a folder for the last two forms.")],
    form: Annotated[Form, typer.Option("--format", help="What to write, and how.")] = "events",
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
) -> None:
    """Write decisions, merged decisions or preference pairs; annotators are pseudonyms."""
    from builders.cli import review_data

    review_data.export(folder, store, exclusions, to, form)


@commands.command("review-import")
def review_import_command(
    folder: Folder,
    events: Annotated[Path, typer.Argument(help="A file that review-export wrote.")],
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
) -> None:
    """Add decisions from a file to the store; those it holds already are left."""
    from builders.cli import review_data

    review_data.read_events(folder, store, exclusions, events)
