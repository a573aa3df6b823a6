"""What each command does with its arguments, and what it prints."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import textwrap
from itertools import islice
from pathlib import Path
from typing import Any

from builders import assets
from builders.build import Build
from builders.config import (
    DEFAULT_BASE_URL,
    KEY_NAMES,
    KEY_VARIABLES,
    LISTED,
    PHRASEBOOK,
    SETTINGS_FILE,
    STORE_FILE,
    BuildConfig,
    find_source,
    load_settings,
    make_config,
)
from builders.corpora import load_card, resolve_slug, slugs
from builders.errors import ConfigError, UsageError, VerificationError
from builders.folder import BuildFolder
from builders.manifest import read_manifest, summary_line

PHRASEBOOK_WARNING = "phrasebook: for trying out, not for training"


def build(given: dict[str, Any]) -> None:
    """Build a dataset, or with `estimate` say what it would cost.

    Args:
        given: the options of the command line by name.
    """
    as_json, show = given.pop("as_json"), given.pop("show")
    sample = given["sample"]
    settings = load_settings(Path(SETTINGS_FILE))
    config = _config(given, settings)
    from builders import pipeline

    prices = settings.get("prices", {})
    if config.estimate:
        _print_estimate(pipeline.estimate(config, prices), as_json)
        return
    if config.provider == PHRASEBOOK and not as_json:
        print(PHRASEBOOK_WARNING)
    # What is loaded by now stays, and a stream leaves few cycles behind: a tenth less time.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    finished = pipeline.build(config, prices, quiet=as_json)
    if as_json:
        print(json.dumps({"folder": str(finished.folder), **finished.manifest}, indent=2))
        return
    _print_finished(finished, config, sample, 3 if show is None and sample else show or 0)


def verify(corpus: str, source: Path | None, as_json: bool) -> None:
    """Compare a corpus on disk with its published counts.

    Raises:
        VerificationError: a count is off.
    """
    from builders.verify import verify as compare

    slug = resolve_slug(corpus)
    settings = load_settings(Path(SETTINGS_FILE))
    source = source or find_source(slug, load_card(slug).how_to_get, settings)
    verification = compare(slug, source)
    print(json.dumps(verification.as_json(), indent=2) if as_json else verification.as_text())
    if not verification.ok:
        raise VerificationError(
            f"{len(verification.off)} of the published counts differ",
            where=source,
            do="see the lines marked 'differs'; take the release as its owner ships it",
        )


def corpora(as_json: bool) -> None:
    """List the corpora with their terms."""
    cards = [load_card(slug) for slug in slugs()]
    if as_json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    for card in cards:
        rights = card.rights.model_dump()
        published = [
            what for what in ("audio", "text", "labels", "derived") if rights[what] == "yes"
        ]
        sent = [what for what, may in card.send_to_third_party.model_dump().items() if may == "yes"]
        print(f"{card.slug}: {card.title}, {card.owner}")
        print(f"  licence       {card.licence}")
        print(f"  published     {', '.join(published) or 'ids and counts only'}")
        print(f"  third parties {', '.join(sent) or 'nothing'}")
        print(
            textwrap.fill(
                card.how_to_get, 96, initial_indent="  to get it     ", subsequent_indent=" " * 16
            )
        )


def status(folder: Path, store: str | None, as_json: bool) -> None:
    """Say how far a build is; an unfinished one is looked up in the store, by default beside it.

    Raises:
        ConfigError: there is no build, or no store to look in.
    """
    if (folder / "config.json").is_file() and not (folder / "manifest.json").is_file():
        _print_unfinished(folder, store or str(folder.parent / STORE_FILE), as_json)
        return
    manifest = read_manifest(folder)
    if as_json:
        print(json.dumps(manifest, indent=2))
        return
    result, run = manifest["result"], manifest["run"]
    print(f"{result['name']}: complete")
    print(summary_line(result["counts"]))
    print(f"drafted by {result['config']['model']}, {_cost(run['cost'])}")


def _print_unfinished(folder: Path, store: str, as_json: bool) -> None:
    from builders.drafting.store import Store, store_exists

    if not store_exists(store):
        raise ConfigError(
            f"{folder.name} is not complete, and there is no store {store} that knows more",
            do="name its store with --store",
        )
    spent = Store(store).spent(folder.name)
    attempts = sum(row.attempts for row in spent)
    tokens = sum(row.prompt_tokens + row.completion_tokens for row in spent)
    running = BuildFolder(folder).is_held()
    if as_json:
        known = {"complete": False, "running": running, "attempts": attempts, "tokens": tokens}
        print(json.dumps({"name": folder.name, **known}, indent=2))
        return
    print(f"{folder.name}: " + ("running" if running else "stopped; the same command goes on"))
    print(f"{attempts:,} attempts so far, {tokens:,} tokens")


def report(folder: Path) -> None:
    """Write `report.html` of a finished build again."""
    from builders import report as pages

    print(pages.write(folder, read_manifest(folder)))


def export(given: dict[str, Any]) -> None:
    """Write a build in a trainer's form, and say what became of every record.

    Args:
        given: the options of the command line by name.
    """
    from builders import exports
    from builders.exports.options import make_options

    folder, to, store = given.pop("folder"), given.pop("to"), given.pop("store")
    as_json = given.pop("as_json")
    options = make_options(**given)
    exported = exports.export(folder, to, options, store, quiet=as_json)
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
    from builders.publishing import conditions, describing, release
    from builders.publishing.hub import Hub

    as_json, claims = given.pop("as_json"), tuple(given.pop("right") or ())
    rules = conditions.read_rules(load_settings(Path(SETTINGS_FILE)))
    asked = release.Asked(claims=claims, **given)
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
    from builders.publishing import hydrating
    from builders.publishing.hub import Hub

    as_json, dataset = given.pop("as_json"), given.pop("dataset")
    done = hydrating.hydrate(Hub(dataset), **given)
    print(json.dumps(done.as_json(), indent=2) if as_json else done.as_text())
    done.check()


def _silent(_line: str) -> None:
    """Say nothing: stdout holds one JSON object."""


def _config(given: dict[str, Any], settings: dict[str, Any]) -> BuildConfig:
    slug = resolve_slug(given.pop("corpus"))
    sample, source = given.pop("sample"), given.pop("source")
    if sample and source:
        raise UsageError("--sample and --source exclude each other", do="leave one of them out")
    if sample:
        source = assets.corpora() / slug / "sample"
    source = source or find_source(slug, load_card(slug).how_to_get, settings)
    given["name"] = given["name"] or (f"{slug}-sample" if sample else slug)
    lists = {setting: tuple(given.pop(option) or ()) for option, setting in LISTED.items()}
    if lists["base_urls"] and not (given["model"] or sample):
        raise UsageError("--base-url is given without --model", do="name the model that drafts")
    lists["base_urls"] = lists["base_urls"] or _default_addresses(given["model"])
    lists["emotions"] = tuple(_emotion(word) for word in lists["emotions"])
    return make_config(corpus=slug, source=source, **lists, **given)


def _default_addresses(model: str | None) -> tuple[str, ...]:
    """Return where a model is asked when no address is given: the provider's own variables say."""
    address = os.environ.get("OPENAI_BASE_URL")
    if model and not address and not any(os.environ.get(name) for name in KEY_VARIABLES):
        raise ConfigError(
            f"there is no address for the model {model}, and no key for {DEFAULT_BASE_URL}",
            do=f"give --base-url, or set {KEY_NAMES}",
        )
    return (address or DEFAULT_BASE_URL,)


def _emotion(word: str) -> str:
    from builders.labels import vocabulary

    node = vocabulary().resolve(word)
    if node is None:
        known = ", ".join(vocabulary().nodes)
        raise UsageError(f"there is no emotion {word!r}", expected=f"one of {known}")
    return node


def _print_finished(finished: Any, config: BuildConfig, sample: bool, show: int) -> None:
    result, run = finished.manifest["result"], finished.manifest["run"]
    for record in islice(Build(finished.folder).samples(), show):
        _print_sample(record)
    if not finished.fresh:
        print(f"{config.name} is complete already; nothing was asked or written.")
    print(summary_line(result["counts"]))
    for reason, count in sorted(result["rejected"].items(), key=lambda pair: -pair[1]):
        print(f"  rejected: {count:,} {reason}")
    if config.provider != PHRASEBOOK:
        print(
            f"{run['requests']:,} requests in {run['seconds']:,.0f} s; in all {_cost(run['cost'])}"
        )
    print(f"dataset: {finished.folder}")
    print(f"report:  {finished.folder / 'report.html'}")
    print("next:")
    for command in _next_commands(config, sample):
        print(f"  {command}")
    if config.provider == PHRASEBOOK:
        print(PHRASEBOOK_WARNING)


def _next_commands(config: BuildConfig, sample: bool) -> tuple[str, str]:
    """Return two commands to try next, spelled as this one was called."""
    build, hearten = _spelling(sys.argv[0])
    if config.provider != PHRASEBOOK:
        code = f"from builders.build import Build; print(Build('{config.folder}').to_pandas())"
        return f'python -c "{code}"', f"{hearten} status {config.folder}"
    source = "DIR" if sample else config.source
    own = f"{build} --corpus {config.corpus} --source {source}"
    text = " --text-only" if sample or config.text_only else ""
    model = (
        f"--name {config.corpus}-trial --limit 20 --model MODEL --base-url http://127.0.0.1:8000/v1"
    )
    first = f"{own}{text}" if sample else f"{hearten} status {config.folder}"
    return first, f"{own}{text} {model}"


def _spelling(called: str) -> tuple[str, str]:
    """Return `build` and `hearten` as they can be called by whoever called this program so."""
    program = Path(called)
    if program.name not in ("build", "hearten"):
        return "hearten build", "hearten"
    if shutil.which(program.name) == called:
        return "build", "hearten"
    return str(program.with_name("build")), str(program.with_name("hearten"))


def _print_sample(record: dict[str, Any]) -> None:
    """Print a sample in full as JSON, its audio as its size."""
    if record["audio"]:
        record["audio"]["bytes"] = f"<{len(record['audio']['bytes']):,} bytes of FLAC>"
    print(json.dumps(record, indent=2, ensure_ascii=False))


def _print_estimate(estimate: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(estimate, indent=2))
        return
    print(
        f"{estimate['targets']:,} targets, {estimate['held']:,} first answers held, "
        f"{estimate['to_ask']:,} to ask"
    )
    usd = estimate["usd"]
    cost = "cost unknown (no price for this model)" if usd is None else f"about ${usd:,.2f}"
    print(
        f"about {estimate['prompt_tokens']:,} prompt tokens and at most "
        f"{estimate['completion_tokens']:,} of answers, without corrections: {cost}"
    )


def _cost(cost: dict[str, Any]) -> str:
    tokens = f"{cost['prompt_tokens'] + cost['completion_tokens']:,} tokens"
    return f"{tokens}, " + ("cost unknown" if cost["usd"] is None else f"${cost['usd']:,.4f}")
