"""What is wrong with a command line, as one line: unknown words, values given twice, bad values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperArgument, TyperOption

from builders import __version__
from builders.cli.help import Context, choices_of, range_of, spelling, type_of
from builders.errors import UsageError, nearest

HELP = ("-h", "--help")
Given = dict[str, list[str]]
_KINDS = {int: "a whole number", float: "a number"}


def asked_beside(args: list[str]) -> list[str]:
    """Return a command line without what does not matter beside `--help`; print the version."""
    if "--version" in args:
        print(f"hearten {__version__}")
        raise typer.Exit
    return ["--help"] if {*HELP} & {*args} else args


def check(params: Sequence[Any], args: Sequence[str], command: str) -> Given:
    """Compare a command line with what a command takes.

    Args:
        params: the options and arguments of the command.
        args: the command line behind the command's name.
        command: the command as it is called.

    Returns:
        By name of a parameter, what was written for it.

    Raises:
        UsageError: an option that there is not, one without its value or with one too many, one
            that was given twice, or an argument too many.
    """
    options = {word: p for p in params for word in (*p.opts, *p.secondary_opts)}
    options = {word: p for word, p in options.items() if word.startswith("-")}
    given: Given = {}
    for word, value in _words(options, args, command):
        name = options[word].name if word else ""
        given.setdefault(name, []).append(value if value is not None else word)
    for option in params:
        if isinstance(option, TyperOption):
            _check_once(option, given.get(option.name, []))
    _check_count([p for p in params if isinstance(p, TyperArgument)], given.pop("", []), command)
    return given


def _words(
    options: dict[str, TyperOption], args: Sequence[str], command: str
) -> Iterator[tuple[str, str | None]]:
    """Yield each option with its value, and each argument with no option."""
    left = iter(args)
    for word in left:
        if word == "--":
            yield from (("", one) for one in left)
        elif not word.startswith("-") or word == "-":
            yield "", word
        else:
            name, equals, value = word.partition("=")
            if name not in options:
                raise _unknown(name, options, command)
            yield name, _value(name, options, value if equals else None, left, command)


def _value(
    name: str,
    options: dict[str, TyperOption],
    value: str | None,
    left: Iterator[str],
    command: str,
) -> str | None:
    """Return the value of an option, None for a flag."""
    if options[name].is_flag:
        if value is not None:
            raise UsageError(f"{name} takes no value, and {value!r} is given", do="leave it out")
        return None
    found = next(left, None) if value is None else value
    if found is None or found.partition("=")[0] in options:
        raise UsageError(
            f"{name} is given without a value",
            expected=spelling(options[name]),
            do=f"{command} --help says more",
        )
    return found


def _unknown(word: str, options: dict[str, TyperOption], command: str) -> UsageError:
    near = nearest(word, [name for name in options if name.startswith("--")])
    return UsageError(
        f"there is no option {word}",
        do=f"did you mean {near}?" if near else f"{command} --help lists the options",
    )


def _check_once(option: TyperOption, said: Sequence[str]) -> None:
    """Raise UsageError where an option that takes one value was given several."""
    said = [*dict.fromkeys(said)] if option.is_flag else said
    if option.multiple or len(said) <= 1:
        return
    *first, last = said if option.is_flag else map(repr, said)
    values = f"{', '.join(first)} and {last}"
    if option.is_flag:
        raise UsageError(f"{values} exclude each other", do="leave one of them out")
    times = "twice" if not first[1:] else f"{len(said)} times"
    raise UsageError(
        f"{option.opts[0]} is given {times}: {values}", expected="one value", do="leave one out"
    )


def _check_count(params: Sequence[TyperArgument], said: Sequence[str], command: str) -> None:
    if len(said) > len(params) and not any(p.nargs == -1 for p in params):
        takes = " ".join(spelling(p) for p in params)
        raise UsageError(
            f"{said[len(params)]!r} is one argument too many",
            expected=f"{command} {takes}" if takes else "options only",
            do=f"{command} --help lists the options",
        )


def bad_value(error: typer.BadParameter, given: Given, context: Context) -> UsageError:
    """Return what is wrong with a value, or that there is none, in the form of our own errors."""
    param: Any = error.param
    if not isinstance(param, TyperOption | TyperArgument):
        return UsageError(error.format_message().rstrip("."))
    word = param.opts[0] if isinstance(param, TyperOption) else spelling(param)
    choices = choices_of(param)
    expected = _expected(param, choices)
    said, where = _said(param, given, context)
    if not said:
        return UsageError(
            f"{word} is missing",
            expected=expected if choices else _as_noun(param.help or ""),
            do=f"{context.command_path} --help says more",
        )
    wrong = next((value for value in said if value not in choices), said[-1])
    near = nearest(wrong, choices)
    return UsageError(
        f"{word} is {wrong!r}",
        where=where,
        expected=expected or error.message.rstrip("."),
        do=f"did you mean {near}?" if near else f"{context.command_path} --help says more",
    )


def _expected(param: TyperOption | TyperArgument, choices: Sequence[str]) -> str | None:
    if choices:
        return f"one of {', '.join(choices)}"
    kind = _KINDS.get(type_of(param))
    if kind and param.max is None and param.min is not None:
        return f"{kind} of at least {param.min:g}"
    return " ".join(filter(None, (kind, range_of(param)))) if kind else None


def _as_noun(help_text: str) -> str:
    return help_text[:1].lower() + help_text[1:].rstrip(".")


def _said(
    param: TyperOption | TyperArgument, given: Given, context: Context
) -> tuple[Sequence[str], str | None]:
    """Return what was said for a parameter, and where if that was not the command line."""
    if said := given.get(param.name):
        return said, None
    found, where = param.value_from_envvar(context), str(param.envvar)
    if found is None:
        found, where = context.lookup_default(param.name), "hearten.toml"
    if found is None:
        return (), None
    return [*map(str, found)] if isinstance(found, list | tuple) else [str(found)], where
