"""`build --corpus all`: every corpus that is found, and one local set of all of them."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from builders import resources
from builders.cli.build_config import config_of
from builders.cli.build_lines import PHRASEBOOK_WARNING, print_counts, print_estimate
from builders.cli.build_options import BuildOptions
from builders.cli.collecting import tune_collector
from builders.corpora import load_card, resolve_slug, slugs, splits_of
from builders.errors import LabelError, SourceError, StoppedEarly, UsageError, suggested
from builders.llm.addresses import check_named, may_send
from builders.llm.settings import PHRASEBOOK
from builders.pipeline.told import reply_language
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions, excluded_by
from builders.settings import BuildConfig
from builders.settings.file import SettingsFile, source_of
from builders.tasks.reply.checks.language import can_check, known_languages

ALL = "all"


def build_all(given: BuildOptions, settings: SettingsFile, as_json: bool) -> None:
    """Build each corpus that is found, then the set; `given` are the options by name.

    Raises:
        SourceError: no corpus is found, or one that is found cannot be read; the others are built.
        StoppedEarly: a build stopped before its end; the same command goes on.
    """
    sources = _find(given, settings)
    if not sources:
        raise SourceError(
            "no corpus is found",
            where=given["source"] or "hearten.toml and the HEARTEN_SOURCE_* variables",
            expected=f"folders of {', '.join(slugs())}",
            do="name their parent folder with --source, or try --sample",
        )
    check_named(may_send(given["i_may_send"]), [*sources])
    name = given["name"] or ("all-sample" if given["sample"] else ALL)
    drafted = {
        slug: path for slug, path in sources.items() if can_check(reply_language(load_card(slug)))
    }
    wanted = (_config(given, settings, slug, source) for slug, source in drafted.items())
    configs = [config for config in wanted if config]
    if not drafted:
        raise SourceError(
            f"replies to none of {', '.join(sources)} can be checked",
            expected=f"a corpus in {', '.join(known_languages())}",
            do="add tables for its language; label_maps/README.md says how",
        )
    if not configs:
        known = dict.fromkeys(split for slug in sources for split in splits_of(slug))
        raise UsageError(
            f"none of {', '.join(sources)} has a split {', '.join(given['split'] or ())}",
            **suggested((given["split"] or [""])[0], known, "leave --split out"),
        )
    if given["label_view"] and not any(config.label_view for config in configs):
        raise UsageError(
            f"no corpus that is found has a label view {given['label_view']!r}",
            **suggested(given["label_view"], _views(configs), "leave --label-view out"),
        )
    prices = settings.get("prices", {})
    if given["estimate"]:
        _estimate(configs, prices, as_json)
        return
    _announce(configs, given, as_json)
    builds = _build_each(configs, prices, as_json)
    _combine(builds, name, configs[0], as_json)


def _find(given: BuildOptions, settings: SettingsFile) -> dict[str, Path]:
    """Return where each corpus is: the samples, sub-folders of the source, or as settings say."""
    if given["sample"] and given["source"]:
        raise UsageError("--sample and --source exclude each other", do="leave one of them out")
    if given["sample"]:
        return {slug: resources.corpora() / slug / "sample" for slug in slugs()}
    if given["source"]:
        return _sub_folders(given["source"])
    found = {slug: source_of(slug, settings) for slug in slugs()}
    return {slug: Path(path).expanduser() for slug, path in found.items() if path}


def _sub_folders(source: Path) -> dict[str, Path]:
    found = {}
    for folder in sorted(path for path in source.glob("*") if path.is_dir()):
        try:
            found[resolve_slug(folder.name)] = folder
        except UsageError:
            continue  # a folder of something else
    return dict(sorted(found.items()))


def _config(
    given: BuildOptions, settings: SettingsFile, slug: str, source: Path
) -> BuildConfig | None:
    """Return the config of one corpus; None where it has none of the splits that are wanted."""
    card = load_card(slug)
    wanted = given["split"] or []
    has = [split for split in wanted if split in splits_of(slug)]
    if wanted and not has:
        return None
    view = given["label_view"]
    suffix = "-sample" if given["sample"] else ""
    one: BuildOptions = {
        **given,
        "corpus": slug,
        "source": source,
        "sample": False,
        "split": has,
        "label_view": view if view in card.label_views else None,
        "reply_worthy": False
        if given["reply_worthy"] is None and given["sample"]
        else (given["reply_worthy"]),
        "name": f"{given['name']}-{slug}" if given["name"] else f"{slug}{suffix}",
        "speak": given["speak"] and card.audio_origin == "none",
        "i_may_send": [slug] if slug in may_send(given["i_may_send"]) else None,
    }
    if card.audio_origin == "none":
        one = {**one, "hear": False, "caption_model": None, "caption_base_url": None}
    if card.video is None:
        one["see"] = False
    if card.scripted is None:
        one["real_names"] = False
    if card.context == "none" and given["background"] == "model":
        one["background"] = "corpus"
    return config_of(one, settings)


def _views(configs: list[BuildConfig]) -> list[str]:
    return [*dict.fromkeys(v for c in configs for v in load_card(c.corpus).label_views)]


def _announce(configs: list[BuildConfig], given: BuildOptions, as_json: bool) -> None:
    if as_json:
        return
    if configs[0].provider == PHRASEBOOK:
        print(PHRASEBOOK_WARNING)
    names = [config.corpus for config in configs]
    print(f"found: {', '.join(names)}")
    if given["hear"] or given["caption_model"]:
        for slug in (name for name in names if load_card(name).audio_origin == "none"):
            print(f"text only: {slug} has no audio, so the model gets the words alone")
    for slug in slugs():
        if slug not in names:
            print(f"not built: {slug} ({_why_not(slug, given)})")


def _why_not(slug: str, given: BuildOptions) -> str:
    if given["split"] and not set(given["split"]) & set(splits_of(slug)):
        return f"it has no split {', '.join(given['split'])}"
    if not can_check(language := reply_language(load_card(slug))):
        return f"replies in {language!r} cannot be checked, only those in {_languages()}"
    return f"not found; {load_card(slug).how_to_get}"


def _languages() -> str:
    return ", ".join(known_languages())


def _build_each(
    configs: list[BuildConfig], prices: Mapping[str, object], as_json: bool
) -> list[Build]:
    """Build one corpus after the other; a budget is that of all of them together."""
    from builders.pipeline import run

    tune_collector()
    gc.freeze()
    builds: list[Build] = []
    failed: list[str] = []
    for config in configs:
        config = _within_budget(config, builds)
        try:
            finished = run.build(config, prices, quiet=as_json)
        except (SourceError, LabelError) as error:
            failed.append(config.corpus)
            print(f"{config.corpus}: {error}", file=sys.stderr)
            continue
        builds.append(Build(finished.folder))
        if not as_json:
            print(f"{config.corpus}: {finished.folder}")
            print_counts(builds[-1])
    if failed:
        raise SourceError(
            f"{len(failed)} of {len(configs)} corpora cannot be built: {', '.join(failed)}; "
            "the combined dataset was not written",
            do="mend what is named above and run the same command again"
            + ("; the others are complete" if builds else ""),
        )
    return builds


def _within_budget(config: BuildConfig, builds: list[Build]) -> BuildConfig:
    """Return the config with what the builds before it have left of the budget."""
    costs = [build.manifest["run"]["cost"] for build in builds]
    changes: dict[str, float] = {}
    if config.max_tokens is not None:
        spent = sum(cost["prompt_tokens"] + cost["completion_tokens"] for cost in costs)
        changes["max_tokens"] = config.max_tokens - spent
    if config.max_usd is not None:
        changes["max_usd"] = config.max_usd - sum(cost["usd"] or 0 for cost in costs)
    if any(left <= 0 for left in changes.values()):
        raise StoppedEarly(
            f"the budget was spent before {config.corpus} was begun",
            do="raise --max-usd or --max-tokens and run the command again; finished builds stay",
        )
    return config.model_copy(update=changes)


def _combine(builds: list[Build], name: str, config: BuildConfig, as_json: bool) -> None:
    from builders.pipeline.combine import combine

    folder = config.output / name
    known = Restrictions(excluded_by(config.exclusions, config.store_url))
    manifest = combine(builds, folder, known)
    result = manifest["result"]
    if as_json:
        print(json.dumps({"folder": str(folder), **manifest}, indent=2))
        return
    print(f"{name}: {folder} (for local use only: the licences exclude one another)")
    print_counts(Build(folder))
    for split, counts in result["splits"].items():
        if counts["kept"]:
            print(f"  {split}: {counts['kept']:,}")
    for leak in result["leaks"]:
        what = leak["leak"].replace("_", " ")
        shown = ", ".join(leak["examples"])
        print(f"  shared by splits: {leak['count']:,} {what} in {leak['corpus']} ({shown})")
    print(f"report:  {folder / 'report.html'}")
    if config.provider == PHRASEBOOK:
        print(PHRASEBOOK_WARNING)


def _estimate(configs: list[BuildConfig], prices: Mapping[str, object], as_json: bool) -> None:
    from builders.pipeline.estimate import estimate

    estimates = {config.corpus: estimate(config, prices) for config in configs}
    if as_json:
        print(json.dumps(estimates, indent=2))
        return
    for slug, found in estimates.items():
        print(f"{slug}:")
        print_estimate(found)
