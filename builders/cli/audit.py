"""`hearten audit`: how many replies that nobody has seen are bad, from a random sample of them."""

from __future__ import annotations

from typing import Annotated

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


@commands.command("audit")
def audit_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    max_bad: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=0.5,
            metavar="SHARE",
            help="Share of bad replies that must not be exceeded.",
            show_default="0.02",
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0.5, max=0.999, help="Confidence of that, and of the interval.", show_default="0.95"
        ),
    ] = None,
    allowed_bad: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100,
            metavar="COUNT",
            help="Number of rows of the sample that may be bad; more need a larger sample.",
            show_default="0",
        ),
    ] = None,
    to_the_end: Annotated[
        bool | None,
        typer.Option(
            "--to-the-end/--until-decided",
            help="Judge the whole sample, also if too many are bad already, for a closer estimate.",
            show_default="until decided",
        ),
    ] = None,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Start another audit, of the rows that nobody has seen since."
        ),
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Print what the audit has found, and serve no page.")
    ] = False,
    host: Host = HOST,
    port: Port = PORT,
    invite: Invited = None,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Judge a random sample of the replies that nobody has seen, and print how many are bad."""
    from builders.cli.audit_page import audit

    asked = {
        "max_bad": max_bad,
        "confidence": confidence,
        "allowed": allowed_bad,
        "to_the_end": to_the_end,
    }
    where = (host, port, invite or ())
    audit(folder, store, exclusions, asked, where, again=again, status=status, as_json=as_json)
