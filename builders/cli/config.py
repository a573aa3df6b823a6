"""`hearten config`: the settings that a command would run with, and where each comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import typer

from builders import masking
from builders.cli.command import PROFILE, Command
from builders.cli.file_defaults import PROFILE_VARIABLE, file_values
from builders.cli.help import Context, name_of
from builders.cli.options import Json, SettingsProfile
from builders.errors import UsageError, suggested

if TYPE_CHECKING:
    from builders.cli.build_options import BuildOptions

commands = typer.Typer()

_REST = "builders.cli.config"
# Parameters that are no settings.
_NO_SETTINGS = ("help", "as_json", PROFILE)
_PROVIDERS_ADDRESS = "OPENAI_BASE_URL"
# Settings whose default depends on others; see `with_defaults`.
_DEPENDING = ("reply_worthy", "plan", "demonstrations")


class InForce(NamedTuple):
    """One setting in force.

    Attributes:
        name: as in `hearten.toml`.
        value: as it was given, read into JSON's types; None for what is not set.
        origin: flag, environment, profile, hearten.toml or default.
        where: the variable or the profile by name; None for the others.
    """

    name: str
    value: Any
    origin: str
    where: str | None = None


class ConfigCommand(Command):
    """The command, whose arguments are the command line of another one."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the options before the other command's name, and keep the rest as it is."""
        at, takes_value = 0, False
        while at < len(args) and (args[at].startswith("-") or takes_value):
            takes_value = args[at] == "--profile"
            at += 1
        ctx.meta[_REST] = args[at:]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the words behind the command's name in the line on usage."""
        return ["[OPTIONS]", "[COMMAND [ARGS]...]"]


@commands.command("config", cls=ConfigCommand)
def config_command(
    context: typer.Context,
    settings_profile: SettingsProfile = None,
    as_json: Json = False,
) -> None:
    """Print the settings that a command would run with, and where each comes from.

    COMMAND is `build` where none is named; what stands behind it is its own command line.
    """
    words = context.meta[_REST] or ["build"]
    inner = _read(context, words, settings_profile)
    profile = inner.params.get(PROFILE) or settings_profile or os.environ.get(PROFILE_VARIABLE)
    shown = _document(inner, profile or None)
    if as_json or inner.params.get("as_json"):
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for line in _lines(shown):
        print(line)


def _read(context: Context, words: Sequence[str], profile: str | None) -> Context:
    """Return the context of another command, with its line read and nothing run."""
    command, parent, left = context.find_root().command, context.find_root(), [*words]
    while hasattr(command, "commands"):
        known = [name for name in command.commands if name != "config"]
        name = left.pop(0) if left else ""
        if name not in known:
            raise UsageError(f"there is no command {name!r}", **suggested(name, known))
        command = command.commands[name]
        if hasattr(command, "commands"):
            parent = command.context_class(command, info_name=name, parent=parent)
    for param in command.params:
        param.required = False
    takes_profile = any(param.name == PROFILE for param in command.params)
    if profile and takes_profile and "--profile" not in left:
        left = ["--profile", profile, *left]
    return command.make_context(name, left, parent=parent)


def _document(inner: Context, profile: str | None) -> dict[str, Any]:
    from builders.cli.settings_file import read_settings
    from builders.settings.file import SETTINGS_FILE

    settings, file = read_settings(), Path(SETTINGS_FILE)
    found = [*_settings(inner, profile)]
    for one in found:
        for value in one.value if isinstance(one.value, list) else [one.value]:
            masking.learn_address(str(value))
    return {
        "command": name_of(inner),
        "file": str(file) if file.is_file() else None,
        "profile": profile,
        "settings": [
            {"name": one.name, "value": one.value, "from": one.origin, "where": one.where}
            for one in found
        ],
        "sources": [*_sources(settings)],
        "models": [*_models(settings)],
        "keys": [*_keys(settings)],
    }


def _settings(inner: Context, profile: str | None) -> Iterator[InForce]:
    """Yield what each option of a command is, in the order of its help."""
    of_file = file_values(name_of(inner), profile)
    chosen = _chosen(inner)
    for param in inner.command.params:
        name = param.name
        if name in _NO_SETTINGS:
            continue
        source, value = inner.get_parameter_source(name), _plain(inner.params.get(name))
        origin = source.name if source else "DEFAULT"
        if origin == "COMMANDLINE":
            yield InForce(name, value, "flag")
        elif origin == "ENVIRONMENT":
            yield InForce(name, value, "environment", str(param.envvar))
        elif name in of_file and origin == "DEFAULT_MAP":
            where = of_file[name][1]
            of_profile = where.removeprefix("profile ")
            in_profile = where != of_profile
            yield InForce(
                name,
                value,
                "profile" if in_profile else "hearten.toml",
                of_profile if in_profile else None,
            )
        elif name == "base_url" and (address := os.environ.get(_PROVIDERS_ADDRESS)):
            yield InForce(name, [address], "environment", _PROVIDERS_ADDRESS)
        else:
            yield InForce(name, chosen.get(name, value), "default")


def _chosen(inner: Context) -> Mapping[str, Any]:
    """Return the defaults that depend on other settings, of a build whose corpus is named."""
    given = inner.params
    if name_of(inner) != "build" or not given.get("corpus") or given["corpus"] == "all":
        return {}
    from builders.cli.defaults import with_defaults
    from builders.corpora import load_card, resolve_slug

    slug = resolve_slug(given["corpus"])
    name = given["name"] or (f"{slug}-sample" if given["sample"] else slug)
    made: dict[str, Any] = {
        **with_defaults(cast("BuildOptions", given), name, load_card(slug).language)
    }
    return {name: made[name] for name in _DEPENDING}


def _plain(value: Any) -> Any:
    """Return a value in JSON's types."""
    if isinstance(value, list | tuple):
        return [*map(_plain, value)]
    return str(value) if isinstance(value, Path) else value


def _sources(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield where each corpus is that a folder is known of."""
    from builders.corpora import slugs
    from builders.settings.file import source_of, source_variable

    for slug in slugs():
        if path := source_of(slug, settings):  # type: ignore[arg-type]
            variable = source_variable(slug)
            of_environment = not settings.get("corpora", {}).get(slug, {}).get("source")
            yield {
                "corpus": slug,
                "source": path,
                "from": "environment" if of_environment else "hearten.toml",
                "where": variable if of_environment else None,
            }


def _models(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from builders.settings.named import served_name

    tables = settings.get("models", {})
    for name, table in tables.items():
        masking.learn_address(table.get("address", ""))
        served = served_name(name, tables)
        yield {
            "name": name,
            "model": served,
            "address": table.get("address"),
            "key": table.get("key"),
            "price": settings.get("prices", {}).get(served),
            "output_terms": table.get("output_terms"),
        }


def _keys(settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the variables that hold keys, and whether each is set; never what is in it."""
    from builders.llm.settings import KEY_VARIABLES
    from builders.settings import (
        CAPTION_KEY,
        JUDGE_KEY,
        MODEL_KEY,
        MODERATION_KEY,
        SPEECH_KEY,
        VOTE_KEY,
    )

    named = [table["key"] for table in settings.get("models", {}).values() if "key" in table]
    of_options = (MODEL_KEY, VOTE_KEY, JUDGE_KEY, CAPTION_KEY, SPEECH_KEY, MODERATION_KEY)
    for variable in dict.fromkeys((*KEY_VARIABLES, *of_options, *named)):
        given = os.environ.get(variable, "").strip()
        masking.learn(given)
        yield {"variable": variable, "set": bool(given)}


def _lines(shown: Mapping[str, Any]) -> Iterator[str]:
    """Yield the same for a person: what is set, then the defaults, models, sources and keys."""
    of = f", profile {shown['profile']}" if shown["profile"] else ""
    yield f"hearten {shown['command']}, {shown['file'] or 'no hearten.toml here'}{of}"
    given = [one for one in shown["settings"] if one["from"] != "default"]
    left = [one for one in shown["settings"] if one["from"] == "default"]
    yield from _rows("set", [(one["name"], _said(one["value"]), _from(one)) for one in given])
    told = [one for one in left if one["value"] not in (None, [])]
    yield from _rows("default", [(one["name"], _said(one["value"]), "") for one in told])
    rows = [(one["corpus"], one["source"], _from(one)) for one in shown["sources"]]
    yield from _rows("corpora", rows)
    rows = [
        (one["name"], f"{one['model']} at {one['address'] or '--base-url'}", one["key"] or "")
        for one in shown["models"]
    ]
    yield from _rows("models", rows)
    keys = [(one["variable"], masking.MASK, "environment") for one in shown["keys"] if one["set"]]
    yield from _rows("keys", keys)


def _rows(heading: str, rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    if rows:
        yield f"{heading}:"
        first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
        for name, value, origin in rows:
            yield f"  {name:<{first}}  {value:<{min(second, 40)}}  {origin}".rstrip()


def _from(one: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (one["from"], one["where"])))


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return json.dumps(value) if isinstance(value, bool) else str(value)
