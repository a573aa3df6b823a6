"""Makes docs/cli.md from the help of the commands; `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator

import typer.main
from builds import hearten

from builders.cli import app

_HEAD = """# Command line

The help of every command, as it prints it. `make docs` writes this page.

`build` is short for `hearten build`. A [settings file](servers.md#settings-file) can hold options.
"""


def cli_page() -> str:
    """Return the page: the help of `hearten` and of every command, at 80 columns."""
    sections = [_section(words) for words in [(), *commands()]]
    return "\n".join([_HEAD, *sections])


def commands() -> Iterator[tuple[str, ...]]:
    """Yield every command of `hearten` as its words, groups of commands left out."""
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        yield from ((name, one) for one in inner) if inner else [(name,)]


def help_of(words: tuple[str, ...]) -> str:
    """Return the help of one command, as a terminal of 80 columns shows it."""
    return hearten(*words, "--help", COLUMNS="80").out


def _section(words: tuple[str, ...]) -> str:
    name = " ".join(("hearten", *words))
    return f"## {name}\n\n```text\n{help_of(words).strip()}\n```\n"
