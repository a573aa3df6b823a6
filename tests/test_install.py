"""A wheel of the project, installed into a fresh environment and used from another folder."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from builds import ROOT, Ended, hearten, one_line_error, samples

from builders import __version__

pytestmark = pytest.mark.slow

CONTENT = ("schemas", "label_maps", "prompts")
WARNING = "phrasebook: for trying out, not for training"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Isolated: pip looks neither into the checkout nor at PYTHONPATH.
    pip = [sys.executable, "-I", "-m", "pip", "wheel", "-q"]
    subprocess.run([*pip, ROOT, "--no-deps", "-w", folder], check=True)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "python", "-I", "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", wheel], check=True)
    return folder


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
        f"error: {len(differing)} of the published counts differ"
    )
