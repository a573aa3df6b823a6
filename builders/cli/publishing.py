"""`hearten export`, `publish` and `hydrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from builders.cli.options import Excluded, Folder, Json, StoreAddress, env

commands = typer.Typer()

Format = Literal["chat", "ms-swift", "llama-factory", "trl", "nemo", "webdataset", "lhotse"]
Task = Literal["sft", "dpo", "kto", "grpo"]
Profile = Literal["qwen2-audio", "qwen2.5-omni", "qwen3-omni"]
Subset = Literal["weak", "strong"]


@commands.command("export")
def export_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    format: Annotated[Format, typer.Option(help="Whose form.")],
    to: Annotated[Path, typer.Option(help="Where to: a new folder, or an earlier export.")],
    task: Annotated[Task, typer.Option(help="What is trained.")] = "sft",
    profile: Annotated[
        Profile | None, typer.Option(help="The model: how clips are spelt, and its limits.")
    ] = None,
    system_prompt: Annotated[
        Path | None, typer.Option(help="A text file: the system turn of every row.")
    ] = None,
    reply_audio: Annotated[
        bool, typer.Option("--reply-audio", help="Put the assistant's speech in.")
    ] = False,
    context_audio: Annotated[
        bool, typer.Option("--context-audio", help="Let earlier turns be heard where they can.")
    ] = False,
    subset: Annotated[
        Subset | None, typer.Option(help="Only where the words (weak) or the voice tell (strong).")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Only labels that match ours, with known agreement.")
    ] = False,
    voice_words: Annotated[
        bool, typer.Option("--with-voice-words", help="Say how the voice sounds, in words.")
    ] = False,
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Write a finished build in the form that a trainer loads."""
    given = dict(locals())
    from builders.commands import publishing

    publishing.export(given)


@commands.command("publish")
def publish_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    repo: Annotated[str, typer.Option(metavar="ORG/NAME", help="The repository on the Hub.")],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody read it, once it is checked.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the files and print the plan; send nothing.")
    ] = False,
    allow_phrasebook: Annotated[
        bool, typer.Option("--allow-phrasebook", help="Publish replies of the phrasebook too.")
    ] = False,
    with_audio: Annotated[
        bool, typer.Option("--with-audio", help="Repeat the clips in the small configs.")
    ] = False,
    right: Annotated[
        list[str] | None,
        typer.Option(
            "--i-have-the-right-to",
            metavar="KIND:CORPUS",
            help="Publish more than the corpus's terms let, privately; may be given again.",
        ),
    ] = None,
    exclusions: Excluded = Path("exclusions.tsv"),
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Publish to the Hub what the corpus's terms let be published, as a new version."""
    given = dict(locals())
    from builders.commands import publishing

    publishing.publish(given)


@commands.command("hydrate")
def hydrate_command(  # noqa: PLR0913 - one argument for each option
    dataset: Annotated[str, typer.Option(metavar="ORG/NAME", help="The repository on the Hub.")],
    source: Annotated[Path, typer.Option(help="Your own copy of the corpus.")],
    revision: Annotated[
        str | None, typer.Option(help="Which version.", show_default="the last one")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the build.", show_default="the repository's")
    ] = None,
    output: Annotated[Path, env("OUTPUT", "Folder of all builds. [default: output]")] = Path(
        "output"
    ),
    exclusions: Excluded = Path("exclusions.tsv"),
    as_json: Json = False,
) -> None:
    """Rebuild the whole dataset from what was published and your own copy of the corpus."""
    given = dict(locals())
    from builders.commands import publishing

    publishing.hydrate(given)
