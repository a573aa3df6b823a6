"""`hearten judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypedDict, Unpack

import typer

from builders.cli.options import (
    EXCLUSIONS,
    BaseUrl,
    ClientHelp,
    Estimate,
    Excluded,
    Folder,
    Json,
    MaxConcurrency,
    MaxTokens,
    MaxUsd,
    MaySend,
    Patience,
    ReplyTokens,
    StoreAddress,
    Timeout,
    env,
)

commands = typer.Typer()

Client = Literal["aiohttp", "openai"]
Test = Literal["swap", "score", "pairs"]


class JudgeOptions(TypedDict):
    """What `hearten judge` was told."""

    folder: Path
    model: str
    base_url: list[str] | None
    test: Test
    dimension: list[str] | None
    limit: int | None
    estimate: bool
    max_usd: float | None
    max_tokens: int | None
    max_concurrency: int | None
    timeout: float
    patience: float
    reply_tokens: int
    client: Client
    i_may_send: list[str] | None
    exclusions: Path
    store: str | None
    as_json: bool


@commands.command("judge")
def judge_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    model: Annotated[
        str,
        env("MODEL", "The model that judges; not the one that drafted.", metavar="MODEL"),
    ],
    base_url: BaseUrl = None,
    test: Annotated[
        Test,
        typer.Option(
            help="swap: match replies to voices. score: rate each reply, in one dimension after "
            "the other. pairs: compare each reply with the other drafts of its target."
        ),
    ] = "swap",
    dimension: Annotated[
        list[str] | None,
        typer.Option(
            help="With --test score, only this dimension, such as heard or restraint; repeatable.",
            metavar="DIMENSION",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of pairs, or of replies.")
    ] = None,
    estimate: Estimate = False,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    max_concurrency: MaxConcurrency = None,
    timeout: Timeout = 120.0,
    patience: Patience = 180.0,
    reply_tokens: ReplyTokens = 400,
    client: Annotated[Client, ClientHelp] = "aiohttp",
    i_may_send: MaySend = None,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Have a model judge replies: whether they fit the voices they answer, how good they are."""
    _judge(**locals())


def _judge(**given: Unpack[JudgeOptions]) -> None:
    from builders.cli.judge_run import judge

    judge(given)
