"""A wheel of the project, installed into fresh environments and used from an empty folder."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from zipfile import ZipFile

import pytest
from builds import ROOT, Ended, hearten, one_line_error, samples
from filelock import FileLock
from locked import LOCKS

from builders import __version__

pytestmark = pytest.mark.slow

CONTENT = ("schemas", "label_maps", "prompts")
WARNING = "phrasebook: for trying out, not for training"
PYTHONS = ("3.11", "3.12", "3.13")
# What a core install took on x86_64, Python 3.11, before its packages were locked, in whole MB, one
# more for what finds telephone numbers, four for what tells languages by their letters, and three
# for the validator whose errors name the path.
PACKAGES_ONCE = 655 + 1 + 4 + 3


@cache
def interpreter(version: str) -> str | None:
    """Return a Python of a version, from the path or from pyenv, if there is one that starts."""
    found = [shutil.which(f"python{version}")]
    found += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"), reverse=True)
    for path in filter(None, found):
        say = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(say, capture_output=True, text=True).stdout == f"{version}\n":
            return str(path)
    return None


@pytest.fixture(scope="module")
def wheel(shared_folder: Path) -> Path:
    folder = shared_folder / "dist"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            # Isolated: pip looks neither into the checkout nor at PYTHONPATH.
            pip = [sys.executable, "-I", "-m", "pip", "wheel", "-q", "--no-build-isolation"]
            subprocess.run([*pip, ROOT, "--no-deps", "-w", folder], check=True)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module", params=PYTHONS)
def venv(request: pytest.FixtureRequest, wheel: Path, shared_folder: Path) -> Path:
    """An environment with the wheel, and for all that it needs what the lock has."""
    python = interpreter(request.param)
    if not python:
        pytest.skip(f"there is no Python {request.param} here")
    folder = shared_folder / f"installed-{request.param}"
    with FileLock(f"{folder}.lock"):
        if not (folder / "bin" / "hearten").exists():
            install(python, wheel, folder)
    return folder


def install(python: str, wheel: Path, folder: Path) -> None:
    """Make an environment with the core lock, and then the wheel, which may ask for no more."""
    subprocess.run([python, "-I", "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-I", "-m", "pip", "install", "-q"]
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", LOCKS / "core.txt"]
    subprocess.run([*pip, *locked], check=True)
    alone = {**os.environ, "PIP_FIND_LINKS": ""}
    subprocess.run([*pip, "--no-index", wheel], check=True, env=alone)


def run(venv: Path, program: str, *arguments: str, cwd: Path) -> Ended:
    """Run a program of the environment elsewhere, with next to nothing in its surroundings."""
    line = [venv / "bin" / program, *arguments]
    surroundings = {"PATH": "/usr/bin:/bin", "HOME": str(cwd)}
    done = subprocess.run(line, capture_output=True, text=True, cwd=cwd, env=surroundings)
    return Ended(done.returncode, done.stdout, done.stderr)


def printed(venv: Path, expression: str, cwd: Path) -> list[str]:
    """Return the lines that an expression about the installed package prints as."""
    code = f"import sys; from builders import resources; print(*{expression}, sep='\\n')"
    ended = run(venv, "python", "-c", code, cwd=cwd)
    assert ended.code == 0, ended.err
    return ended.out.splitlines()


def files(folder: Path) -> set[str]:
    """Return the files below a folder that are not made by running them."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_package_and_the_three_content_folders_and_nothing_else(wheel):
    expected = {f"builders/{name}" for name in files(ROOT / "builders")}
    for folder in CONTENT:
        expected |= {f"builders/_content/{folder}/{name}" for name in files(ROOT / folder)}
    held = set(ZipFile(wheel).namelist())
    about = {name for name in held if name.startswith(f"hearten-{__version__}.dist-info/")}
    assert held - about == expected
    assert {Path(name).name for name in about} >= {"METADATA", "entry_points.txt", "LICENSE"}
    assert {Path(name).suffix for name in held} >= {".j2", ".css", ".toml", ".tsv", ".csv", ".mp4"}


def test_the_installed_package_finds_its_content_inside_itself(venv, tmp_path):
    (root,) = printed(venv, "[resources.content_root()]", tmp_path)
    assert Path(root).is_relative_to(venv) and Path(root).name == "_content"
    searched = [Path(entry) for entry in printed(venv, "sys.path", tmp_path)]
    assert not [entry for entry in searched if entry.is_relative_to(ROOT)]


def test_the_sample_builds_from_another_folder_as_it_does_in_a_checkout(venv, tmp_path):
    ended = run(venv, "build", "--corpus", "meld", "--sample", cwd=tmp_path)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0] == lines[-1] == WARNING
    assert "32 read = 31 kept + 1 rejected + 0 not selected" in lines
    folder = tmp_path / "output" / "meld-sample"
    assert (folder / "manifest.json").is_file()
    page = (folder / "report.html").read_text()
    assert "<style>\n:root {" in page and "<svg" in page
    hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path, HEARTEN_OUTPUT="checkout")
    assert samples(folder) == samples(tmp_path / "checkout" / "meld-sample")


def test_the_installed_command_says_its_version(venv, tmp_path):
    ended = run(venv, "hearten", "--version", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, f"hearten {__version__}\n"), ended.err


def test_the_installed_command_lists_the_corpora(venv, tmp_path):
    ended = run(venv, "hearten", "corpora", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert any(line.startswith("meld: ") for line in ended.out.splitlines())


def test_the_installed_command_says_which_counts_of_the_sample_differ(venv, tmp_path):
    (source,) = printed(venv, "[resources.corpora() / 'meld' / 'sample']", tmp_path)
    ended = run(venv, "hearten", "verify", "--corpus", "meld", "--source", source, cwd=tmp_path)
    assert ended.code == 4
    differing = [line.split() for line in ended.out.splitlines() if "  differs: " in line]
    assert "train utterances 17 differs: 9,989 published".split() in differing
    assert one_line_error(ended).startswith(
        f"error: {len(differing)} counts differ from the published ones"
    )


def test_a_core_install_is_no_larger_than_it_was(venv, record_property):
    (site,) = venv.glob("lib/python*/site-packages")
    beside = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "builders"}
    beside |= {"distutils-precedence.pth"}
    beside |= {path.name for path in site.glob("*.dist-info")}  # they hold paths of the machine
    sizes: dict[str, int] = {}
    for path in site.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(site).parts[0]
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    ours = sizes.get("builders", 0)
    packages = sum(size for name, size in sizes.items() if name not in beside)
    record_property(
        f"core install, {site.parent.name}",
        f"{packages / 1e6:.1f} MB of packages, {ours / 1e6:.1f} MB of our own",
    )
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:8]
    if site.parent.name == "python3.11" and os.uname().machine == "x86_64":
        assert round(packages / 1e6) <= PACKAGES_ONCE, {name: sizes[name] for name in largest}


def test_uvx_runs_the_wheel_from_an_empty_folder(wheel, tmp_path):
    uvx = [Path(sys.executable).with_name("uvx"), "--python", sys.executable]
    line = [
        *uvx,
        "-c",
        LOCKS / "core.txt",
        "--from",
        wheel,
        "build",
        "--corpus",
        "meld",
        "--sample",
    ]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "32 read = 31 kept + 1 rejected + 0 not selected" in done.stdout
    assert (tmp_path / "output" / "meld-sample" / "report.html").is_file()
