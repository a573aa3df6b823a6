"""`hearten publish` and `hydrate`: to the Hub what may be published, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from builders.cli.options import Excluded, Folder, Json, StoreAddress, env

commands = typer.Typer()


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
    _publish(**locals())


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
    output: Annotated[Path, env("OUTPUT", "Folder of all builds.")] = Path("output"),
    exclusions: Excluded = Path("exclusions.tsv"),
    as_json: Json = False,
) -> None:
    """Rebuild the whole dataset from what was published and your own copy of the corpus."""
    _hydrate(**locals())


def _publish(
    folder: Path,
    store: str | None,
    right: list[str] | None,
    exclusions: Path,
    as_json: bool,
    **given: Any,
) -> None:
    """Publish a build, and say what went out and what did not.

    Args:
        folder: the folder of a finished build.
        store: the address of the store, by default the file beside the build.
        right: the terms that the publisher has beyond the corpus's own.
        exclusions: the table of ids that must not be used.
        as_json: print one JSON object.
        given: the other options of the command line, by name.
    """
    from builders.cli.beside import store_of
    from builders.cli.settings_file import read_settings
    from builders.release.eligibility import excluded_by
    from builders.release.hub import describing, release
    from builders.release.hub.client import Hub
    from builders.release.rules import read_rules

    claims, rules = tuple(right or ()), read_rules(read_settings())
    store = store_of(folder, store)
    excluded = excluded_by(exclusions, store)
    asked = release.PublishOptions(folder, store=store, claims=claims, excluded=excluded, **given)
    done = release.publish(asked, rules, Hub(asked.repo), _silent if as_json else print)
    if as_json:
        print(json.dumps(describing.as_json(asked, done), indent=2))
        return
    for line in describing.lines(asked, done):
        print(line)


def _hydrate(dataset: str, as_json: bool, **given: Any) -> None:
    """Rebuild a dataset from its repository and a corpus folder, and say how alike it is.

    Args:
        dataset: the repository.
        as_json: print one JSON object.
        given: the other options of the command line, by name.
    """
    from builders.release.hub import hydrating
    from builders.release.hub.client import Hub

    done = hydrating.hydrate(Hub(dataset), **given)
    print(json.dumps(done.as_json(), indent=2) if as_json else done.as_text())
    done.check()


def _silent(_line: str) -> None:
    """Say nothing: stdout holds one JSON object."""
