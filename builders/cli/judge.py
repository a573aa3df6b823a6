"""`hearten judge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypedDict, Unpack

import typer

from builders.cli.options import Excluded, Folder, Json, StoreAddress, env

commands = typer.Typer()

Client = Literal["aiohttp", "openai"]


class JudgeOptions(TypedDict):
    """What `hearten judge` was told."""

    folder: Path
    model: str
    base_url: list[str] | None
    limit: int | None
    estimate: bool
    max_usd: float | None
    max_tokens: int | None
    max_concurrency: int | None
    timeout: float
    patience: float
    reply_tokens: int
    client: Client
    exclusions: Path
    store: str | None
    as_json: bool


@commands.command("judge")
def judge_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    model: Annotated[str, env("MODEL", "The model that judges; not the one that drafted.")],
    base_url: Annotated[
        list[str] | None,
        env("BASE_URL", "Address of an OpenAI-compatible endpoint; may be given again."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many pairs, chosen by hash of the ids.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say what it would cost; ask nothing.")
    ] = False,
    max_usd: Annotated[float | None, typer.Option(help="Stop before this is spent.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Stop before so many tokens are used.")
    ] = None,
    max_concurrency: Annotated[
        int | None, env("MAX_CONCURRENCY", "Requests in flight, at most.", min=1)
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for one answer.")] = 120.0,
    patience: Annotated[
        float, typer.Option(help="Seconds without any answer before it stops.")
    ] = 180.0,
    reply_tokens: Annotated[int, typer.Option(min=50, help="Tokens of one answer, at most.")] = 400,
    client: Annotated[Client, typer.Option(help="HTTP client.")] = "aiohttp",
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Test by swapping whether replies fit the voices they answer; `hearten report` shows it."""
    _judge(**locals())


def _judge(**given: Unpack[JudgeOptions]) -> None:
    from builders.cli.judge_run import judge

    judge(given)
