"""`hearten.toml`: what it may hold, and where corpora are. Unknown keys are refused."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from pydantic import ValidationError

from builders import resources
from builders.errors import (
    ConfigError,
    HeartenError,
    SourceError,
    first_of,
    nearest,
    suggested,
)
from builders.settings import LISTED, BuildConfig
from builders.settings.named import MODEL_KEYS, ModelTable, learn_keys, model_faults

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
    settings = _parsed(path)
    if fault := first_of(_faults(settings, path)):
        raise fault
    learn_keys(settings.get("models", {}))
    return cast(SettingsFile, settings)


def settings_faults(path: Path) -> Iterator[HeartenError]:
    """Yield all that is wrong in a file of settings, also values that a build would refuse."""
    settings = _parsed(path)
    yield from _faults(settings, path)
    tables = {"build": settings.get("build"), **_named("profiles", settings)}
    for name, table in tables.items():
        if isinstance(table, dict):
            yield from _value_faults(name, table, path)


def _named(outer: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the tables below another one, by their whole names."""
    tables = settings.get(outer, {})
    return {f"{outer}.{name}": of for name, of in tables.items()} if type(tables) is dict else {}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", where=path, do="fix that line") from error


def _faults(settings: dict[str, Any], path: Path) -> Iterator[HeartenError]:
    """Yield what is wrong with the names of settings, and with the tables of corpora and models."""
    for name in sorted(settings.keys() - {*_TABLES}):
        near = nearest(name, _TABLES)
        do = "put command-line settings under [build]"
        yield ConfigError(
            f"unknown top-level name {name}",
            where=path,
            expected=_EXPECTED,
            do=f"did you mean {near}?" if near else do,
        )
    yield from _table_faults("build", settings.get("build", {}), BUILD_KEYS, path)
    yield from _table_faults("prices", settings.get("prices", {}), None, path)
    yield from _table_faults("publish", settings.get("publish", {}), PUBLISH_KEYS, path)
    for outer in ("corpora", "models", "profiles"):
        yield from _table_faults(outer, settings.get(outer, {}), None, path)
    for name, table in _named("corpora", settings).items():
        yield from _corpus_faults(name, table, path)
    for name, table in _named("profiles", settings).items():
        yield from _table_faults(name, table, BUILD_KEYS, path)
    for name, table in _named("models", settings).items():
        wrong = [*_table_faults(name, table, {*MODEL_KEYS}, path)]
        yield from wrong
        if isinstance(table, dict):
            yield from model_faults(name.partition(".")[2], table, path)


def _value_faults(name: str, table: Mapping[str, Any], path: Path) -> Iterator[HeartenError]:
    """Yield the values of settings that a build would refuse; unknown settings are none of them."""
    given = {LISTED.get(key, key): _listed(key, value) for key, value in table.items()}
    option = {LISTED.get(key, key): key for key in table}
    known = {key: value for key, value in given.items() if key in BuildConfig.model_fields}
    needed: dict[str, Any] = {"corpus": "meld", "source": Path(), "name": "meld"}
    try:
        BuildConfig(**needed | known)
    except ValidationError as error:
        for found in error.errors():
            field = str(found["loc"][0]) if found["loc"] else ""
            if field in known:
                yield ConfigError(
                    f"{name}.{option[field]} is {table[option[field]]!r}",
                    where=path,
                    expected=found["msg"].partition("should be ")[2] or found["msg"],
                    do="change it",
                )


def _listed(key: str, value: object) -> object:
    return [value] if key in LISTED and isinstance(value, str) else value


def _corpus_faults(name: str, corpus: object, path: Path) -> Iterator[HeartenError]:
    yield from _table_faults(name, corpus, {"source", "follow_links"}, path)
    if not isinstance(corpus, dict):
        return
    if not isinstance(follow := corpus.get("follow_links", False), bool):
        yield ConfigError(
            f"{name}.follow_links is {follow!r}",
            where=path,
            expected="true or false",
            do=f"write follow_links = true under [{name}], or remove it",
        )
    if not isinstance(source := corpus.get("source", ""), str):
        yield ConfigError(
            f"{name}.source is {source!r}",
            where=path,
            expected="a folder in quotation marks",
            do=f'write source = "FOLDER" under [{name}]',
        )


def _table_faults(
    name: str, table: object, known: set[str] | None, path: Path
) -> Iterator[HeartenError]:
    if not isinstance(table, dict):
        yield ConfigError(
            f"{name} is {table!r}",
            where=path,
            expected=f"a table [{name}]",
            do=f"write its settings below a line [{name}]",
        )
        return
    for key in sorted(table.keys() - known if known else ()):
        yield ConfigError(
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
