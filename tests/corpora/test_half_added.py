"""A corpus that is half added ends every command in one line, before anything is written."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from builds import environment

from builders import resources

PARTS = ("reader.py", "counts.tsv", "defects.tsv", "sample")


@pytest.fixture
def content(tmp_path):
    """A copy of the corpora and of the tables, in which `newcomer` is MELD under another name."""
    corpora, tables = tmp_path / "corpora", tmp_path / "content"
    shutil.copytree(resources.corpora() / "meld", corpora / "newcomer")
    for name in ("schemas", "label_maps", "prompts"):
        shutil.copytree(resources.content_root() / name, tables / name)
    emotion = tables / "label_maps" / "emotion"
    for kind in ("sssom", "rules"):
        if (emotion / f"meld.{kind}.tsv").exists():
            shutil.copy(emotion / f"meld.{kind}.tsv", emotion / f"newcomer.{kind}.tsv")
    return tmp_path


def run(content, *told):
    code = (
        "import sys, builders.corpora\nfrom pathlib import Path\nfrom builders import resources\n"
        f"resources.corpora = lambda: Path({str(content / 'corpora')!r})\n"
        f"resources.content_root = lambda: Path({str(content / 'content')!r})\n"
        f"builders.corpora.__path__.append({str(content / 'corpora')!r})\n"
        "from builders.cli import main\nsys.argv = ['hearten', *sys.argv[1:]]\nmain()\n"
    )
    command = [sys.executable, "-c", code, *map(str, told)]
    return subprocess.run(command, capture_output=True, text=True, cwd=content, env=environment())


BUILD = ("build", "--corpus", "newcomer", "--sample", "--text-only")


def test_a_whole_corpus_needs_no_list_to_be_found(content):
    ended = run(content, *BUILD)
    assert ended.returncode == 0, ended.stderr
    assert "32 read = " in ended.stdout


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("command", [BUILD, (*BUILD, "--estimate"), ("verify", *BUILD[1:3])])
def test_a_missing_part_is_named_in_one_line(content, part, command):
    place = content / "corpora" / "newcomer" / part
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    more = ("--source", resources.corpora() / "meld" / "sample") if command[0] == "verify" else ()
    ended = run(content, *command, *more)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    told = {"reader.py": "reader.py or names.toml"}.get(part, part)
    assert f"the corpus newcomer is incomplete: newcomer/{told} missing" in line
    assert "CONTRIBUTING.md" in line and not (content / "output").exists()


def test_labels_without_a_table_are_told(content):
    (content / "content" / "label_maps" / "emotion" / "newcomer.sssom.tsv").unlink()
    ended = run(content, *BUILD)
    (line,) = ended.stderr.splitlines()
    assert "emotion/newcomer.sssom.tsv missing" in line and ended.returncode == 1
