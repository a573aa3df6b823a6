"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

OPTIONS = {"rich_markup_mode": None, "pretty_exceptions_enable": False, "add_completion": False}

OUTPUT = Path("output")
EXCLUSIONS = Path("exclusions.tsv")
VOICES = Path("voices.tsv")

Excluded = Annotated[
    Path,
    typer.Option(metavar="FILE", help="Table of ids to leave out; the file need not exist."),
]
Voices = Annotated[
    Path,
    typer.Option(
        metavar="FILE", help="Table of voices and who consented; the file need not exist."
    ),
]
Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Invited = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Print a sign-in link for this annotator."),
]
HOST, PORT = "127.0.0.1", 8765
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Folder = Annotated[Path, typer.Argument(metavar="OUTPUT/NAME", help="The folder of a build.")]


def env(name: str, help_text: str, **more: Any) -> Any:
    """Return an option that `HEARTEN_<name>` sets too."""
    return typer.Option(envvar=f"HEARTEN_{name}", help=help_text, **more)


SettingsProfile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        envvar="HEARTEN_PROFILE",
        metavar="NAME",
        help="Profile of hearten.toml, whose settings go before those of [build] there.",
    ),
]
StoreAddress = Annotated[
    str | None,
    env(
        "STORE",
        "Database of cached responses and reviews: a file, or a postgresql+psycopg:// address.",
        metavar="ADDRESS",
        show_default="hearten.sqlite in the folder of all builds",
    ),
]
Drafters = Annotated[
    list[str] | None,
    env(
        "MODEL",
        "Model that drafts the replies; of several, the best draft of each target is its reply. "
        "Without one, they come from the phrasebook, which is for trying out only.",
        metavar="MODEL[@URL]",
    ),
]
Drafts = Annotated[
    int,
    typer.Option(
        min=1,
        help="Number of drafts by each model. The one with the fewest notes of the checks is the "
        "reply; the record keeps the others.",
    ),
]
RetryKind = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REASON", help="Ask again about targets that were rejected for this reason."
    ),
]
Output = Annotated[Path, env("OUTPUT", "Folder of all builds.", metavar="DIR")]
Clips = Annotated[
    Path | None,
    env(
        "CLIPS",
        "Folder for encoded clips and synthetic speech.",
        metavar="DIR",
        show_default="clips beside the store",
    ),
]
Source = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of the corpus, as its owner distributes it."),
]
OnlySplits = Annotated[
    list[str] | None, typer.Option(metavar="SPLIT", help="Only this split of the corpus.")
]
TextOnly = Annotated[
    bool, typer.Option("--text-only", help="Leave the audio out; the clips need not be there.")
]
FollowLinks = Annotated[
    bool,
    typer.Option(
        "--follow-links",
        help="Read clips that are links to outside the corpus folder, such as on another disk.",
    ),
]

# What every command says alike that asks a model.
BaseUrl = Annotated[
    list[str] | None,
    env("BASE_URL", "Address of an OpenAI-compatible endpoint.", metavar="URL"),
]
MaxConcurrency = Annotated[
    int | None, env("MAX_CONCURRENCY", "Maximum number of requests at the same time.", min=1)
]
Timeout = Annotated[
    float, typer.Option(metavar="SECONDS", help="Longest time to wait for one response.")
]
Patience = Annotated[
    float, typer.Option(metavar="SECONDS", help="Longest time without any response; then stop.")
]
MaySend = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CORPUS",
        help="You have a right of your own to send this corpus to the endpoint's owner, although "
        "its terms do not say so. It is recorded with the build.",
    ),
]
ReplyTokens = Annotated[int, typer.Option(min=50, help="Maximum number of tokens of a response.")]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(
        metavar="temperature|top_p|seed",
        help="Value that is not sent, for a server that refuses it.",
    ),
]
ClientHelp = typer.Option(help="HTTP client to use.")
Estimate = Annotated[
    bool, typer.Option("--estimate", help="Print what it would cost, and ask no model.")
]
MaxUsd = Annotated[
    float | None, typer.Option(metavar="USD", help="Maximum cost; stop before it is exceeded.")
]
MaxTokens = Annotated[
    int | None, typer.Option(min=1, help="Maximum number of tokens; stop before it is exceeded.")
]
