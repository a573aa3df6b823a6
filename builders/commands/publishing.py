"""`hearten export`, `publish` and `hydrate`: a finished build on its way to those who train."""

from __future__ import annotations

import json
from typing import Any

from builders.commands.build import PHRASEBOOK_WARNING
from builders.commands.settings import read_settings
from builders.release.eligibility import excluded_by
from builders.settings import PHRASEBOOK


def export(given: dict[str, Any]) -> None:
    """Write a build in a trainer's form, and say what became of every record.

    Args:
        given: the options of the command line by name.
    """
    from builders.release import export as exports
    from builders.release.export.options import make_options

    folder, to, store = given.pop("folder"), given.pop("to"), given.pop("store")
    as_json, excluded = given.pop("as_json"), excluded_by(given.pop("exclusions"))
    options = make_options(**given)
    exported = exports.export(folder, to, options, store, excluded, quiet=as_json)
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
    if options.task == "dpo":
        print(f"pairs: {counts.rows:,}")
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
    excluded = excluded_by(given.pop("exclusions"))
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


def _silent(_line: str) -> None:
    """Say nothing: stdout holds one JSON object."""
