"""A wheel, installed elsewhere, does what the checkout does."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from builds import ROOT, manifest
from environments import Environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT]
    subprocess.run(command, check=True)
    return next(folder.glob("hearten-*.whl"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    environment = Environment(tmp_path_factory.mktemp("elsewhere") / "venv")
    environment.install("-c", ROOT / "constraints.txt", wheel)
    return environment


def test_wheel_holds_the_content_folders_and_the_sample_and_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "builders/_content/schemas/sample.schema.json",
        "builders/_content/schemas/field_aliases.tsv",
        "builders/_content/label_maps/emotion/meld.sssom.tsv",
        "builders/_content/prompts/draft/system.j2",
        "builders/corpora/meld/card.toml",
        "builders/corpora/meld/defects.tsv",
        "builders/corpora/meld/sample/train/train_splits/dia0_utt0.mp4",
        "builders/drafting/prices.toml",
        "builders/report/report.html.j2",
        "builders/report/style.css",
        "builders/py.typed",
    ):
        assert name in names, name
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.startswith("hearten-")} == {"builders"}


def test_installed_build_runs_from_another_folder(elsewhere, tmp_path):
    ended = elsewhere.run("build", "--corpus", "meld", "--sample", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert manifest(tmp_path / "output" / "meld-sample")["result"]["counts"]["kept"] == 31
    assert (tmp_path / "output" / "meld-sample" / "report.html").stat().st_size > 10_000
    found = elsewhere.run("python", "-c", "import builders; print(builders.__file__)", cwd=tmp_path)
    assert str(ROOT) not in found.stdout


def test_installed_commands_answer(elsewhere, tmp_path):
    assert elsewhere.run("hearten", "--version", cwd=tmp_path).stdout.startswith("hearten ")
    assert "meld" in elsewhere.run("hearten", "corpora", cwd=tmp_path).stdout
    sample = next(elsewhere.folder.rglob("builders/corpora/meld/sample"))
    ended = elsewhere.run("hearten", "verify", "--corpus", "meld", "--source", sample, cwd=tmp_path)
    assert ended.returncode == 4
    assert "train utterances" in ended.stdout and "published counts" in ended.stderr
