"""`hearten show`: samples of a finished build, or its rejects, in a few lines each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Folder, Json, StoreAddress
from builders.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from builders.record.dataset import Build
    from builders.record.places import SamplePlace
    from builders.record.views import RejectRow, SampleRecord
    from builders.release.eligibility import Restrictions

commands = typer.Typer()

_SOME = 3
NOTHING = "there is nothing to show"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be shown: the one of an id, else some that meet a condition; who is left out."""

    folder: Path
    name: str | None
    count: int
    where: str | None
    exclusions: Path
    store: str | None
    restore: bool = False

    def opened(self) -> tuple[Build, Restrictions]:
        """Return the build, and the ids that nobody is shown."""
        from builders.cli.beside import store_of
        from builders.record.dataset import Build
        from builders.release.eligibility import Restrictions, excluded_by

        store = store_of(self.folder, self.store)
        build = Build(self.folder, footers=False)
        return build, Restrictions(excluded_by(self.exclusions, store))

    def condition(self, kind: str) -> pl.Expr | None:
        """Return the condition; None where there is none."""
        if self.where is None:
            return None
        from builders.record.conditions import condition

        return condition(self.where, kind)


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
    where: Annotated[
        str | None,
        typer.Option(
            metavar="CONDITION",
            help="Only samples that meet a condition on the columns of docs/inspecting.md, such as "
            "\"emotion = 'anger' and agreement < 0.6\".",
        ),
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
    play: Annotated[
        bool, typer.Option("--play", help="Play the clips as well, by a player of the system.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with players instead, for local reading."),
    ] = None,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print samples of a build: who said what, how it sounded, the emotion, the reply."""
    _check(sample_id, sample, where, rejected=rejected, play=play, html=html, as_json=as_json)
    wanted = _Wanted(folder, sample_id, sample or _SOME, where, exclusions, store, restore_names)
    if rejected:
        _show_rejects(wanted, as_json)
    elif html:
        _write_page(wanted, html, as_json)
    else:
        _show_samples(wanted, as_json, play)


def _check(
    name: str | None,
    sample: int | None,
    where: str | None,
    **ways: bool | Path | None,
) -> None:
    """Raise UsageError for options that say nothing beside one another."""
    given: dict[str, object] = {"an ID": name, "--sample": sample, "--where": where}
    given |= {f"--{way.removeprefix('as_')}": value for way, value in ways.items()}
    for pair in (
        *(("an ID", "--sample"), ("an ID", "--where")),
        *(("--rejected", "--play"), ("--rejected", "--html")),
        *(("--play", "--html"), ("--play", "--json")),
    ):
        if all(given[one] for one in pair):
            raise UsageError(f"{pair[0]} and {pair[1]} exclude each other", do="leave one out")


def _samples(wanted: _Wanted) -> tuple[Build, list[tuple[SamplePlace, SampleRecord]]]:
    """Return the samples that are to be shown, with their places."""
    from builders.cli import looking

    where = wanted.condition("sample")
    build, known = wanted.opened()
    if wanted.name:
        found = [looking.place_of(build, wanted.name, known)]
    else:
        with _said(wanted):
            found = looking.some_places(build, wanted.count, known, where)
    if wanted.restore:
        from builders.cli.beside import store_of

        address = store_of(wanted.folder, wanted.store)
        found = looking.with_originals(build, found, address)
    return build, found


def _show_samples(wanted: _Wanted, as_json: bool, play: bool) -> None:
    """Print samples, as JSON without their clips."""
    from builders.cli.sample_lines import sample_lines, width

    command = _player() if play else None
    build, samples = _samples(wanted)
    if as_json:
        silent = [{**record, "audio": None, "reply_audio": None} for _, record in samples]
        _print_json(wanted.folder, samples=silent)
        return
    if command is None:
        told = (sample_lines(record, width(), whole=bool(wanted.name)) for _, record in samples)
        _print(told, wanted)
        return
    for place, record in samples:
        print("\n".join(sample_lines(record, width(), whole=bool(wanted.name))), flush=True)
        _play(command, build, place)


def _player() -> list[str]:
    from builders.cli.playing import player

    return player()


def _play(command: list[str], build: Build, place: SamplePlace) -> None:
    """Play the clip of a sample, then its spoken reply."""
    from builders.cli.playing import play

    clips = [build.clip(place.shard, place.row, column) for column in ("audio", "reply_audio")]
    for clip in filter(None, clips):
        play(command, clip)
    print("" if any(clips) else "  (no clip)\n", flush=True)


def _write_page(wanted: _Wanted, path: Path, as_json: bool) -> None:
    """Write samples as a page with players."""
    from builders.cli.samples_page import write_page

    build, samples = _samples(wanted)
    count = write_page(path, build, samples)
    if as_json:
        _print_json(wanted.folder, html=str(path), samples=[place.id for place, _ in samples])
    else:
        print(f"{path}: {count} samples")


def _show_rejects(wanted: _Wanted, as_json: bool) -> None:
    """Print rejects, with what was read of each."""
    from builders.cli import looking
    from builders.cli.sample_lines import reject_lines, width

    where = wanted.condition("reject")
    build, known = wanted.opened()
    name = wanted.name
    rejects: list[RejectRow]
    if name:
        rejects = [looking.reject_of(build, name, known)]
    else:
        with _said(wanted):
            rejects = looking.some_rejects(build, wanted.count, known, where)
    if as_json:
        _print_json(wanted.folder, rejects=rejects)
        return
    _print((reject_lines(reject, width(), whole=bool(name)) for reject in rejects), wanted)


@contextmanager
def _said(wanted: _Wanted) -> Iterator[None]:
    """Turn a condition that fails on a value into one line."""
    if wanted.where is None:
        yield
        return
    from builders.record.conditions import translated

    with translated(wanted.where):
        yield


def _print(told: Iterable[Iterable[str]], wanted: _Wanted) -> None:
    nothing = f"{NOTHING}: none meets {wanted.where!r}" if wanted.where else NOTHING
    print("\n\n".join("\n".join(lines) for lines in told) or nothing)


def _print_json(folder: Path, **found: object) -> None:
    print(json.dumps({"folder": str(folder), **found}, indent=2, ensure_ascii=False))
