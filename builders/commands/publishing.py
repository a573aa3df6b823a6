"""`hearten export`, `publish` and `hydrate`: a finished build on its way to those who train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from builders.commands.build import PHRASEBOOK_WARNING
from builders.commands.settings import read_settings
from builders.corpora.exclusions import Exclusions
from builders.llm.settings import PHRASEBOOK
from builders.settings import STORE_FILE


def export(given: dict[str, Any]) -> None:
    """Write a build in a trainer's form, and say what became of every record.

    Args:
        given: the options of the command line by name.
    """
    from builders.release import export as exports
    from builders.release.export.options import make_options

    folder, to, store = given.pop("folder"), given.pop("to"), given.pop("store")
    as_json, exclusions = given.pop("as_json"), Exclusions.load(given.pop("exclusions"))
    options = make_options(**given)
    folder, store = _reviewed(folder, store)
    exported = exports.export(folder, to, options, store, exclusions, quiet=as_json)
    counts = exported.counts
    if as_json:
        told = {
            "folder": str(to),
            **counts.totals,
            "splits": counts.by_split(),
            "start": exported.start,
        }
        print(json.dumps(told, indent=2))
        return
    for split, count in counts.by_split().items():
        print(f"{split}: {count['written']:,} of {count['read']:,}")
    totals = counts.totals
    print(
        f"{totals['read']:,} read = {totals['written']:,} written + {totals['left_out']:,} left out"
    )
    for reason, number in counts.reasons().items():
        print(f"  left out: {number:,} {reason}")
    if options.context_audio:
        print(f"clips of earlier turns: {exported.clips_found:,} of {exported.clips_wanted:,}")
    print(f"export: {to}")
    print(f"next, from there:\n  {exported.start}")
    if counts.providers[PHRASEBOOK]:
        print(PHRASEBOOK_WARNING)


def publish(given: dict[str, Any]) -> None:
    """Publish a build, and say what went out and what did not.

    Args:
        given: the options of the command line by name.
    """
    from builders.release import rules as conditions
    from builders.release.hub import describing, release
    from builders.release.hub.client import Hub

    as_json, claims = given.pop("as_json"), tuple(given.pop("right") or ())
    rules = conditions.read_rules(read_settings())
    excluded = Exclusions.load(given.pop("exclusions")).covers
    given["folder"], given["store"] = _reviewed(given["folder"], given["store"])
    asked = release.Asked(claims=claims, excluded=excluded, **given)
    done = release.publish(asked, rules, Hub(asked.repo), _silent if as_json else print)
    if as_json:
        print(json.dumps(describing.as_json(asked, done), indent=2))
        return
    for line in describing.lines(asked, done):
        print(line)


def hydrate(given: dict[str, Any]) -> None:
    """Rebuild a dataset from its repository and a corpus folder, and say how alike it is.

    Args:
        given: the options of the command line by name.
    """
    from builders.release.hub import hydrating
    from builders.release.hub.client import Hub

    as_json, dataset = given.pop("as_json"), given.pop("dataset")
    done = hydrating.hydrate(Hub(dataset), **given)
    print(json.dumps(done.as_json(), indent=2) if as_json else done.as_text())
    done.check()


def _reviewed(folder: Path, store: str | None) -> tuple[Path, str]:
    """Return the folder of a build as its reviewers want it, and the store's address."""
    from builders.review.outcome.applied import applied

    address = store or str(folder.parent / STORE_FILE)
    return applied(folder, address), address


def _silent(_line: str) -> None:
    """Say nothing: stdout holds one JSON object."""
