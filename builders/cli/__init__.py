"""The command line: arguments in, one call out. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import typer

from builders import masking
from builders.cli import (
    ablate,
    audit,
    bring,
    build,
    check,
    config,
    corpora,
    diff,
    export,
    judge,
    mine,
    prompt,
    publish,
    redact,
    review,
    route,
    show,
    stats,
    status,
    store,
    tag,
    upgrade,
)
from builders.cli.command import equip
from builders.cli.options import OPTIONS
from builders.errors import HeartenError, OutputError, StoppedEarly, UsageError

# What the command line library returns instead of letting a KeyboardInterrupt through.
_INTERRUPTED = 130

app = typer.Typer(
    help="Build empathetic spoken-dialogue datasets from emotion speech corpora.",
    **OPTIONS,  # type: ignore[arg-type]
)
_build_app = typer.Typer(**OPTIONS)  # type: ignore[arg-type]
_build_app.command("build")(build.build_command)
for group in (
    build,
    bring,
    corpora,
    check,
    redact,
    route,
    tag,
    show,
    stats,
    diff,
    status,
    judge,
    ablate,
    mine,
    prompt,
    review,
    audit,
    export,
    publish,
    store,
    upgrade,
    config,
):
    app.add_typer(group.commands)
equip(app)
equip(_build_app)


def main() -> None:
    """Run `hearten`."""
    _run(app, "hearten")


def build_main() -> None:
    """Run `build`, which is `hearten build`."""
    _run(_build_app, "build")


def _run(command: typer.Typer, name: str) -> None:
    """Run a command; every error a user can meet is one line on stderr and its exit code."""
    arguments = sys.argv[1:] or ([] if name == "build" else ["--help"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    masking.learn_environment()
    # Whatever is printed passes here: lines, JSON, progress, tracebacks.
    sys.stdout, sys.stderr = masking.masking(sys.stdout), masking.masking(sys.stderr)
    try:
        code = _for(command, arguments[0])(arguments, prog_name=name, standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        sys.stdout.flush()
    except HeartenError as error:
        _print_the_rest()
        _fail(str(error), error.exit_code)
    except typer.TyperException as error:
        line = f"{error.format_message().rstrip('.')}; see {name} --help"
        _fail(line, UsageError.exit_code)
    except KeyboardInterrupt:
        _fail("stopped; run the same command again to continue", StoppedEarly.exit_code)
    except BrokenPipeError:
        _print_the_rest()


def _for(command: typer.Typer, word: str) -> typer.Typer:
    """Return an app with the group of the command that is named: to make all takes a while."""
    named = [group for group in command.registered_groups if word in _names(group.typer_instance)]
    if not named or config.commands in (group.typer_instance for group in named):
        return command  # `hearten config` reads the lines of other commands
    only = typer.Typer(**OPTIONS)  # type: ignore[arg-type]
    only.registered_groups = named
    only.info.cls = command.info.cls
    return only


def _names(made: typer.Typer | None) -> set[str | None]:
    """Return the names of the commands and groups of an app."""
    if made is None:
        return set()
    return {
        *(one.name for one in made.registered_commands),
        *(one.name for one in made.registered_groups),
    }


def _print_the_rest() -> None:
    """Print what is kept back; where that cannot be, drop it, or it is tried again at the end."""
    try:
        sys.stdout.flush()
    except (BrokenPipeError, OutputError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> None:
    with suppress(OutputError):
        print(f"error: {line}", file=sys.stderr)
    sys.exit(code)
