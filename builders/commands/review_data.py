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
from builders.review.agreement import Agreement, agreement, anchoring, gold_results
from builders.review.alpha import Alpha
from builders.review.comparisons import Share, compared_with, comparisons
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
    _print_anchoring(known["anchoring"])
    _print_comparisons(known)
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
            compared = _compared(build, held, later)
            for one in (*later, *compared):
                _register(one, held)
            count = write_lines(to, map(json_line, preferences(build, held, later, compared)))
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


def _compared(build: Build, store: Store, later: Sequence[Build]) -> list[Build]:
    """Return the builds with which people compared a build and that lie beside it."""
    names = compared_with(store, build.manifest["result"]["name"])
    found = []
    for name in sorted(set(names) - {one.folder.name for one in later}):
        folder = build.folder.with_name(name)
        if (folder / "manifest.json").is_file():
            found.append(Build(folder))
        else:
            print(f"left out: comparisons with {name}, of which there is no build beside this one")
    return found


def _known(build: Build, store: Store) -> dict[str, Any]:
    """Return all that the status says, as JSON values."""
    _register(build, store)
    result = build.manifest["result"]
    merged, samples = views(store, result["name"]), result["counts"]["kept"]
    overlap = load_settings(store, result["name"]).overlap
    statuses = Counter(view.status for view in merged)
    compared, outdated = comparisons(store, result["name"])
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
        "anchoring": asdict(anchoring(merged)),
        "comparisons": [asdict(one) for one in compared],
        "comparisons_outdated": outdated,
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


def _print_anchoring(found: dict[str, Any]) -> None:
    if not found["hidden"]:
        return
    shares = [found["like_draft_shown"], found["like_draft_hidden"], found["moved"]]
    shown, hidden, moved = ("unknown" if share is None else f"{share:.0%}" for share in shares)
    print(
        f"strategies as in the draft: {shown} with the draft in sight, {hidden} of the "
        f"{found['hidden']:,} first answers without it; {moved} of these changed on seeing it"
    )


def _print_comparisons(known: dict[str, Any]) -> None:
    name = known["name"]
    for of in known["comparisons"]:
        wins, losses, ties = of["wins"], of["losses"], of["ties"]
        if of["corpus"]:
            print(f"  {of['corpus']}: {wins:,} won, {losses:,} lost, {ties:,} equal")
            continue
        against, first = of["against"], Share(**of["first"])
        print(
            f"compared with {against}: {wins + losses + ties:,} targets; "
            f"{wins:,} for {name}, {losses:,} for {against}, {ties:,} equal"
        )
        print(f"  preferred, without ties: {_share_line(Share(**of['preferred']))}")
        print(f"  the reply shown first, of votes that are not equal: {_share_line(first)}")
        print(f"  agreement: {alpha_line(Alpha(**of['alpha']))}")
    if known["comparisons_outdated"]:
        print(f"{known['comparisons_outdated']:,} comparisons are of replies that changed since")


def _share_line(found: Share) -> str:
    if found.share is None or found.low is None or found.high is None:
        return "unknown"
    interval = f"95 % interval {found.low:.0%} to {found.high:.0%}"
    return f"{found.won:,} of {found.of:,}, {found.share:.0%} ({interval})"
