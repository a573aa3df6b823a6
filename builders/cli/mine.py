"""`hearten mine`: the replies that people really gave, as rows beside a finished build."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from builders.cli.options import (
    EXCLUSIONS,
    Excluded,
    Folder,
    FollowLinks,
    Json,
    Source,
    StoreAddress,
)

if TYPE_CHECKING:
    from builders.release.mining import Mined

commands = typer.Typer()


@commands.command("mine")
def mine_command(
    folder: Folder,
    source: Source = None,
    follow_links: FollowLinks = False,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Take the replies that people really gave: the next turns that answer the samples."""
    from builders.cli.beside import store_of
    from builders.corpora.exclusions import Exclusions
    from builders.release.mining import mine
    from builders.store.database import forgotten_by

    address = store_of(folder, store)
    known = Exclusions.load(exclusions, forgotten_by(address))
    follow_links = source is not None and (follow_links or _as_settings_say(folder))
    done = mine(folder, address, known, source, follow_links=follow_links)
    if as_json:
        print(json.dumps({"folder": str(folder), "fresh": done.fresh, **done.manifest}, indent=2))
        return
    for line in _lines(done):
        print(line)


def _as_settings_say(folder: Path) -> bool:
    """Return whether `hearten.toml` says so of the corpus of a build."""
    from builders.cli.settings_file import read_settings
    from builders.record.dataset import Build
    from builders.settings.file import follows_links

    slug = str(Build(folder).manifest["result"]["config"].get("corpus"))
    return follows_links(slug, False, read_settings())


def _lines(done: Mined) -> Iterator[str]:
    """Yield what was done, in lines for a person."""
    counts = done.manifest["counts"]
    left = sum(counts["left_out"].values())
    if not done.fresh:
        yield "this build was mined before; nothing has changed since"
    yield f"{counts['read']:,} samples = {counts['kept']:,} with a reply + {left:,} left out"
    for reason, count in counts["left_out"].items():
        yield f"  left out: {count:,} {reason}"
    if counts["silent"]:
        yield f"{counts['silent']:,} replies have no clip"
    for reason, count in done.broken_clips.items():
        yield f"  clips that cannot be used: {count:,} {reason}"
    yield f"replies: {done.folder / 'human_replies'}"
