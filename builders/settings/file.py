"""`hearten.toml`: what it may hold, and where corpora are. Unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, TypedDict, cast

from builders import resources
from builders.errors import ConfigError, SourceError, nearest, suggested
from builders.settings import LISTED, BuildConfig
from builders.settings.named import MODEL_KEYS, ModelTable, check_model, learn_keys

SETTINGS_FILE = "hearten.toml"
_TABLES = ("build", "corpora", "models", "prices", "profiles", "publish")
_EXPECTED = "[build], [corpora.SLUG], [models.NAME], [prices], [profiles.NAME] or [publish]"
# What a build knows of its models stands in their own tables.
_OF_MODELS = {"model_keys", "output_terms"}
# `hearten.toml` uses the names of the command line.
_OPTIONS = {*LISTED, "prompt_version", "sample", "show", "judge_model", "after_judge"}
BUILD_KEYS = ({*BuildConfig.model_fields} | _OPTIONS) - {
    *LISTED.values(),
    "draft_prompt",
    *_OF_MODELS,
}

# The requirements a build must meet before it is published, and who may read it.
PUBLISH_KEYS = {"reviewed_share", "alpha_strategy", "alpha_affect", "max_bad_share", "gated"}


class CorpusTable(TypedDict, total=False):
    """The table of one corpus in `hearten.toml`."""

    source: str
    follow_links: bool


class SettingsFile(TypedDict, total=False):
    """The content of `hearten.toml`; `build`, `prices` and `publish` are validated later."""

    build: dict[str, object]
    corpora: dict[str, CorpusTable]
    models: dict[str, ModelTable]
    profiles: dict[str, dict[str, object]]
    prices: dict[str, object]
    publish: dict[str, Any]


def load_settings(path: Path) -> SettingsFile:
    """Return `hearten.toml` as a dict, empty when there is none; unknown tables are refused."""
    if not path.is_file():
        return {}
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=path, do="fix that line") from error
    for name in sorted(settings.keys() - {*_TABLES}):
        near = nearest(name, _TABLES)
        do = "put command-line settings under [build]"
        raise ConfigError(
            f"unknown top-level name {name}",
            where=path,
            expected=_EXPECTED,
            do=f"did you mean {near}?" if near else do,
        )
    _check_table("build", settings.get("build", {}), BUILD_KEYS, path)
    _check_table("prices", settings.get("prices", {}), None, path)
    _check_table("publish", settings.get("publish", {}), PUBLISH_KEYS, path)
    for outer in ("corpora", "models", "profiles"):
        _check_table(outer, settings.get(outer, {}), None, path)
    _check_corpora(settings, path)
    for name, profile in settings.get("profiles", {}).items():
        _check_table(f"profiles.{name}", profile, BUILD_KEYS, path)
    for name, model in settings.get("models", {}).items():
        _check_table(f"models.{name}", model, {*MODEL_KEYS}, path)
        check_model(name, model, path)
    learn_keys(settings.get("models", {}))
    return cast(SettingsFile, settings)


def _check_corpora(settings: dict[str, Any], path: Path) -> None:
    for slug, corpus in settings.get("corpora", {}).items():
        _check_table(f"corpora.{slug}", corpus, {"source", "follow_links"}, path)
        if not isinstance(follow := corpus.get("follow_links", False), bool):
            raise ConfigError(
                f"corpora.{slug}.follow_links is {follow!r}",
                where=path,
                expected="true or false",
                do=f"write follow_links = true under [corpora.{slug}], or remove it",
            )
        if not isinstance(source := corpus.get("source", ""), str):
            raise ConfigError(
                f"corpora.{slug}.source is {source!r}",
                where=path,
                expected="a folder in quotation marks",
                do=f'write source = "FOLDER" under [corpora.{slug}]',
            )


def _check_table(name: str, table: object, known: set[str] | None, path: Path) -> None:
    if not isinstance(table, dict):
        raise ConfigError(
            f"{name} is {table!r}",
            where=path,
            expected=f"a table [{name}]",
            do=f"write its settings below a line [{name}]",
        )
    for key in sorted(table.keys() - known if known else ()):
        raise ConfigError(
            f"unknown setting {name}.{key}",
            where=path,
            **suggested(key, sorted(known or ()), "remove it"),
        )


def follows_links(slug: str, asked: bool, settings: SettingsFile) -> bool:
    """Return whether clips may be links out of a corpus's folder: as asked, or as settings say."""
    return asked or settings.get("corpora", {}).get(slug, {}).get("follow_links", False)


def find_source(slug: str, how_to_get: str, settings: SettingsFile) -> Path:
    """Return where a corpus is: `hearten.toml`, then `HEARTEN_SOURCE_<SLUG>`.

    Raises:
        SourceError: neither is set; the message says how to obtain the corpus.
    """
    found = source_of(slug, settings)
    if not found and resources.is_own(slug):
        return resources.corpus_folder(slug)
    if not found:
        raise SourceError(
            f"no source folder for {slug}: {how_to_get}",
            do="then pass its folder with --source DIR, or try the built-in sample with --sample",
        )
    return Path(found).expanduser()


def source_variable(slug: str) -> str:
    """Return the environment variable that says where a corpus is."""
    return f"HEARTEN_SOURCE_{slug.upper()}"


def source_of(slug: str, settings: SettingsFile) -> str | None:
    """Return where `hearten.toml` or else the environment says that a corpus is; None for nowhere.

    The folder of a project stands before the one of the machine.
    """
    of_file = settings.get("corpora", {}).get(slug, {}).get("source")
    return of_file or os.environ.get(source_variable(slug))
