"""`hearten review`: the page on which annotators hear, read and decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.settings import STORE_FILE

if TYPE_CHECKING:
    from builders.review.server.comparing import Comparing
    from builders.review.server.desk import Desk
    from builders.review.server.listen import Listening
    from builders.review.server.matching import Matching
    from builders.store.database import Store


def review(  # noqa: PLR0913 - what the command line gives
    folders: tuple[Path, Path | None],
    store: str | None,
    where: tuple[str, int, str | None],
    invited: tuple[Sequence[str], Sequence[str]],
    wanted: Mapping[str, Any],
    exclusions: Path,
    *,
    as_json: bool,
) -> None:
    """Serve the review of a finished build.

    Args:
        folders: the build's folder, and that of a build with whose replies its own are compared.
        store: the store's address, by default the file beside the build.
        where: host, port, and the public address of a proxy before them.
        invited: names of annotators and of leads who get a new link each.
        wanted: settings of the review that change; None leaves one as it was. `for_judge` is the
            number of samples that a judge has scored to give out, 0 for all samples; `swap` that of
            minimal pairs to match by ear.
        exclusions: the table of ids that nobody is shown.
        as_json: print address and links as one JSON object, before anything is served.

    Raises:
        ConfigError: a build is not complete, there is nothing to compare, no judge has scored a
            sample, the port is taken, or a package is missing.
    """
    folder, against = folders
    build, other = Build(folder).verify(), Build(against).verify() if against else None
    try:
        from builders.review.server import listen
    except ImportError as error:
        raise ConfigError(
            f"reviewing needs the package {error.name}", do="pip install 'hearten[review]'"
        ) from error
    from builders.review.data.people import People
    from builders.review.data.settings import load_settings, save_settings
    from builders.review.outcome.judge_agreement import for_judging
    from builders.review.server.desk import Desk
    from builders.store.database import Store

    address = store or str(folder.parent / STORE_FILE)
    held = Store(address)
    name = build.manifest["result"]["name"]
    changed = {field: value for field, value in wanted.items() if value is not None}
    for_judge, swap = changed.pop("for_judge", None), changed.pop("swap", None)
    if named := changed.pop("qualified", None):
        people = People(held)
        changed["qualified"] = tuple(people.named(one).id for one in named)
    known = Restrictions(excluded_by(exclusions, address))
    settings = replace(load_settings(held, name), **changed)
    settings = for_judging(build, held, known, settings, for_judge)
    save_settings(held, name, settings)
    desk = Desk(build, held, other.manifest["result"]["name"] if other else None, known)
    comparing = _comparing(desk, other) if other else None
    matching = _matching(desk, swap) if swap else None
    at = listen.listen(*where)
    kept = build.manifest["result"]["counts"]["kept"]
    given_out = len(settings.only) or kept
    links = invited_links(held, at.address, invited)
    if as_json:
        told = {"build": name, "address": f"{at.address}/", "samples": given_out}
        each = {"people_each": settings.overlap, "invited": links}
        print(json.dumps(told | each, ensure_ascii=False), flush=True)
    else:
        drawn = f"{given_out:,} of {kept:,}" if settings.only else f"{kept:,}"
        what = _pairs_line(comparing) if comparing else f"{name}: {drawn} samples"
        what = f"{name}: {matching.count:,} minimal pairs to hear" if matching else what
        _say_where(what, settings.overlap, links, at, door_of(held, at))
    with suppress(KeyboardInterrupt):
        listen.serve(desk, at, comparing, matching)


def _say_where(
    what: str, people: int, links: Sequence[Mapping[str, str]], at: Listening, door: str
) -> None:
    """Print what is reviewed, the links, and the address of the page."""
    say = partial(print, flush=True)  # whoever reads it through a pipe waits for the address
    say(f"{what}, each for {'1 person' if people == 1 else f'{people} people'}")
    for one in links:
        say(f"{one['role']} {one['name']}: {one['link']}")
    if door != "sign in with your name" and not links:
        say("earlier links still work; --invite NAME prints a new one")
    say(f"open {at.address}/ ({door}); Ctrl+C stops, and nothing is lost")


def door_of(store: Store, at: Listening) -> str:
    """Return how people sign in: by name, or by link as soon as anybody was invited."""
    from builders.review.data.people import People

    open_to_names = at.loopback and at.public is None and not People(store).invitations()
    return "sign in with your name" if open_to_names else "sign in with a link"


def _comparing(desk: Desk, other: Build) -> Comparing:
    """Return where two builds are compared, their pairs known.

    Raises:
        ConfigError: they have no pair.
    """
    from builders.review.server.comparing import Comparing

    if desk.against == desk.name:
        raise ConfigError(
            f"{other.folder}: a build of the same name, {desk.name}",
            expected="another build of the same targets",
            do="name another one with --against",
        )
    comparing = Comparing(desk, other)
    if not comparing.register()["pairs"]:
        raise ConfigError(
            f"{desk.name} and {desk.against} have nothing to compare",
            expected="targets in both, with different replies",
            do="name another build with --against",
        )
    return comparing


def _matching(desk: Desk, limit: int) -> Matching:
    """Return where people match replies to voices; see `Matching`."""
    from builders.review.server.matching import Matching

    return Matching(desk, limit)


def _pairs_line(comparing: Comparing) -> str:
    """Return how many pairs there are, and what is no pair and why."""
    counts = comparing.counts
    left_out = (
        f"{counts['same']:,} with the same reply, {counts['changed']:,} whose target differs, "
        f"{counts['one']:,} in one build only"
    )
    return f"{comparing.name}: {counts['pairs']:,} pairs (left out: {left_out})"


def invited_links(
    store: Store,
    address: str,
    invited: tuple[Sequence[str], Sequence[str]],
) -> list[dict[str, str]]:
    """Return a link for each annotator and lead who gets one, with role and name."""
    from builders.review.data.people import People

    people = People(store)
    links: list[dict[str, str]] = []
    for role, names in zip(("annotator", "lead"), invited, strict=True):
        for one in names:
            link = f"{address}/join#{people.invite(one, role)}"  # type: ignore[arg-type]
            links.append({"role": role, "name": one, "link": link})
    return links
