"""How `--help` looks: options under headings, whole sentences, 80 columns.

The headings, and what stands below each, are data: `option_groups.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from typer.core import TyperArgument, TyperOption

GROUPS_FILE = Path(__file__).with_name("option_groups.toml")
# So many options need no headings.
FEW = 8
# The column in which the texts begin, at most.
_LEFT = 26
_OTHER = "Other options"
# What stands for a value in the help, where the option does not say it itself.
_VALUES = {int: "N", float: "X", Path: "PATH", str: "TEXT"}
# Typer carries its own copy of click, whose contexts and formatters it does not export.
Context = Any
Formatter = Any
Row = tuple[str, str]


def groups_of(command: str) -> Mapping[str, Sequence[str]]:
    """Return the headings of a command, each with names of options; none for a short one."""
    groups: dict[str, dict[str, list[str]]] = tomllib.loads(GROUPS_FILE.read_text("utf-8"))
    return groups.get(command, {})


def name_of(context: Context) -> str:
    """Return a command as the table of headings has it, such as ``store upgrade``."""
    return str(context.command_path).removeprefix("hearten ")


def grouped(names: Sequence[str], groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the names under their headings; what has none stands last, so that it is not lost."""
    left = [name for name in names if not any(name in listed for listed in groups.values())]
    found = {head: [n for n in listed if n in names] for head, listed in groups.items()}
    return {head: listed for head, listed in {**found, _OTHER: left}.items() if listed}


def write_options(command: Any, context: Context, formatter: Formatter) -> None:
    """Write a command's arguments, then its options under their headings."""
    params = [p for p in command.get_params(context) if not getattr(p, "hidden", False)]
    arguments = [_argument_row(p) for p in params if isinstance(p, TyperArgument)]
    options = {p.name: _option_row(p, context) for p in params if isinstance(p, TyperOption)}
    if context.parent is None:
        options["version"] = ("--version", "Print the version and exit.")
    width = _width([*arguments, *options.values()])
    _section("Arguments", arguments, width, formatter)
    groups = groups_of(name_of(context))
    if not groups:
        _section("Options", [*options.values()], width, formatter)
        return
    for heading, names in grouped([*options], _with_version(groups)).items():
        _section(heading, [options[name] for name in names], width, formatter)


def write_commands(group: Any, context: Context, formatter: Formatter) -> None:
    """Write the commands of a group under their headings, with their whole summaries."""
    known = {n: c for n, c in group.commands.items() if not c.hidden}
    rows = {
        name: (name, str(command.help or "").partition("\n\n")[0])
        for name, command in known.items()
    }
    width = _width([*rows.values()])
    table = groups_of("commands") if context.parent is None else {}
    for heading, names in (grouped([*rows], table) if table else {"Commands": [*rows]}).items():
        _section(heading, [rows[name] for name in names], width, formatter)


def _with_version(groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the groups with `--version` beside `--help`."""
    return {h: [*n, "version"] if "help" in n else [*n] for h, n in groups.items()}


def _section(heading: str, rows: Sequence[Row], width: int, formatter: Formatter) -> None:
    if rows:
        with formatter.section(heading):
            formatter.write_dl([(left.ljust(width), text) for left, text in rows], width)


def _width(rows: Sequence[Row]) -> int:
    return max((len(left) for left, _ in rows if len(left) <= _LEFT), default=_LEFT)


def _argument_row(argument: TyperArgument) -> Row:
    notes = "" if argument.required else "  [optional]"
    return spelling(argument), f"{argument.help or ''}{notes}"


def _option_row(option: TyperOption, context: Context) -> Row:
    notes = "; ".join(_notes(option, context))
    return spelling(option), f"{option.help or ''}  [{notes}]" if notes else option.help or ""


def spelling(param: TyperOption | TyperArgument) -> str:
    """Return how an option or argument is written, with a word for its value."""
    if isinstance(param, TyperArgument):
        return param.metavar or param.name.upper()
    # The library keeps the two names of --help in a set.
    kinds = (sorted(param.opts, key=len), param.secondary_opts)
    both = " / ".join(", ".join(names) for names in kinds if names)
    return both if param.is_flag else f"{both} {_value(param)}"


def _value(option: TyperOption) -> str:
    if option.metavar:
        return option.metavar
    if choices := choices_of(option):
        return "|".join(choices)
    return _VALUES.get(type_of(option), "TEXT")


def choices_of(param: TyperOption | TyperArgument) -> tuple[str, ...]:
    """Return the values that an option may have; none where any may."""
    return tuple(map(str, param.type_descriptor.choices or ()))


def type_of(param: TyperOption | TyperArgument) -> Any:
    """Return the type of an option's value; of one that may be repeated, that of each."""
    annotation = param.type_descriptor.annotation
    inner = get_args(annotation)
    return inner[0] if param.multiple and inner else annotation


def _notes(option: TyperOption, context: Context) -> Iterator[str]:
    """Yield what the brackets behind a text hold."""
    if option.required:
        yield "required"
    if default := _default(option, context):
        yield f"default: {default}"
    if allowed := range_of(option):
        yield allowed
    if option.multiple:
        yield "repeatable"
    if option.envvar:
        yield f"env: {option.envvar}"


def _default(option: TyperOption, context: Context) -> str:
    """Return the default in words; nothing for a flag that is off, and where it is not told."""
    if isinstance(option.show_default, str):
        return option.show_default
    value = option.get_default(context, call=False)
    if not option.show_default or value is None or value is False:
        return ""
    if isinstance(value, bool) and option.secondary_opts:
        return option.opts[0].lstrip("-")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def range_of(param: TyperOption | TyperArgument) -> str:
    """Return which numbers are allowed, in words; nothing where that goes without saying."""
    low, high = param.min, param.max
    if high is not None:
        return f"from {low or 0:g} to {high:g}"
    return f"at least {low:g}" if low is not None and low > 1 else ""
