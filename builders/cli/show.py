"""`hearten show`: samples of a finished build, or its rejects, in a few lines each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Folder, Json, StoreAddress
from builders.errors import UsageError

if TYPE_CHECKING:
    from builders.record.dataset import Build
    from builders.release.eligibility import Restrictions

commands = typer.Typer()

_SOME = 3


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be shown: the one of an id, else some; who is left out, and where that is said."""

    folder: Path
    name: str | None
    count: int
    exclusions: Path
    store: str | None

    def opened(self) -> tuple[Build, Restrictions]:
        """Return the build, and the ids that nobody is shown."""
        from builders.cli.beside import store_of
        from builders.record.dataset import Build
        from builders.release.eligibility import Restrictions, excluded_by

        store = store_of(self.folder, self.store)
        return Build(self.folder), Restrictions(excluded_by(self.exclusions, store))


@commands.command("show")
def show_command(  # noqa: PLR0913 - one argument for each option
    folder: Folder,
    sample_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="The id of the one to show, whole.")
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Number of samples to show.", show_default=str(_SOME)),
    ] = None,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Show rejects instead, and why each was rejected.")
    ] = False,
    restore_names: Annotated[
        bool,
        typer.Option(
            "--restore-names",
            help="Show what was personal as it was said; the store has it, and nothing else.",
        ),
    ] = False,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print samples of a build: who said what, how it sounded, the emotion, the reply."""
    if sample_id and sample:
        raise UsageError("an ID and --sample exclude each other", do="leave one of them out")
    wanted = _Wanted(folder, sample_id, sample or _SOME, exclusions, store)
    if rejected:
        _show_rejects(wanted, as_json)
    else:
        _show_samples(wanted, as_json, restore_names)


def _show_samples(wanted: _Wanted, as_json: bool, restore_names: bool) -> None:
    """Print samples, as JSON without their clips."""
    from builders.cli import looking
    from builders.cli.sample_lines import sample_lines, width

    build, known = wanted.opened()
    name = wanted.name
    if name:
        samples = [looking.sample_of(build, name, known)]
    else:
        samples = looking.some_samples(build, wanted.count, known)
    if restore_names:
        from builders.cli.beside import store_of

        samples = looking.with_originals(build, samples, store_of(wanted.folder, wanted.store))
    if as_json:
        silent = [{**record, "audio": None, "reply_audio": None} for record in samples]
        _print_json(wanted.folder, samples=silent)
        return
    _print(sample_lines(record, width(), whole=bool(name)) for record in samples)


def _show_rejects(wanted: _Wanted, as_json: bool) -> None:
    """Print rejects, with what was read of each."""
    from builders.cli import looking
    from builders.cli.sample_lines import reject_lines, width

    build, known = wanted.opened()
    name = wanted.name
    if name:
        rejects = [looking.reject_of(build, name, known)]
    else:
        rejects = looking.some_rejects(build, wanted.count, known)
    if as_json:
        _print_json(wanted.folder, rejects=rejects)
        return
    _print(reject_lines(reject, width(), whole=bool(name)) for reject in rejects)


def _print(told: Iterable[Iterable[str]]) -> None:
    print("\n\n".join("\n".join(lines) for lines in told) or "there is nothing to show")


def _print_json(folder: Path, **found: object) -> None:
    print(json.dumps({"folder": str(folder), **found}, indent=2, ensure_ascii=False))
