"""`hearten review-status`, `review-export` and `review-import`: what reviewers have decided."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builders.build import Build
from builders.commands.settings import read_settings
from builders.config import STORE_FILE
from builders.drafting.store import Store, store_exists
from builders.errors import ConfigError
from builders.review.agreement import Agreement, agreement, anchoring, gold_results, moves
from builders.review.alpha import Alpha
from builders.review.events import Reviews, standing
from builders.review.exchange import (
    event_lines,
    import_events,
    json_line,
    merged_lines,
    write_lines,
)
from builders.review.items import Items
from builders.review.merge import Merged, views
from builders.review.people import People
from builders.review.preferences import preferences
from builders.review.redraft import later_versions
from builders.review.rules import judge, rules_of
from builders.review.settings import load_settings

_SHOWN = 10


def status(folder: Path, store: str | None, as_json: bool) -> None:
    """Say what is decided about a build, by whom, and how far people agree.

    JSON has annotators by their pseudonyms; only the terminal shows names.
    """
    build = Build(folder)
    with _opened(folder, store) as held:
        known = _known(build, held)
        names = {person.id: person.name or person.id for person in People(held).all()}
    if as_json:
        print(json.dumps(known, indent=2))
        return
    _print_counts(known)
    _print_people(known["annotators"], names)
    _print_agreement(known["agreement"], names)
    _print_moved(known["moved"])
    _print_anchoring(known["anchoring"])
    for found in known["rules"]:
        print(f"{'met' if found['passed'] else 'not met'}: {found['rule']}: {found['sentence']}")
    if known["disputed"]:
        shown = ", ".join(known["disputed"][:_SHOWN])
        more = len(known["disputed"]) - _SHOWN
        print(f"to be settled: {shown}" + (f" and {more:,} more" if more > 0 else ""))


def export(folder: Path, store: str | None, to: Path, form: str) -> None:
    """Write what is decided about a build: events, merged, preferences, label-studio or potato.

    The first three are JSON Lines in the file `to`; the others are folders that those tools open.
    """
    build = Build(folder)
    with _opened(folder, store) as held:
        _register(build, held)
        name = build.manifest["result"]["name"]
        if form in ("label-studio", "potato"):
            from builders.review import forms

            count = forms.write(form, build, held, to)
        elif form == "merged":
            count = write_lines(to, merged_lines(views(held, name)))
        elif form == "preferences":
            later = list(later_versions(build.folder))
            for one in later:
                _register(one, held)
            count = write_lines(to, map(json_line, preferences(build, held, later)))
        else:
            count = write_lines(to, event_lines(Reviews(held).of_build(name)))
    print(f"{count:,} {'samples' if form in ('label-studio', 'potato') else 'lines'}: {to}")


def read_events(folder: Path, store: str | None, source: Path) -> None:
    """Append the events of a file to the store; those that it holds already are left."""
    build = Build(folder)
    with _opened(folder, store, new=True) as held:
        _register(build, held)
        count, new = import_events(Reviews(held), source)
    print(f"{count:,} events read, {new:,} of them new")


@contextmanager
def _opened(folder: Path, store: str | None, new: bool = False) -> Iterator[Store]:
    address = store or str(folder.parent / STORE_FILE)
    if not new and not store_exists(address):
        raise ConfigError(
            f"there is no store {address} with decisions", do="name its store with --store"
        )
    held = Store(address)
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


def _print_counts(known: dict[str, Any]) -> None:
    print(
        f"{known['name']}: {known['decided']:,} of {known['samples']:,} samples are decided about"
    )
    people = "1 person" if known["overlap"] == 1 else f"{known['overlap']} people"
    print(f"{known['complete']:,} of them by {people}, as wanted")
    for status_name, count in known["statuses"].items():
        print(f"  {count:,} {status_name}")
    for flag, count in known["flags"].items():
        print(f"  {count:,} flagged {flag}")


def _print_people(annotators: dict[str, dict[str, int]], names: dict[str, str]) -> None:
    for who, of in annotators.items():
        said = f"{of['decided']:,} decided, {of['skipped']:,} skipped"
        if of["gold"]:
            said += f", {of['gold_right']} of {of['gold']} gold items right"
        print(f"{names.get(who, who)}: {said}")


def _print_agreement(rows: list[dict[str, Any]], names: dict[str, str]) -> None:
    if rows:
        print("agreement (Krippendorff's alpha, 95 % interval):")
    for row in rows:
        found = Agreement(**row | {"alpha": Alpha(**row["alpha"])})
        if found.alpha.items and found.by in ("all", "corpus", "label", "pair"):
            group = " and ".join(names.get(part, part) for part in found.group.split())
            print(f"  {' '.join((found.measure, group)).ljust(40)} {alpha_line(found.alpha)}")


def alpha_line(found: Alpha) -> str:
    """Return agreement in one line; undefined stays undefined."""
    of = f"{found.items:,} items"
    if found.observed is not None:
        of += f", {found.observed:.0%} of the pairs equal"
    if found.alpha is None:
        return f"undefined ({of})"
    if found.low is None or found.high is None:
        return f"{found.alpha:.2f} ({of})"
    return f"{found.alpha:.2f} from {found.low:.2f} to {found.high:.2f} ({of})"


def _print_moved(moved: list[dict[str, Any]]) -> None:
    if moved:
        print("another emotion heard than the label says:")
    for move in moved:
        times = "1 time" if move["decisions"] == 1 else f"{move['decisions']:,} times"
        print(
            f"  {' to '.join((move['label'], move['heard'])).ljust(40)} {times}, "
            f"prevails in {len(move['prevails']):,}"
        )


def _print_anchoring(found: dict[str, Any]) -> None:
    if not found["hidden"]:
        return
    shares = [found["like_draft_shown"], found["like_draft_hidden"], found["moved"]]
    shown, hidden, moved = ("unknown" if share is None else f"{share:.0%}" for share in shares)
    print(
        f"strategies as in the draft: {shown} with the draft in sight, {hidden} of the "
        f"{found['hidden']:,} first answers without it; {moved} of these changed on seeing it"
    )
