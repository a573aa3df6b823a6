"""`hearten review`, `review-status`, `review-export` and `review-import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from builders.cli.options import (
    EXCLUSIONS,
    HOST,
    PORT,
    Excluded,
    Folder,
    Host,
    Invited,
    Json,
    Port,
    StoreAddress,
)

commands = typer.Typer()

Form = Literal["events", "merged", "preferences", "label-studio", "potato"]
Order = Literal["build", "doubt"]


@commands.command("review")
def review_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    host: Host = HOST,
    port: Port = PORT,
    public_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address that annotators open, where a proxy with TLS stands before the server.",
        ),
    ] = None,
    invite: Invited = None,
    invite_lead: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Print a sign-in link for this lead, who settles disputes and sees progress.",
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help="Number of people who review each sample.", show_default="1"),
    ] = None,
    order: Annotated[
        Order | None,
        typer.Option(
            help="Order of the samples: that of the build, or the most doubtful first.",
            show_default="build",
        ),
    ] = None,
    hidden_share: Annotated[
        float | None,
        typer.Option(
            help="Share of samples that are first answered without seeing the reply.",
            show_default="0",
        ),
    ] = None,
    gold_share: Annotated[
        float | None,
        typer.Option(
            help="Share of samples with a known answer, to test annotators.", show_default="0.05"
        ),
    ] = None,
    lease_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="How long a sample is reserved for the person who opened it.",
            show_default="900",
        ),
    ] = None,
    text_only: Annotated[
        bool | None,
        typer.Option("--text-only/--with-sound", help="Review without or with the audio."),
    ] = None,
    for_judge: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Give out only so many samples that a judge has scored, each to two people at "
            "least, to compare the judge with people; 0 gives out all again.",
        ),
    ] = None,
    swap: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PAIRS",
            help="Give out so many minimal pairs instead of samples: people hear both clips and "
            "say which of two replies answers the first.",
        ),
    ] = None,
    qualified: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Somebody who is qualified to answer lines that are held for people; may be "
            "repeated, and replaces those named before.",
        ),
    ] = None,
    held_per_day: Annotated[
        int | None,
        typer.Option(
            metavar="LINES",
            help="How many held lines each of them is shown a day.",
            show_default="5",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="OUTPUT/NAME",
            help="Another build of the same targets: annotators compare the two replies to each.",
        ),
    ] = None,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Serve the review page, where annotators listen, read and decide on each sample."""
    from builders.cli.review_page import review

    wanted = {
        "overlap": overlap,
        "order": order,
        "hidden_share": hidden_share,
        "gold_share": gold_share,
        "lease_seconds": lease_seconds,
        "text_only": text_only,
        "for_judge": for_judge,
        "swap": swap,
        "qualified": qualified,
        "held_per_day": held_per_day,
    }
    folders = (folder, against)
    links = (invite or (), invite_lead or ())
    review(folders, store, (host, port, public_url), links, wanted, exclusions, as_json=as_json)


@commands.command("review-people")
def review_people_command(
    folder: Folder,
    remove: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="End the invitation and all sessions of this person."),
    ] = None,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print who may sign in to the review page, and until when their invitation can be used."""
    from builders.cli import review_people

    review_people.people(folder, store, remove or (), as_json=as_json)


@commands.command("review-status")
def review_status_command(
    folder: Folder,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print what annotators have decided about a build, and how far they agree."""
    from builders.cli import review_data

    review_data.status(folder, store, exclusions, as_json)


@commands.command("review-export")
def review_export_command(
    folder: Folder,
    to: Annotated[
        Path,
        typer.Option(metavar="PATH", help="File to write; a folder for label-studio and potato."),
    ],
    form: Annotated[
        Form, typer.Option("--format", help="What to write, and in which format.")
    ] = "events",
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Write decisions or preference pairs to a file; annotators appear under pseudonyms."""
    from builders.cli import review_data

    review_data.export(folder, store, exclusions, to, form, as_json=as_json)


@commands.command("review-import")
def review_import_command(
    folder: Folder,
    events: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file written by review-export.")
    ],
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Add the decisions in a file to the store; those already there are skipped."""
    from builders.cli import review_data

    review_data.read_events(folder, store, exclusions, events, as_json=as_json)
