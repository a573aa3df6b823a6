"""`hearten review`: the page on which annotators hear, read and decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from builders.build import Build
from builders.config import STORE_FILE
from builders.errors import ConfigError


def review(
    folder: Path,
    store: str | None,
    where: tuple[str, int],
    invited: tuple[Sequence[str], Sequence[str]],
    wanted: Mapping[str, Any],
) -> None:
    """Serve the review of a finished build.

    Args:
        folder: the build's folder.
        store: the store's address, by default the file beside the build.
        where: host and port.
        invited: names of annotators and of leads who get a new link each.
        wanted: settings of the review that change; None leaves one as it was.

    Raises:
        ConfigError: the build is not complete, the port is taken, or a package is missing.
    """
    build = Build(folder)
    try:
        from builders.review import server
    except ImportError as error:
        raise ConfigError(
            f"reviewing needs the package {error.name}", do="pip install 'hearten[review]'"
        ) from error
    from builders.drafting.store import Store
    from builders.review.people import People
    from builders.review.settings import load_settings, save_settings

    say = partial(print, flush=True)  # whoever reads it through a pipe waits for the address
    held = Store(store or str(folder.parent / STORE_FILE))
    name = build.manifest["result"]["name"]
    changed = {field: value for field, value in wanted.items() if value is not None}
    settings = replace(load_settings(held, name), **changed)
    save_settings(held, name, settings)
    at = server.listen(*where)
    kept = build.manifest["result"]["counts"]["kept"]
    say(f"{name}: {kept:,} samples, each for {settings.overlap}")
    people = People(held)
    for role, names in zip(("annotator", "lead"), invited, strict=True):
        for one in names:
            say(f"{role} {one}: {at.address}/join#{people.invite(one, role)}")  # type: ignore[arg-type]
    if not at.loopback and not any(invited):
        say("links sent before still open it; --invite NAME makes new ones")
    door = "sign in with your name" if at.loopback else "sign in with a link"
    say(f"open {at.address}/ ({door}); Ctrl+C stops, and nothing is lost")
    server.serve(build, held, at)
