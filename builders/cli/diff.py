"""`hearten diff`: what came, went and changed from one build to another."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Json, StoreAddress

if TYPE_CHECKING:
    from builders.record.dataset import Build
    from builders.report.differences import BuildDifference, Moved

commands = typer.Typer()

_EXAMPLES = 2
_WHOLE = 200


@commands.command("diff")
def diff_command(
    one: Annotated[Path, typer.Argument(metavar="OUTPUT/A", help="The folder of a build.")],
    other: Annotated[
        Path, typer.Argument(metavar="OUTPUT/B", help="The folder of the build to compare it with.")
    ],
    examples: Annotated[
        int, typer.Option(min=0, help="Number of examples of each kind of change.")
    ] = _EXAMPLES,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Print what came, went and changed from one build to another, with reasons and examples."""
    from builders.record.dataset import Build

    a, b = Build(one, footers=False), Build(other, footers=False)
    if not as_json:
        print(f"{one}: {a.count:,} samples; {other}: {b.count:,} samples", flush=True)
    from builders.report.differences import difference

    found = difference(a, b, partial(_left_out, exclusions=exclusions, store=store), examples)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in _lines(found):
        print(line)


def _left_out(build: Build, exclusions: Path, store: str | None) -> Collection[str]:
    """Return the ids of a build that nobody may be shown."""
    from builders.cli.beside import store_of
    from builders.release.eligibility import Purpose, Restrictions, excluded_by, left_out

    known = Restrictions(excluded_by(exclusions, store_of(build.folder, store)))
    return left_out(build.shards(), Purpose.REVIEW, known)


def _lines(found: BuildDifference) -> Iterator[str]:
    yield from _moved("came", found["came"])
    yield from _moved("went", found["went"])
    yield f"same: {found['same']:,}"
    yield f"changed: {found['changed']:,}"
    for name, aspect in found["aspects"].items():
        yield f"  {name}: {aspect['count']:,}"
        for example in aspect["examples"]:
            yield f"    {example['id']}"
            for column, (before, after) in example["columns"].items():
                yield from _wrapped(f"{column} was", before)
                yield from _wrapped(f"{column} is", after)
    absent: dict[str, list[str]] = {}
    for column, folders in found["not_compared"].items():
        absent.setdefault(" and ".join(folders), []).append(column)
    for without, columns in absent.items():
        yield f"not compared, as the record of {without} has no such part: {', '.join(columns)}"
    if replies := found["reply_changed_with"]:
        yield "replies changed with:"
        for name, count in replies.items():
            yield f"  {name}: {count:,}"


def _moved(what: str, moved: Moved) -> Iterator[str]:
    yield f"{what}: {moved['count']:,}"
    for reason, count in moved["reasons"].items():
        yield f"  {reason}: {count:,}"
    if moved["examples"]:
        yield f"  such as {', '.join(moved['examples'])}"


def _wrapped(name: str, value: Any) -> Iterator[str]:
    from builders.cli.sample_lines import width

    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    said = "nothing" if value is None or value == [] else " ".join(said.split())
    yield from textwrap.wrap(
        f"{name}: {textwrap.shorten(said, _WHOLE, placeholder=' …')}",
        width(),
        initial_indent="      ",
        subsequent_indent="        ",
    )
