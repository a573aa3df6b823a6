"""Damaged corpora, a few hundred at once and, with the slow tests, 20,000.

`fuzz_readers.py` alone goes on for as many as it is told. What it found is in `test_any_bytes.py`.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builds import environment

from builders.corpora import slugs

SCRIPT = Path(__file__).with_name("fuzz_readers.py")
ROOT = SCRIPT.parents[2]


@pytest.mark.parametrize(
    ("inputs", "seed"), [(300, 0), pytest.param(20_000, 1, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(1_800)
def test_damaged_corpora_end_in_records_rejects_or_one_line(inputs, seed, tmp_path):
    told = ("--inputs", inputs, "--seed", seed, "--keep", tmp_path / "kept")
    done = subprocess.run(
        [sys.executable, *map(str, (SCRIPT, *told))],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    came = json.loads(done.stdout)
    assert came["broke"] == [], f"the folders are in {tmp_path / 'kept'}"
    assert came["inputs"] == came["read"] + came["refused"] == inputs
    assert came["read"] > inputs / 3 and came["refused"] > inputs / 10
    assert came["corpora"] == len(slugs())
    assert came["peak_mb"] < 500


def test_what_breaks_is_found_and_kept(tmp_path):
    """The fuzzer itself: with a reader that breaks, it says so."""
    code = (
        "import sys; sys.argv = ['fuzz_readers', '--inputs', '3', '--corpora', 'tess']\n"
        "from builders.corpora import named_clips\n"
        "def fails(*_): raise KeyError('tess')\n"
        "named_clips.NamedClips._gather = fails\n"
        "from corpora import fuzz_readers; fuzz_readers.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    broke = json.loads(done.stdout)["broke"]
    assert len(broke) == 3 and all("KeyError" in line for line in broke)
    assert (tmp_path / "fuzzed" / "tess-0").is_dir()
