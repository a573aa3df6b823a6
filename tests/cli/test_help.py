"""Help: options under headings, nothing cut off, 80 columns, and nothing heavy loaded for it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from builds import environment, hearten

from builders.cli import app
from builders.cli.help import FEW, GROUPS_FILE, grouped, groups_of


def contexts():
    """Yield each command of `hearten`, and of its groups, in a context as it is called."""
    root = typer.main.get_command(app)
    queue = [root.context_class(root, info_name="hearten")]
    while queue:
        context = queue.pop(0)
        yield context
        for name, command in getattr(context.command, "commands", {}).items():
            settings = command.context_settings
            queue.append(command.context_class(command, info_name=name, parent=context, **settings))


CONTEXTS = {context.command_path: context for context in contexts()}


def options_of(context):
    return [p for p in context.command.get_params(context) if p.param_type_name == "option"]


@pytest.mark.parametrize("path", CONTEXTS)
def test_help_fits_80_columns_and_is_whole(path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = CONTEXTS[path].command.get_help(CONTEXTS[path])
    assert max(map(len, shown.splitlines())) <= 80
    assert "..." not in shown.replace("[ARGS]...", "")
    words = " ".join(shown.split())
    for option in options_of(CONTEXTS[path]):
        assert option.help, option.name
        assert " ".join(option.help.split()) in words, option.name
    for command in getattr(CONTEXTS[path].command, "commands", {}).values():
        assert " ".join(command.help.partition("\n\n")[0].split()) in words, command.name


@pytest.mark.parametrize("path", CONTEXTS)
def test_many_options_stand_under_headings_and_none_is_forgotten(path):
    key = path.removeprefix("hearten ")
    names = [option.name for option in options_of(CONTEXTS[path])]
    groups = groups_of(key)
    assert groups or len(names) <= FEW + 1, f"write a table [{key}] into {GROUPS_FILE.name}"
    if groups:
        listed = [name for group in groups.values() for name in group]
        assert sorted(listed) == sorted(names), f"[{key}] of {GROUPS_FILE.name}"


def test_every_command_stands_under_a_heading():
    listed = [name for group in groups_of("commands").values() for name in group]
    assert sorted(listed) == sorted(CONTEXTS["hearten"].command.commands)


def test_everyday_options_come_first():
    shown = hearten("build", "--help").out
    headings = re.findall(r"^(\w.*):$", shown, re.M)
    assert headings[0] == "Most used" and len(headings) > 7
    assert shown.index("--corpus") < shown.index("--model") < shown.index("--top-p")


def test_an_option_without_a_heading_is_shown_all_the_same():
    assert grouped(["a", "new"], {"Most used": ["a", "gone"]}) == {
        "Most used": ["a"],
        "Other options": ["new"],
    }


def test_help_says_the_same_wherever_it_is_printed():
    plain = hearten("judge", "--help", COLUMNS="80").out
    assert plain == hearten("judge", "-h", COLUMNS="80", NO_COLOR="1", TERM="dumb").out
    assert plain == hearten("judge", "--help", COLUMNS="200", FORCE_COLOR="1").out
    words = " ".join(plain.split())
    assert "[default: 400; at least 50]" in words and "[repeatable; env: HEARTEN_BASE" in words


def test_help_is_answered_beside_anything_else():
    for line in (("build", "--modle", "x", "--help"), ("export", "-h", "somewhere")):
        ended = hearten(*line)
        assert ended.code == 0 and "Most used:" in ended.out and not ended.err


def test_the_version_is_told_by_both_commands():
    from builders import __version__

    for line in (("--version",), ("build", "--version"), ("status", "--version")):
        ended = hearten(*line)
        assert (ended.code, ended.out) == (0, f"hearten {__version__}\n")
    own = "import sys; sys.argv[1:] = ['--version']\nfrom builders.cli import build_main as b; b()"
    ended = subprocess.run(
        [sys.executable, "-c", own], capture_output=True, text=True, env=environment()
    )
    assert ended.stdout == f"hearten {__version__}\n"


def test_build_alone_says_what_is_missing(tmp_path):
    own = "import sys; sys.argv[1:] = []\nfrom builders.cli import build_main as b; b()"
    ended = subprocess.run(
        [sys.executable, "-c", own],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=tmp_path,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --corpus is missing") and ended.stderr.count("\n") == 1


def test_help_needs_none_of_the_libraries_that_builds_need():
    code = (
        "import sys; sys.argv = ['build', '--help']\n"
        "from builders.cli import build_main\n"
        "try: build_main()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('rich', 'pydantic', 'numpy', 'jinja2', 'sqlalchemy', 'orjson')"
        " if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert shown.stdout.rstrip().endswith("[]")
