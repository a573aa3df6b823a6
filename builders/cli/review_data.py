"""`hearten review-status`, `review-export` and `review-import`: what reviewers have decided."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from builders.cli.review_lines import ReviewOverview, lines
from builders.cli.settings_file import read_settings
from builders.errors import ConfigError
from builders.evaluation.judgements import Judgements
from builders.record.dataset import Build
from builders.record.types import ReviewStatus
from builders.release.eligibility import Purpose, Restrictions, excluded_by, left_out
from builders.release.preferences import pairs_of
from builders.release.rules import evaluate, read_rules
from builders.review.data.decided import Event, standing, unreadable
from builders.review.data.events import Reviews
from builders.review.data.held_answers import HELD, held_answers
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
from builders.review.outcome.audit import outcome
from builders.review.outcome.comparisons import comparisons
from builders.review.outcome.heard_pairs import heard
from builders.review.outcome.judge_agreement import judge_agreement
from builders.review.outcome.merge import Merged, views
from builders.settings import STORE_FILE
from builders.store.address import store_exists
from builders.store.database import Store


def status(folder: Path, store: str | None, exclusions: Path, as_json: bool) -> None:
    """Say what is decided about a build, by whom, and how far people agree.

    JSON has annotators by their pseudonyms; only the terminal shows names.
    """
    build = Build(folder).verify()
    with _opened(folder, store) as held:
        address = _address(folder, store)
        known = _known(build, held, address, excluded_by(exclusions, address))
        _tell_unreadable(held, known.name)
        names = {person.id: person.name or person.id for person in People(held).all()}
    if as_json:
        print(json.dumps(asdict(known), indent=2))
        return
    for line in lines(known, names):
        print(line)


def export(  # noqa: PLR0913 - one argument for each option
    folder: Path, store: str | None, exclusions: Path, to: Path, form: str, *, as_json: bool
) -> None:
    """Write what is decided about a build: events, merged, preferences, label-studio or potato.

    The first three are JSON Lines in the file `to`; the others are folders that those tools open.
    """
    build = Build(folder).verify()
    known = Restrictions(excluded_by(exclusions, _address(folder, store)))
    with _opened(folder, store) as held:
        _register(build, held, known)
        name = build.manifest["result"]["name"]
        _tell_unreadable(held, name)
        if form in ("label-studio", "potato"):
            from builders.review.exchange import forms

            count = forms.write(form, build, held, known, to)
        elif form == "merged":
            count = write_lines(to, merged_lines(views(held, name)))
        elif form == "preferences":
            made = pairs_of(build, _address(folder, store), known, _silent if as_json else print)
            count = write_lines(to, map(json_line, made))
        else:
            count = write_lines(to, event_lines(_events(build, held, known)))
    if as_json:
        print(json.dumps({"to": str(to), "format": form, "count": count}))
        return
    print(f"{count:,} {'samples' if form in ('label-studio', 'potato') else 'lines'}: {to}")


def _silent(line: str) -> None:
    """Print nothing: the counts stand in the JSON."""


def read_events(
    folder: Path, store: str | None, exclusions: Path, source: Path, *, as_json: bool
) -> None:
    """Append the events of a file to the store; those that it holds already are left."""
    build = Build(folder).verify()
    with _opened(folder, store, new=True) as held:
        _register(build, held, Restrictions(excluded_by(exclusions, _address(folder, store))))
        found = import_events(held, build, source)
    if as_json:
        print(json.dumps({"read": found.read, "new": found.new, "undone": found.undone}))
        return
    again = f"; {found.undone:,} undo an event that was already undone" if found.undone else ""
    print(f"{found.read:,} events read, {found.new:,} of them new{again}")


def _tell_unreadable(store: Store, build: str) -> None:
    for line in unreadable(Reviews(store).of_build(build)):
        print(line, file=sys.stderr)


def _events(build: Build, store: Store, known: Restrictions) -> list[Event]:
    """Return the events about a build, but for items that nobody may be shown."""
    out = left_out(build.shards(), Purpose.REVIEW, known)
    made = Reviews(store).of_build(build.manifest["result"]["name"])
    mine = (e for e in made if e.kind != HELD)  # what is written to held lines stays in the store
    return [e for e in mine if e.item not in out and not known.excluded(e.item)]


def _address(folder: Path, store: str | None) -> str:
    return store or str(folder.parent / STORE_FILE)


@contextmanager
def _opened(folder: Path, store: str | None, new: bool = False) -> Iterator[Store]:
    address = _address(folder, store)
    if not new and not store_exists(address):
        raise ConfigError(
            f"there is no database {address} with decisions",
            do="name it with --store, or review the build first",
        )
    held = Store(address, writes=new)
    try:
        yield held
    finally:
        held.close()


def _register(build: Build, store: Store, known: Restrictions) -> None:
    for _ in Items(store, known).register(build):
        pass


def _known(
    build: Build, store: Store, address: str, excluded: Callable[[str], bool]
) -> ReviewOverview:
    """Return all that the status says."""
    known = Restrictions(excluded)
    _register(build, store, known)
    result = build.manifest["result"]
    merged = views(store, result["name"])
    samples = result["counts"]["kept"] - len(left_out(build.shards(), Purpose.REVIEW, known))
    audited = outcome(store, result["name"])
    rules = evaluate(read_rules(read_settings()), build, address, excluded)
    overlap = load_settings(store, result["name"]).overlap
    statuses = Counter(view.status for view in merged)
    compared, unknown = comparisons(store, result["name"])
    return ReviewOverview(
        name=result["name"],
        samples=samples,
        overlap=overlap,
        decided=len(merged),
        complete=sum(view.item.submitted >= overlap for view in merged),
        statuses={name: statuses[name] for name in sorted(statuses)},
        policies=dict(sorted(Counter(view.policy for view in merged).items())),
        flags=dict(sorted(Counter(f for view in merged for f in view.flags).items())),
        annotators=_annotators(_events(build, store, known), merged),
        agreement=agreement(merged),
        moved=moves(merged),
        anchoring=anchoring(merged),
        comparisons=compared,
        comparisons_unknown=unknown,
        audit=audited,
        rules=list(rules),
        disputed=[v.item.item for v in merged if v.status == ReviewStatus.DISPUTED],
        judges=judge_agreement(build, store, known, merged) if Judgements(store).any() else [],
        held=_held(build, store),
        heard=heard(build, store, known) if Judgements(store).any() else None,
    )


def _held(build: Build, store: Store) -> dict[str, int]:
    """Return how many lines a build holds for people, and how many somebody answered."""
    made = held_answers(Reviews(store), build.manifest["result"]["name"])
    answered = {event.item for event in made if event.verdict == "reply"}
    lines = sum(table.num_rows for table in build.held_groups())
    return {"lines": lines, "answered": len(answered)}


def _annotators(made: Sequence[Event], merged: Sequence[Merged]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {}
    for event in standing(made):
        if event.kind == "decision":
            of = counts.setdefault(event.annotator, Counter())
            of["skipped" if event.verdict == "skip" else "decided"] += 1
            of["surplus"] += event.surplus
    for gold in gold_results(merged):
        counts[gold.annotator].update(gold=gold.decided, gold_right=gold.right)
    kinds = ("decided", "skipped", "surplus", "gold", "gold_right")
    return {who: {kind: of[kind] for kind in kinds} for who, of in sorted(counts.items())}
