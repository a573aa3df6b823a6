"""`hearten review-status`, `review-export` and `review-import`: what reviewers have decided."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builders.cli.review_lines import lines
from builders.cli.settings_file import read_settings
from builders.errors import ConfigError
from builders.record.dataset import Build
from builders.review.data.decided import standing, unreadable
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.data.people import People
from builders.review.data.settings import load_settings
from builders.review.exchange.events_file import (
    event_lines,
    import_events,
    json_line,
    merged_lines,
    write_lines,
)
from builders.review.outcome.agreement import agreement, anchoring, gold_results, moves
from builders.review.outcome.comparisons import comparisons, opponents
from builders.review.outcome.merge import Merged, views
from builders.review.outcome.preferences import preferences
from builders.review.outcome.redraft import later_versions
from builders.review.outcome.rules import judge, rules_of
from builders.settings import STORE_FILE
from builders.store.database import Store, store_exists


def status(folder: Path, store: str | None, as_json: bool) -> None:
    """Say what is decided about a build, by whom, and how far people agree.

    JSON has annotators by their pseudonyms; only the terminal shows names.
    """
    build = Build(folder)
    with _opened(folder, store) as held:
        known = _known(build, held)
        _tell_unreadable(held, known["name"])
        names = {person.id: person.name or person.id for person in People(held).all()}
    if as_json:
        print(json.dumps(known, indent=2))
        return
    for line in lines(known, names):
        print(line)


def export(folder: Path, store: str | None, to: Path, form: str) -> None:
    """Write what is decided about a build: events, merged, preferences, label-studio or potato.

    The first three are JSON Lines in the file `to`; the others are folders that those tools open.
    """
    build = Build(folder)
    with _opened(folder, store) as held:
        _register(build, held)
        name = build.manifest["result"]["name"]
        _tell_unreadable(held, name)
        if form in ("label-studio", "potato"):
            from builders.review.exchange import forms

            count = forms.write(form, build, held, to)
        elif form == "merged":
            count = write_lines(to, merged_lines(views(held, name)))
        elif form == "preferences":
            later = list(later_versions(build.folder))
            for one in later:
                _register(one, held)
            others = _opponents(build, held, later)
            count = write_lines(to, map(json_line, preferences(build, held, later, others)))
        else:
            count = write_lines(to, event_lines(Reviews(held).of_build(name)))
    print(f"{count:,} {'samples' if form in ('label-studio', 'potato') else 'lines'}: {to}")


def read_events(folder: Path, store: str | None, source: Path) -> None:
    """Append the events of a file to the store; those that it holds already are left."""
    build = Build(folder)
    with _opened(folder, store, new=True) as held:
        _register(build, held)
        found = import_events(held, build, source)
    again = f"; {found.undone:,} undo what was undone already" if found.undone else ""
    print(f"{found.read:,} events read, {found.new:,} of them new{again}")


def _tell_unreadable(store: Store, build: str) -> None:
    for line in unreadable(Reviews(store).of_build(build)):
        print(line, file=sys.stderr)


def _opponents(build: Build, store: Store, later: Sequence[Build]) -> list[Build]:
    """Return the builds beside this one that its drafts were compared with, and say which are gone.

    The versions that follow it are `later`, and are not among them.
    """
    known = {one.manifest["result"]["name"] for one in later}
    names = [n for n in opponents(store, build.manifest["result"]["name"]) if n not in known]
    places = {name: build.folder.with_name(name) for name in names}
    gone = [name for name, place in places.items() if not (place / "manifest.json").is_file()]
    if gone:
        print(f"no pairs with {', '.join(gone)}: not beside {build.folder}")
    found = [Build(place) for name, place in places.items() if name not in gone]
    for one in found:
        _register(one, store)
    return found


@contextmanager
def _opened(folder: Path, store: str | None, new: bool = False) -> Iterator[Store]:
    address = store or str(folder.parent / STORE_FILE)
    if not new and not store_exists(address):
        raise ConfigError(
            f"there is no store {address} with decisions", do="name its store with --store"
        )
    held = Store(address, writes=new)
    try:
        yield held
    finally:
        held.close()


def _register(build: Build, store: Store) -> None:
    for _ in Items(store).register(build):
        pass


def _known(build: Build, store: Store) -> dict[str, Any]:
    """Return all that the status says, as JSON values."""
    _register(build, store)
    result = build.manifest["result"]
    merged, samples = views(store, result["name"]), result["counts"]["kept"]
    overlap = load_settings(store, result["name"]).overlap
    statuses = Counter(view.status for view in merged)
    compared, unknown = comparisons(store, result["name"])
    return {
        "name": result["name"],
        "samples": samples,
        "overlap": overlap,
        "decided": len(merged),
        "complete": sum(view.item.submitted >= overlap for view in merged),
        "statuses": {name: statuses[name] for name in sorted(statuses)},
        "policies": dict(sorted(Counter(view.policy for view in merged).items())),
        "flags": dict(sorted(Counter(f for view in merged for f in view.flags).items())),
        "annotators": _annotators(Reviews(store), result["name"], merged),
        "agreement": [asdict(row) for row in agreement(merged)],
        "moved": [asdict(move) for move in moves(merged)],
        "anchoring": asdict(anchoring(merged)),
        "comparisons": [asdict(one) for one in compared],
        "comparisons_unknown": unknown,
        "rules": [asdict(found) for found in judge(rules_of(read_settings()), merged, samples)],
        "disputed": [view.item.item for view in merged if view.status == "disputed"],
    }


def _annotators(
    reviews: Reviews, build: str, merged: Sequence[Merged]
) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for event in standing(reviews.of_build(build)):
        if event.kind == "decision":
            of = counts.setdefault(event.annotator, Counter())
            of["skipped" if event.verdict == "skip" else "decided"] += 1
            of["surplus"] += event.surplus
    for gold in gold_results(merged):
        counts[gold.annotator].update(gold=gold.decided, gold_right=gold.right)
    kinds = ("decided", "skipped", "surplus", "gold", "gold_right")
    return {who: {kind: of[kind] for kind in kinds} for who, of in sorted(counts.items())}
