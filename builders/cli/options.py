"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

OPTIONS = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "add_completion": False}

Excluded = Annotated[
    Path, typer.Option(help="Table of ids that must not be used, where there is one.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Folder = Annotated[Path, typer.Argument(metavar="OUTPUT/NAME", help="The folder of a build.")]


def env(name: str, help_text: str, **more: Any) -> Any:
    """Return an option that `HEARTEN_<name>` sets too."""
    return typer.Option(envvar=f"HEARTEN_{name}", help=help_text, **more)


StoreAddress = Annotated[
    str | None,
    env("STORE", "Where answers are held: a file or postgresql+psycopg://… address."),
]
Source = Annotated[
    Path | None,
    typer.Option(help="The corpus folder as its owner ships it.", show_default=False),
]
OnlySplits = Annotated[list[str] | None, typer.Option(help="Only this split; may be given again.")]
TextOnly = Annotated[
    bool, typer.Option("--text-only", help="Leave the clips out; they need not be there.")
]
