"""Names of `[models.NAME]` where an option takes a model: what is asked, where, with which key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

from builders.cli.build_options import BuildOptions
from builders.llm.settings import KEY_VARIABLES
from builders.settings import JUDGE_KEY
from builders.settings.file import SettingsFile
from builders.settings.named import ModelTable, key_of, served_name, written

# Options whose value may be MODEL@URL, and those with an option of their own for the address.
_WRITTEN = ("tag_model", "route_model", "moderation")
_BESIDE = {"caption_model": "caption_base_url", "tts": "tts_base_url"}
_LISTS = ("model", "vote_model")


class OfModels(TypedDict):
    """What a build knows of models that have tables; see `BuildConfig`."""

    model_keys: tuple[tuple[str, str, str], ...]
    output_terms: tuple[tuple[str, str], ...]


def with_models(given: BuildOptions, settings: SettingsFile) -> tuple[BuildOptions, OfModels]:
    """Return the options with names of tables resolved, and what their tables say beside it.

    Raises:
        ConfigError: a table names a variable for its key that is not set.
    """
    tables, plain = settings.get("models", {}), dict[str, Any](given)
    used: list[str] = []
    for option in (*_LISTS, *_WRITTEN, *_BESIDE):
        said = plain.get(option)
        used += [one for one in (said if isinstance(said, list) else [said]) if one in tables]
    for option in _LISTS:
        if plain.get(option):
            plain[option] = [written(one, tables) for one in plain[option]]
    for option in _WRITTEN:
        if plain.get(option):
            plain[option] = written(plain[option], tables)
    for option, beside in _BESIDE.items():
        if plain.get(option) in tables:
            address = tables[plain[option]].get("address")
            plain[option] = served_name(plain[option], tables)
            plain[beside] = plain.get(beside) or ([address] if address else None)
    drafts = [one for one in plain.get("model") and given["model"] or () if one in tables]
    return cast("BuildOptions", plain), OfModels(
        model_keys=_keys(used, tables), output_terms=_terms(drafts, tables)
    )


def _keys(
    names: Sequence[str], tables: Mapping[str, ModelTable]
) -> tuple[tuple[str, str, str], ...]:
    found = {}
    for name in names:
        if key := key_of(name, tables):
            found[served_name(name, tables), tables[name]["address"]] = key
    return tuple((*where, key) for where, key in found.items())


def _terms(names: Sequence[str], tables: Mapping[str, ModelTable]) -> tuple[tuple[str, str], ...]:
    """Return the terms of models that draft, in one order whatever the command line's was."""
    stated = {
        served_name(one, tables): tables[one]["output_terms"]
        for one in names
        if "output_terms" in tables[one]
    }
    return tuple(sorted(stated.items()))


def asked_as(name: str, addresses: Sequence[str], settings: SettingsFile) -> dict[str, Any]:
    """Return model, addresses and keys of `ModelSettings` for a model that is asked alone.

    Args:
        name: what was written: a table's name, or that of a model.
        addresses: where else it is asked; a table's own address goes before them.
        settings: `hearten.toml`.
    """
    tables = settings.get("models", {})
    address, key = tables.get(name, {}).get("address"), key_of(name, tables)
    found = {"model": served_name(name, tables), "base_urls": tuple(addresses)}
    if address:
        found["base_urls"] = (address,)
    return found | ({"keys": (key,)} if key else {})


def table_of(served: str, settings: SettingsFile) -> str:
    """Return the name of the only table of a served model that has an address; else that name."""
    tables = settings.get("models", {})
    found = [n for n in tables if served_name(n, tables) == served and "address" in tables[n]]
    return found[0] if len(found) == 1 else served


def named_judges(
    judges: tuple[str | None, str | None], settings: SettingsFile
) -> tuple[str | None, str | None]:
    """Return judges as ``MODEL@URL`` where they were named by their tables."""
    tables = settings.get("models", {})
    first, second = (written(one, tables) if one else None for one in judges)
    return first, second


def keys_at(model: str, address: str | None, settings: SettingsFile) -> tuple[str, ...]:
    """Return the variables of a judge's key: its table's, its own at its own address, or all's."""
    tables = settings.get("models", {})
    names = [name for name in tables if written(name, tables) == f"{model}@{address}"]
    own = next(filter(None, (key_of(name, tables) for name in names)), None)
    return (own,) if own else (JUDGE_KEY,) if address else KEY_VARIABLES
