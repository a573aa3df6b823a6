"""`hearten status` and `hearten report`: what is known of a build."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import typer

from builders.cli.options import EXCLUSIONS, Excluded, Folder, Json, StoreAddress
from builders.errors import ConfigError
from builders.record.manifest_views import ManifestResult, RunCost

commands = typer.Typer()


@commands.command("status")
def status_command(folder: Folder, store: StoreAddress = None, as_json: Json = False) -> None:
    """Print how far a build is, and what it has cost."""
    _status(folder, store, as_json)


@commands.command("report")
def report_command(
    folder: Folder,
    exclusions: Excluded = EXCLUSIONS,
    store: StoreAddress = None,
    as_json: Json = False,
) -> None:
    """Write a build's report.html again, with the results of review and judging."""
    page = _report(folder, store, exclusions)
    print(json.dumps({"report": str(page)}) if as_json else page)


def _status(folder: Path, store: str | None, as_json: bool) -> None:
    """Say how far a build is; an unfinished one is looked up in the store, by default beside it.

    Raises:
        ConfigError: there is no build, or no store to look in.
    """
    from builders.cli.beside import store_of

    if (folder / "config.json").is_file() and not (folder / "manifest.json").is_file():
        _print_unfinished(folder, store_of(folder, store), as_json)
        return
    from builders.record.dataset import Build
    from builders.record.manifest import summary_line

    manifest = Build(folder).verify().manifest
    if as_json:
        print(json.dumps(manifest, indent=2))
        return
    result, run = manifest["result"], manifest["run"]
    print(f"{result['name']}: complete")
    print(summary_line(result["counts"]))
    config = result["config"]
    models = " and ".join(config.get("drafters") or [config["model"]])
    each = f", {config['drafts']} drafts each" if config.get("drafts") else ""
    print(f"drafted by {models}{each}, {cost_line(run['cost'])}")


def _print_unfinished(folder: Path, store: str, as_json: bool) -> None:
    from builders.record.folder import BuildFolder
    from builders.store.address import store_exists
    from builders.store.database import Store

    if not store_exists(store):
        raise ConfigError(
            f"{folder.name} is not complete, and its database {store} does not exist",
            do="name it with --store",
        )
    with closing(Store(store, writes=False)) as held:
        spent = held.spent(folder.name)
    attempts = sum(row.attempts for row in spent)
    tokens = sum(row.prompt_tokens + row.completion_tokens for row in spent)
    running, left = BuildFolder(folder).is_held(), BuildFolder(folder).left()
    if as_json:
        known = {"complete": False, "running": running, "attempts": attempts, "tokens": tokens}
        print(json.dumps({"name": folder.name, **known, "left": left}, indent=2))
        return
    print(
        f"{folder.name}: " + ("running" if running else "stopped; run the same command to continue")
    )
    print(f"{attempts:,} requests so far, {tokens:,} tokens")
    for row in spent if len(spent) > 1 else ():
        used = row.prompt_tokens + row.completion_tokens
        print(f"  {row.model}: {row.attempts:,} requests, {used:,} tokens")
    for one in left:
        print(f"  no response: {one['id']} {one['kind']} ({one['detail']})")


def _report(folder: Path, store: str | None, exclusions: Path) -> Path:
    """Write the report of a finished build again, of a reviewed one that of its copy; return it."""
    from builders.audio.with_librosa import has_librosa
    from builders.cli.beside import store_of
    from builders.evaluation.kept import proof_of
    from builders.evaluation.results import results
    from builders.evaluation.score_results import score_results
    from builders.record.dataset import Build
    from builders.record.manifest import read_manifest
    from builders.release.eligibility import Restrictions, excluded_by
    from builders.report import write
    from builders.review.outcome.applied import applied

    store = store_of(folder, store)
    known = Restrictions(excluded_by(exclusions, store))
    place = applied(folder, store, known.excluded)
    build = Build(folder)
    swaps, scores = results(build, store, known), score_results(build, store, known)
    return write(
        place,
        read_manifest(place),
        swaps,
        scores,
        known,
        proof_of(folder),
        with_mel=has_librosa(),
    )


def count_lines(result: ManifestResult) -> Iterator[str]:
    """Yield the counts of a build, its rejects by reason, and what was not selected."""
    from builders.record.manifest import summary_line

    yield summary_line(result["counts"])
    for reason, count in sorted(result["rejected"].items(), key=lambda pair: -pair[1]):
        yield f"  rejected: {count:,} {reason}"
    passed_over: Counter[str] = Counter()
    for counts in result["splits"].values():
        passed_over.update(counts["not_selected"])
    if passed_over:
        told = ", ".join(f"{count:,} {reason}" for reason, count in passed_over.most_common())
        yield f"  not selected: {told}"


def cost_line(cost: RunCost) -> str:
    """Return tokens and cost in one line."""
    tokens = f"{cost['prompt_tokens'] + cost['completion_tokens']:,} tokens"
    return f"{tokens}, " + ("cost unknown" if cost["usd"] is None else f"${cost['usd']:,.4f}")
