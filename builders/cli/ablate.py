"""`hearten ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypedDict, Unpack

import typer

from builders.cli.options import (
    EXCLUSIONS,
    BaseUrl,
    Estimate,
    Excluded,
    Folder,
    Json,
    MaxConcurrency,
    MaxTokens,
    MaxUsd,
    MaySend,
    Patience,
    Source,
    StoreAddress,
    Timeout,
    env,
)

commands = typer.Typer()


class AblateOptions(TypedDict):
    """What `hearten ablate` was told."""

    folder: Path
    sample: int
    certificate: bool
    model: str | None
    base_url: list[str] | None
    also: str | None
    judge: str | None
    judge_base_url: list[str] | None
    source: Path | None
    estimate: bool
    max_usd: float | None
    max_tokens: int | None
    max_concurrency: int | None
    timeout: float
    patience: float
    i_may_send: list[str] | None
    exclusions: Path
    store: str | None
    as_json: bool


@commands.command("ablate")
def ablate_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    sample: Annotated[
        int, typer.Option(min=2, help="Number of targets, half of them in minimal pairs.")
    ] = 200,
    certificate: Annotated[
        bool,
        typer.Option("--certificate", help="Make the certificate alone, and ask no model."),
    ] = False,
    model: Annotated[
        str | None,
        env(
            "MODEL",
            "The model that drafts.",
            metavar="MODEL",
            show_default="the one of the build",
        ),
    ] = None,
    base_url: BaseUrl = None,
    also: Annotated[
        str | None,
        typer.Option(
            metavar="planner,demonstrations|none",
            help="What else is left out, each alone.",
            show_default="what the build has of them",
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Model that matches the replies to the voices."),
    ] = None,
    judge_base_url: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Address of the judge.", show_default="--base-url"),
    ] = None,
    source: Source = None,
    estimate: Estimate = False,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    max_concurrency: MaxConcurrency = None,
    timeout: Timeout = 120.0,
    patience: Patience = 180.0,
    i_may_send: MaySend = None,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Find out what the voice adds: draft again without it, without the label, in a wrong voice."""
    _ablate(**locals())


def _ablate(**given: Unpack[AblateOptions]) -> None:
    from builders.cli.ablate_run import ablate

    ablate(given)
