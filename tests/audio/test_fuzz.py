"""Damaged files, for a quarter of a minute and, with the slow tests, for a whole one.

`fuzz_decode.py` alone goes on for as long as it is told.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from builds import environment

SCRIPT = Path(__file__).with_name("fuzz_decode.py")
ROOT = SCRIPT.parents[2]


@pytest.mark.parametrize("seconds", [15, pytest.param(60, marks=pytest.mark.slow)])
def test_damaged_files_end_in_a_clip_or_a_reason_and_take_little_memory(tmp_path, seconds):
    told = ("--seconds", seconds, "--folder", tmp_path / "f")
    command = [sys.executable, "-W", "error", SCRIPT, *told]
    paths = f"{ROOT}:{ROOT / 'tests'}"
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=paths),
    )
    assert done.returncode == 0, f"{done.stderr[-2000:]}; the file is in {tmp_path / 'f'}"
    came = json.loads(done.stdout)
    assert came["files"] > 15 * seconds
    for outcome in ("decoded", "clip_truncated", "clip_unreadable", "clip_empty"):
        assert came[outcome] > seconds / 6, came
    assert came["longest"] < 20
    assert came["peak_mb"] < 500
