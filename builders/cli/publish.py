"""`hearten publish` and `hydrate`: to the Hub what may be published, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from builders.cli.options import (
    EXCLUSIONS,
    OUTPUT,
    VOICES,
    Excluded,
    Folder,
    Json,
    Output,
    StoreAddress,
    Voices,
)

commands = typer.Typer()
SplitsAsked = Literal["divided", "as-is"]


@commands.command("publish")
def publish_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    repo: Annotated[
        str, typer.Option(metavar="ORG/NAME", help="The dataset repository on the Hub.")
    ],
    public: Annotated[
        bool,
        typer.Option("--public", help="Make the repository public once the upload is checked."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write the files and print the plan; upload nothing."),
    ] = False,
    allow_phrasebook: Annotated[
        bool,
        typer.Option("--allow-phrasebook", help="Publish the phrasebook's replies as well."),
    ] = False,
    with_audio: Annotated[
        bool,
        typer.Option(
            "--with-audio", help="Repeat the audio in the configs that otherwise refer to it."
        ),
    ] = False,
    pairs_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="judge|contrast|planted",
            help="Publish pairs that no person preferred as well, apart, as preference_ai.",
            show_default="none",
        ),
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option(
            "--i-have-the-right-to",
            metavar="KIND:CORPUS",
            help="Publish, privately, more than the licence of a corpus allows, because you have "
            "the owner's permission.",
        ),
    ] = None,
    splits: Annotated[
        SplitsAsked,
        typer.Option(
            help="Divide a corpus without splits into train and validation, or publish it as "
            "unsplit.",
        ),
    ] = "divided",
    exclusions: Excluded = EXCLUSIONS,
    voices: Voices = VOICES,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Publish what the licence of the corpus allows to the Hub, as a new version."""
    _publish(**locals())


@commands.command("hydrate")
def hydrate_command(  # noqa: PLR0913 - one argument for each option
    dataset: Annotated[
        str, typer.Option(metavar="ORG/NAME", help="The dataset repository on the Hub.")
    ],
    source: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of your own copy of the corpus.")
    ],
    revision: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Version to fetch.", show_default="the latest"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the build.", show_default="the repository's"),
    ] = None,
    output: Output = OUTPUT,
    exclusions: Excluded = EXCLUSIONS,
    as_json: Json = False,
) -> None:
    """Rebuild a whole dataset from its published part and your own copy of the corpus."""
    _hydrate(**locals())


def _publish(  # noqa: PLR0913 - three tables, and the rest by name
    folder: Path,
    store: str | None,
    right: list[str] | None,
    exclusions: Path,
    voices: Path,
    pairs_from: list[str] | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Publish a build, and say what went out and what did not.

    Args:
        folder: the folder of a finished build.
        store: the address of the store, by default the file beside the build.
        right: the terms that the publisher has beyond the corpus's own.
        exclusions: the table of ids that must not be used.
        voices: the table of voices and who consented.
        pairs_from: where pairs come from that are not people's.
        as_json: print one JSON object.
        given: the other options of the command line, by name.
    """
    from builders.cli.beside import store_of
    from builders.cli.settings_file import read_settings
    from builders.release.consent import VoiceTable
    from builders.release.eligibility import excluded_by
    from builders.release.hub import describing, release
    from builders.release.hub.client import FEW_TRIES, TRIES, Hub
    from builders.release.pairs.reply_pair import SOURCES, checked_sources
    from builders.release.rules import read_rules

    settings = read_settings()
    claims, rules = tuple(right or ()), read_rules(settings)
    store = store_of(folder, store)
    excluded = excluded_by(exclusions, store)
    asked = release.PublishOptions(
        folder,
        store=store,
        claims=claims,
        excluded=excluded,
        pairs_from=checked_sources(pairs_from or (), SOURCES[1:]),
        voices=VoiceTable.load(voices),
        models=settings.get("models", {}),
        **given,
    )
    hub = Hub(asked.repo, tries=FEW_TRIES if asked.dry_run else TRIES)
    done = release.publish(asked, rules, hub, _silent if as_json else print)
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
