"""`hearten upgrade`: a build of an earlier record version, written anew in the newest one."""

from __future__ import annotations

import json

import typer

from builders.cli.options import Folder, Json

commands = typer.Typer()


@commands.command("upgrade")
def upgrade_command(folder: Folder, as_json: Json = False) -> None:
    """Write a finished build anew in the newest record version; the old one stays."""
    from builders.pipeline.upgrade import upgrade

    build = upgrade(folder)
    if as_json:
        print(json.dumps({"folder": str(build.folder), **build.manifest}, indent=2))
        return
    print(f"{build.count:,} samples of {folder} written anew; nothing was asked")
    print(f"dataset: {build.folder}")
    print(f"report:  {build.folder / 'report.html'}")
