"""`hearten store`: upgrade it, copy it, say what is in it, forget people who ask for it."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from builders.cli.options import OPTIONS, OUTPUT, Clips, Json, Output, StoreAddress
from builders.errors import ConfigError, HeartenError, StoreError, UsageError

commands = typer.Typer()
_group = typer.Typer(**OPTIONS)  # type: ignore[arg-type]
commands.add_typer(
    _group, name="store", help="Manage the database of cached responses and reviews."
)

Address = Annotated[
    str | None,
    typer.Argument(
        metavar="ADDRESS",
        help="The store, as in --store.",
    ),
]


@_group.command("upgrade")
def upgrade_command(
    address: Address = None,
    backed_up: Annotated[
        bool,
        typer.Option(
            "--backed-up",
            help="Upgrade without making a copy first; PostgreSQL needs one made by you.",
        ),
    ] = False,
    store: StoreAddress = None,
    output: Output = OUTPUT,
    clips: Clips = None,
    as_json: Json = False,
) -> None:
    """Upgrade the store of an older release, after making a copy of it."""
    from builders.settings import clips_folder
    from builders.store.clips import ClipFiles
    from builders.store.database import Store
    from builders.store.side_files import take_in
    from builders.store.steps import NEWEST
    from builders.store.upgrade import upgraded

    where = _address(address, store, output)
    steps: list[str] = []
    # Steps are told as they are taken, but where one object is printed at the end.
    say = steps.append if as_json else partial(print, flush=True)
    for line in upgraded(where, backed_up=backed_up):
        say(line)
    folder = output if "://" in where else Path(where).parent
    with closing(Store(where)) as held:
        for line in take_in(held, folder, ClipFiles(clips_folder(where, output, clips))):
            say(line)
        if as_json:
            print(json.dumps({"store": held.name, "version": NEWEST, "steps": steps}))


@_group.command("backup")
def backup_command(
    to: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.")],
    address: Address = None,
    store: StoreAddress = None,
    output: Output = OUTPUT,
    as_json: Json = False,
) -> None:
    """Copy an SQLite store to a file, safely while it is in use."""
    from builders.store.backup import backup
    from builders.store.upgrade import opened

    with opened(_address(address, store, output), writes=False) as (engine, name):
        backup(engine, name, to)
    size = to.stat().st_size
    print(json.dumps({"to": str(to), "bytes": size}) if as_json else f"{to}: {size:,} bytes")


@_group.command("status")
def status_command(
    address: Address = None,
    store: StoreAddress = None,
    output: Output = OUTPUT,
    as_json: Json = False,
) -> None:
    """Print the version of the store and how much is in it."""
    from builders.store.steps import NEWEST
    from builders.store.upgrade import contents

    found = contents(_address(address, store, output))
    if as_json:
        known = {"store": found.name, "version": found.version, "newest": NEWEST}
        held = {"counts": found.counts, "bytes": found.size, "messages": asdict(found.messages)}
        print(json.dumps(known | held, indent=2))
        return
    newest = "the newest" if found.version == NEWEST else f"this Hearten has {NEWEST}"
    print(f"{found.name}: version {found.version} ({newest}), {found.size:,} bytes")
    for name, count in found.counts.items():
        print(f"{name.replace('_', ' '):<14}{count:>12,}")
    print(f"messages of {found.messages}")
    if found.version < NEWEST:
        print(f"next:\n  hearten store upgrade {found.name}")


@_group.command("forget")
def forget_command(
    ids: Annotated[
        str,
        typer.Argument(
            metavar="IDS",
            help="Ids of utterances or dialogues, separated by commas, or @FILE.",
        ),
    ],
    store: StoreAddress = None,
    output: Output = OUTPUT,
    clips: Clips = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be removed, and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove everything about people who ask for it: text, audio, responses, reviews."""
    from builders.record.ids import listed

    _forget(listed(ids), (store, output, clips), dry_run, as_json)


def _forget(
    ids: tuple[str, ...],
    where: tuple[str | None, Path, Path | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take ids out of a store, and say what is left of them elsewhere.

    Raises:
        UsageError: there is none, or one that is no id.
        ConfigError: neither the store nor a build knows one.
    """
    from builders.settings import clips_folder
    from builders.store import forget
    from builders.store.clips import ClipFiles
    from builders.store.database import Store

    _check_ids(ids)
    given, output, clips = where
    _check_nothing_runs(output)
    with closing(Store(_existing(_address(None, given, output)))) as store:
        builds = _builds_with(ids, output)
        _check_known(ids, forget.known(store, ids).union(*builds.values()), store.name)
        files = ClipFiles(clips_folder(given, output, clips))
        taken = forget.forget(store, ids, files, dry_run=dry_run)
        copies = forget.copies_beside(store, ids)
    if not dry_run:
        _remove_reviewed(builds, output)
    if as_json:
        told = {
            "store": store.name,
            "dry_run": dry_run,
            "ids": [*ids],
            "removed": {**taken.rows, "audio_files": taken.clips},
            "missing_audio_files": taken.missing,
            "responses_beside": taken.beside,
            "builds": {name: sorted(held) for name, held in builds.items()},
            "copies": [*map(str, copies)],
        }
        print(json.dumps(told))
        return
    out = "would be removed from" if dry_run else "removed from"
    print(f"{len(ids):,} ids {out} {store.name}:")
    for name, count in {**taken.rows, "audio files": taken.clips}.items():
        print(f"{name.replace('_', ' '):<22}{count:>12,}")
    if taken.missing:
        print(
            f"warning: {taken.missing:,} more audio files are not in {files.folder}; if they "
            "are elsewhere, name that folder with --clips or delete them there",
            file=sys.stderr,
        )
    _print_left(taken.beside, builds, copies)


def _check_nothing_runs(output: Path) -> None:
    """Raise ConfigError while a build runs: it would put back what is taken out."""
    from builders.record.folder import BuildFolder

    folders = sorted(path.parent for path in output.glob("*/config.json"))
    running = [folder.name for folder in folders if BuildFolder(folder).is_held()]
    if running:
        raise ConfigError(
            f"a build is running: {', '.join(running)}",
            where=output,
            expected="no running build, which could store again what is removed",
            do="stop it or wait for its end; nothing was removed",
        )


def _remove_reviewed(builds: dict[str, set[str]], output: Path) -> None:
    """Remove the copies as reviewers see them that hold the ids; they are made anew when needed."""
    reviewed = output / ".reviewed"
    for name in [one for one in builds if Path(one).parent == reviewed]:
        shutil.rmtree(name)
        del builds[name]


def _print_left(beside: int, builds: dict[str, set[str]], copies: list[Path]) -> None:
    """Say what this command does not reach, and what to do about it."""
    if beside:
        print(
            f"{beside:,} responses about other utterances of the same dialogues stay, although "
            "their prompts contain these words; forget the whole dialogue to remove them too"
        )
    for name, held in builds.items():
        print(
            f"{name} still contains {len(held):,} of these ids: finished builds are not changed. "
            "All commands leave them out; to delete them, remove the folder and build again"
        )
    for path in copies:
        print(f"{path} is an older copy that still contains everything: delete it")
    print(
        "earlier exports and published versions are unchanged: export and publish again, and ask "
        "everybody who has a copy to delete it"
    )


def _check_ids(ids: tuple[str, ...]) -> None:
    from builders.corpora.exclusions import is_id

    wrong = [name for name in ids if not is_id(name)]
    if wrong or not ids:
        raise UsageError(
            f"not a valid id: {', '.join(wrong[:5])}" if wrong else "no id is given",
            expected="ids as in a data set's column id, such as meld-train-12-3 or, for a whole "
            "dialogue, meld-train-12, with commas between them, or @FILE with one id a line",
        )


def _check_known(ids: tuple[str, ...], known: set[str], store: str) -> None:
    if unknown := [name for name in ids if name not in known]:
        raise ConfigError(
            f"there is nothing about {', '.join(unknown[:5])}",
            where=f"{store} and the builds beside it",
            do="name another --store or --output, or add the id to exclusions.tsv; nothing was "
            "removed",
        )


def _builds_with(ids: tuple[str, ...], output: Path) -> dict[str, set[str]]:
    """Return which of the ids, or of their dialogues' samples, lie in which finished build."""
    from builders.record.dataset import Build

    found = {}
    manifests = [*output.glob("*/manifest.json"), *output.glob(".reviewed/*/manifest.json")]
    for folder in sorted(path.parent for path in manifests):
        try:
            names = [row["id"] for row in Build(folder).rows(["id"])]
        except HeartenError as error:
            print(f"warning: {folder} may contain them: {error}", file=sys.stderr)
            continue
        there = {*names} | {name.rpartition("-")[0] for name in names}
        if held := there & {*ids}:
            found[str(folder)] = held
    return found


def _existing(address: str) -> str:
    from builders.store.address import store_exists

    if not store_exists(address):
        raise StoreError("there is no store", where=address, do="name it with --store")
    return address


def _address(address: str | None, store: str | None, output: Path) -> str:
    """Return the address that was named, or that of the store beside all builds."""
    from builders.settings import STORE_FILE

    return address or store or str(output / STORE_FILE)
