"""Label maps are valid SSSOM: by its rules as said here, and by the standard's own library.

The library brings a hundred packages, so that it is asked in an environment of its own, by a slow
test. It is the laxer of the two: it fills in what is missing, and finds wrong values alone.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from locked import LOCKS

from builders import resources

MAPS = sorted((resources.label_maps() / "emotion").rglob("*.sssom.tsv"))
# Of the slots that the standard has (version 1.0), those that a map of ours uses.
OF_SET = (
    "curie_map mapping_set_id mapping_set_version mapping_set_title license extension_definitions"
).split()
REQUIRED = ["subject_id", "predicate_id", "object_id", "mapping_justification"]
COLUMNS = [*REQUIRED, "subject_label", "object_label", "comment"]
CURIES = [*REQUIRED]
JUSTIFICATION = "semapv:ManualMappingCuration"


def read(text: str) -> tuple[dict, list[dict]]:
    """Return the header of a map, and its rows."""
    lines = text.splitlines()
    header = yaml.safe_load("\n".join(line[1:] for line in lines if line.startswith("#")))
    rows = csv.DictReader(
        [line for line in lines if not line.startswith("#")], delimiter="\t", quoting=csv.QUOTE_NONE
    )
    return header, list(rows)


def faults(text: str) -> list[str]:
    """Return what is wrong with a map by the rules of the standard."""
    header, rows = read(text)
    found = [f"unknown slot {name}" for name in header if name not in OF_SET]
    found += [f"no {name}" for name in ("mapping_set_id", "license") if name not in header]
    own = [each["slot_name"] for each in header.get("extension_definitions", ())]
    found += [f"unknown column {name}" for name in rows[0] if name not in [*COLUMNS, *own]]
    found += [f"no column {name}" for name in REQUIRED if name not in rows[0]]
    for n, row in enumerate(rows):
        found += [f"{n}: no {name}" for name in REQUIRED if not row.get(name)]
        curies = [row[name] for name in CURIES if row.get(name)]
        found += [f"{n}: {c}" for c in curies if c.split(":")[0] not in header["curie_map"]]
        found += [f"{n}: justified"] * (row.get("mapping_justification") != JUSTIFICATION)
    return found


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.name)
def test_a_map_keeps_the_rules_of_the_standard(path):
    text = path.read_text("utf-8")
    assert faults(text) == []
    assert len(read(text)[1]) > 4


# What is replaced in MELD's map, so that it is none any more; the library finds the first ones.
BY_LIBRARY = 2
BREAKS = {
    "a prefix is declared nowhere": ("meld:fear", "melt:fear"),
    "no such justification": (JUSTIFICATION, "semapv:Guessed"),
    "a required cell is empty": ("skos:exactMatch", ""),
    "the set has no name": ("#mapping_set_id:", "#mapping_set_title_of:"),
    "a required column is missing": ("mapping_justification\t", "mapping_justified\t"),
}


def broken(name: str) -> str:
    whole = (resources.label_maps() / "emotion" / "meld.sssom.tsv").read_text("utf-8")
    old, new = BREAKS[name]
    assert old in whole
    return whole.replace(old, new, 1)


@pytest.mark.parametrize("name", BREAKS)
def test_a_map_that_breaks_a_rule_is_found(name):
    assert faults(broken(name))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the standard's library, from its lock.

    By uv: three packages come as source alone, and uv holds what builds them to the lock as well.
    """
    venv = tmp_path_factory.mktemp("sssom") / "venv"
    uv = Path(sys.executable).with_name("uv")
    lock = LOCKS / "sssom.txt"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, venv], check=True)
    line = [uv, "pip", "install", "-q", "--python", venv / "bin" / "python", "--require-hashes"]
    subprocess.run([*line, "--build-constraints", lock, "-r", lock], check=True)
    return venv / "bin" / "python"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_standards_own_library_says_the_same(library, tmp_path):
    wrong = {name: tmp_path / f"{n}.sssom.tsv" for n, name in enumerate(BREAKS)}
    for name, path in wrong.items():
        path.write_text(broken(name), "utf-8")
    script = Path(__file__).with_name("validate_sssom.py")
    done = subprocess.run(
        [library, "-I", "-W", "ignore", script, *MAPS, *wrong.values()],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert {str(path): said[str(path)] for path in MAPS} == {str(path): [] for path in MAPS}
    found = [name for name, path in wrong.items() if said[str(path)]]
    assert found == list(BREAKS)[:BY_LIBRARY]
