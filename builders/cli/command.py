"""What all commands do alike: help under headings, and usage errors that name the right word."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from builders.cli import arguments
from builders.cli.file_defaults import file_defaults
from builders.cli.help import (
    Context,
    Formatter,
    name_of,
    spelling,
    write_commands,
    write_options,
)
from builders.errors import UsageError, nearest

# The parameter of --profile; that of `hearten export` is another thing under another name.
PROFILE = "settings_profile"


class Command(TyperCommand):
    """A command with options under headings; what takes one value is refused when given twice."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the command line; UsageError says what is wrong with it and what was expected."""
        args = arguments.asked_beside(args)
        given = arguments.check(self.get_params(ctx), args, ctx.command_path)
        if args != ["--help"]:
            ctx.default_map = file_defaults(name_of(ctx), next(iter(given.get(PROFILE, ())), None))
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            raise arguments.bad_value(error, given, ctx) from error

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the words behind the command's name in the line on usage."""
        named = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        words = [spelling(p) if p.required else f"[{spelling(p)}]" for p in named]  # type: ignore[arg-type]
        return ["[OPTIONS]", *words]

    def format_options(self, ctx: Context, formatter: Formatter) -> None:
        """Write what the command takes."""
        write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A group of commands, all of whose summaries are shown whole."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Read the command line up to the command's name; UsageError where there is none."""
        if args[:1] in (["--version"], ["-h"], ["--help"]):
            args = arguments.asked_beside(args[:1])
        if not args:
            raise UsageError(
                f"{ctx.command_path} needs the name of a command",
                expected=f"one of {', '.join(self.commands)}",
            )
        leading = [word for word in args[:1] if word.startswith("-")]
        arguments.check(self.get_params(ctx), leading, ctx.command_path)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:
        """Return the command that was named; UsageError where there is none of that name."""
        if args[0] not in self.commands:
            near = nearest(args[0], self.commands)
            raise UsageError(
                f"there is no command {args[0]!r}",
                expected=None if near else f"one of {', '.join(self.commands)}",
                do=f"did you mean {ctx.command_path} {near}?" if near else None,
            )
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: Context, formatter: Formatter) -> None:
        """Write the commands, then the few options of the group itself."""
        write_commands(self, ctx, formatter)
        write_options(self, ctx, formatter)


def equip(app: typer.Typer) -> None:
    """Give each command and group of an app these ways, so that none is left out."""
    app.info.cls = Group
    for command in app.registered_commands:
        if not (command.cls and issubclass(command.cls, Command)):
            command.cls = Command
        command.context_settings = {"help_option_names": [*arguments.HELP]}
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance:
            equip(group.typer_instance)
