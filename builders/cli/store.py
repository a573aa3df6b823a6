"""`hearten store`: upgrade it, copy it, say what is in it, forget people who ask for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import OPTIONS, Json, StoreAddress, env

commands = typer.Typer()
_group = typer.Typer(**OPTIONS)  # type: ignore[arg-type]
commands.add_typer(
    _group, name="store", help="The store of answers: upgrade, backup, status, forget."
)

Address = Annotated[
    str | None,
    typer.Argument(
        metavar="ADDRESS",
        help="The store, as --store says it. [default: hearten.sqlite beside all builds]",
        show_default=False,
    ),
]
Output = Annotated[Path, env("OUTPUT", "Folder of all builds. [default: output]")]
_OUTPUT = Path("output")


@_group.command("upgrade")
def upgrade_command(
    address: Address = None,
    backed_up: Annotated[
        bool,
        typer.Option(
            "--backed-up", help="Make no copy before it; a store in PostgreSQL needs yours."
        ),
    ] = False,
    store: StoreAddress = None,
    output: Output = _OUTPUT,
) -> None:
    """Bring the store of an older release to this one; a copy is made beside it first."""
    from builders.store.upgrade import upgraded

    for line in upgraded(_address(address, store, output), backed_up=backed_up):
        print(line, flush=True)


@_group.command("backup")
def backup_command(
    to: Annotated[Path, typer.Option(help="The file of the copy.", show_default=False)],
    address: Address = None,
    store: StoreAddress = None,
    output: Output = _OUTPUT,
) -> None:
    """Copy a store in SQLite to a file, while others go on writing to it."""
    from builders.store.backup import backup
    from builders.store.upgrade import opened

    with opened(_address(address, store, output), writes=False) as (engine, name):
        backup(engine, name, to)
    print(f"{to}: {to.stat().st_size:,} bytes")


@_group.command("status")
def status_command(
    address: Address = None,
    store: StoreAddress = None,
    output: Output = _OUTPUT,
    as_json: Json = False,
) -> None:
    """Say which version the store has, and how much is in it."""
    from builders.store.migrations import NEWEST
    from builders.store.upgrade import contents

    found = contents(_address(address, store, output))
    if as_json:
        known = {"store": found.name, "version": found.version, "newest": NEWEST}
        print(json.dumps({**known, "counts": found.counts, "bytes": found.size}, indent=2))
        return
    newest = "the newest" if found.version == NEWEST else f"this Hearten has {NEWEST}"
    print(f"{found.name}: version {found.version} ({newest}), {found.size:,} bytes")
    for name, count in found.counts.items():
        print(f"{name.replace('_', ' '):<14}{count:>12,}")
    if found.version < NEWEST:
        print(f"next:\n  hearten store upgrade {found.name}")


def _address(address: str | None, store: str | None, output: Path) -> str:
    """Return the address that was named, or that of the store beside all builds."""
    from builders.settings import STORE_FILE

    return address or store or str(output / STORE_FILE)
