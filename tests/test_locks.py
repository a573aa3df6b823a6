"""The locks hold what pyproject.toml asks for, with hashes, for every machine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from builds import ROOT
from locked import LOCKS, name_of, pins
from packaging.requirements import Requirement

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PYPROJECT["project"]["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
WANTED = {
    "core": PYPROJECT["project"]["dependencies"],
    "test": [*PYPROJECT["project"]["dependencies"], *sum(EXTRAS.values(), [])],
    "build": [*PYPROJECT["build-system"]["requires"], *GROUPS["build"]],
    "sssom": GROUPS["sssom"],
}
ASKED = [(lock, each) for lock, wanted in WANTED.items() for each in sorted(set(wanted))]


@pytest.mark.parametrize(("lock", "asked"), ASKED)
def test_a_requirement_is_in_the_lock_at_a_version_that_satisfies_it(lock, asked):
    wanted = Requirement(asked)
    if wanted.name == PYPROJECT["project"]["name"]:
        assert wanted.extras <= set(EXTRAS)
        return
    held = pins(lock).get(name_of(wanted.name))
    assert held, f"locks/{lock}.txt has no {wanted.name}; run: make lock"
    assert held in wanted.specifier, f"locks/{lock}.txt has {wanted.name} {held}; run: make lock"


def test_all_names_all_extras_but_older_names_and_the_tests():
    (asked,) = EXTRAS["all"]
    older = {name for name, wanted in EXTRAS.items() if wanted[0].startswith("hearten[")}
    assert Requirement(asked).extras == set(EXTRAS) - older
    assert older == {"all", "test", "asr", "hub", "quality", "tts", "vad"}


def test_what_messages_tell_people_to_install_are_the_names_of_today():
    named: set[str] = set()
    for path in (ROOT / "builders").rglob("*.py"):
        text = path.read_text("utf-8")
        named |= {*re.findall(r"hearten\[([\w,-]+)\]", text)}
        named |= {*re.findall(r'^_?(?:\w+_)?EXTRA = "([\w-]+)"', text, re.MULTILINE)}
    (asked,) = EXTRAS["all"]
    assert named == Requirement(asked).extras


@pytest.mark.parametrize("lock", WANTED)
def test_every_version_is_held_by_hashes_and_nothing_says_from_where(lock):
    text = (LOCKS / f"{lock}.txt").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    entry = r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.fullmatch(f"({entry})+", "\n".join(lines) + "\n")


def test_the_locks_agree_on_versions():
    whole = pins("test")
    for lock in ("core", "build", "sssom"):
        other = pins(lock)
        both = whole.keys() & other.keys()
        assert {name: other[name] for name in both} == {name: whole[name] for name in both}
    assert pins("core").keys() <= whole.keys()


@pytest.mark.slow
def test_a_file_with_another_hash_is_not_installed(tmp_path):
    text = (LOCKS / "build.txt").read_text("utf-8")
    entry = re.search(r"^editables==.*?(?=^\w)", text, re.MULTILINE | re.DOTALL)
    lock = tmp_path / "lock.txt"
    line = [sys.executable, "-I", "-m", "pip", "install", "--target", tmp_path / "to"]
    line += ["--no-deps", "--require-hashes", "-r", lock]
    lock.write_text(entry[0])
    assert subprocess.run(line, capture_output=True).returncode == 0
    lock.write_text(re.sub("sha256:.", "sha256:f", entry[0]))
    refused = subprocess.run([*line, "--upgrade"], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "DO NOT MATCH THE HASHES" in refused.stderr


@pytest.mark.slow
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("lock", ["build", "core", "test"])
def test_wheels_of_the_lock_exist_for_every_machine(lock, python, machine, tmp_path):
    uv = Path(sys.executable).with_name("uv")
    line = [uv, "pip", "install", "--dry-run", "--target", tmp_path / "none", "--require-hashes"]
    line += ["--only-binary", ":all:", "--python-version", python]
    line += ["--python-platform", f"{machine}-manylinux_2_28", "-r", LOCKS / f"{lock}.txt"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
