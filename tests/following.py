"""Follows a page of documentation: runs its commands and its Python, and compares what is shown.

A page is read as by somebody who has the corpora it names (they are the samples that come along), a
server at each address it names (the test endpoint) and an account at the Hub (a Hub on loopback).
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from builds import ROOT, Ended, environment, hearten
from documents import Block, Document
from endpoints import TestEndpoint
from hub.client import REPO
from hub.server import LoopbackHub
from serving import Server

from builders.llm.prices import price_of
from builders.release.rules import read_rules
from builders.settings.file import load_settings

# A corpus by the folder that the pages name.
_SOURCES = {
    "MELD.Raw": "meld",
    "CREMA-D": "crema_d",
    "EmoWOZ": "emowoz",
}
_SERVED = re.compile(r"http://127\.0\.0\.1:8\d\d\d/v1")
_CODE = re.compile(r"with the sample: exit code (\d)")
_ELSEWHERE = "[…]"
_BUILD = re.compile(r"^(\s*)\S*build --corpus")  # it is spelt as it was called
_PORT = re.compile(r"(http://[\d.]+):\d+")
_DEMO = ("build", "--corpus", "meld", "--sample")


def prepare(folder: Path) -> None:
    """Make a folder as it is after the README's first command, with the corpora beside it."""
    for name, slug in _SOURCES.items():
        (folder / name).symlink_to(ROOT / "builders" / "corpora" / slug / "sample")
    assert hearten(*_DEMO, cwd=folder).code == 0


class Place:
    """A prepared folder in which a page is followed, with a server and a Hub."""

    def __init__(self, folder: Path, endpoint: TestEndpoint, hub: LoopbackHub) -> None:
        self.folder = folder
        self.endpoint = endpoint
        self.surroundings = {
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "hf_test",
            "HF_HOME": str(folder / "home"),
            "HF_HUB_DISABLE_XET": "1",
        }

    def follow(self, page: Document) -> None:
        """Run all blocks of a page, in order."""
        for block in page.blocks:
            getattr(self, f"_{block.kind}")(block)

    def _console(self, block: Block) -> None:
        due = _CODE.search(block.note)
        for line, shown in block.commands:
            program, *arguments = shlex.split(_SERVED.sub(self.endpoint.base_url, line))
            arguments = [one.replace("ORG/NAME", REPO) for one in arguments]
            if program == "pip":
                check_install(arguments)
            elif (program, *arguments[:1]) == ("hearten", "review"):
                self._review(arguments[1:], shown)
            else:
                ended = self._run(program, arguments)
                assert ended.code == (int(due[1]) if due else 0), f"{line}\n{ended.err}"
                compare(shown, (ended.out + ended.err).replace(REPO, "ORG/NAME"))

    def _run(self, program: str, arguments: list[str]) -> Ended:
        if program == "make":
            arguments = made(arguments)
        elif program == "build":
            arguments = ["build", *arguments]
        else:
            assert program == "hearten", f"nobody knows how to run {program}"
        return hearten(*arguments, cwd=self.folder, **self.surroundings)

    def _review(self, arguments: list[str], shown: list[str]) -> None:
        folder, *options = arguments
        with Server(self.folder / folder, *options) as server:
            compare(shown, _PORT.sub(r"\1:8765", "\n".join(server.lines)))

    def _python(self, block: Block) -> None:
        done = subprocess.run(
            [sys.executable, "-c", block.text.replace("ORG/NAME", REPO)],
            cwd=self.folder,
            env=environment(**self.surroundings),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip(), "it prints nothing"

    def _json(self, block: Block) -> None:
        """Write the file that the comment before a block names."""
        (self.folder / block.note.removeprefix("file: ")).write_text(block.text, "utf-8")

    def _toml(self, block: Block) -> None:
        path = self.folder / "shown.toml"
        path.write_text(block.text, "utf-8")
        load_settings(path)
        settings = tomllib.loads(block.text)
        read_rules(settings.get("publish", {}))
        for model in settings.get("prices", {}):
            assert price_of(model, settings["prices"])

    def _text(self, block: Block) -> None:
        """Find the files that a tree shows; the first line is the folder."""
        first, *rest = block.text.splitlines()
        if not first.endswith("/"):
            return
        for line in rest:
            name = re.sub(r"<\w+>|N{5}", "*", line.split()[0])
            assert list((self.folder / first).glob(name.rstrip("/"))), f"{first}{name} is not there"

    def _sh(self, block: Block) -> None:
        """Leave the trainers' start lines to their own test."""


def made(arguments: list[str]) -> list[str]:
    """Return what `make TARGET` runs as the last line of its recipe, without the program."""
    recipe = (ROOT / "Makefile").read_text("utf-8").split(f"\n{arguments[0]}:")[1].split("\n\n")[0]
    return shlex.split(recipe.splitlines()[-1].split("$(BIN)/")[1])


def check_install(arguments: list[str]) -> None:
    """Find the extras and files that a line of `pip install` names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for argument in arguments[1:]:
        if found := re.match(r"\.\[([\w,-]+)\]$", argument):
            unknown = {*found[1].split(",")} - {*project["optional-dependencies"]}
            assert not unknown, f"no extra {unknown}"
        elif argument.endswith(".txt"):
            assert (ROOT / argument).is_file(), argument


def compare(shown: list[str], printed: str) -> None:
    """Find the lines that are shown among those that were printed, in their order."""
    assert shown, f"a command shows nothing of what it prints; show at least {_ELSEWHERE}"
    lines = iter([_BUILD.sub(r"\1build --corpus", line).rstrip() for line in printed.splitlines()])
    for line in shown:
        wanted = _BUILD.sub(r"\1build --corpus", line)
        assert line == _ELSEWHERE or wanted in lines, f"not printed here: {line}\n{printed}"
