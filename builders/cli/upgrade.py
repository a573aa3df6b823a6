"""`hearten upgrade`: a build of an earlier record version, written anew in the newest one."""

from __future__ import annotations

import json

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Folder, Json, StoreAddress

commands = typer.Typer()


@commands.command("upgrade")
def upgrade_command(
    folder: Folder,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Write a build of an older release again, in the newest record version."""
    from builders.cli.beside import store_of
    from builders.pipeline.upgrade import upgrade
    from builders.release.eligibility import Restrictions, excluded_by

    known = Restrictions(excluded_by(exclusions, store_of(folder, store)))
    build = upgrade(folder, known)
    if as_json:
        print(json.dumps({"folder": str(build.folder), **build.manifest}, indent=2))
        return
    print(f"{build.count:,} samples of {folder} written anew; nothing was asked")
    print(f"dataset: {build.folder}")
    print(f"report:  {build.folder / 'report.html'}")
