"""A minute of damaged files; `fuzz_decode.py` alone goes on for as long as it is told."""

import json
import subprocess
import sys
from pathlib import Path

from builds import environment

SCRIPT = Path(__file__).with_name("fuzz_decode.py")
ROOT = SCRIPT.parents[2]


def test_damaged_files_end_in_a_clip_or_a_reason_and_take_little_memory(tmp_path):
    command = [sys.executable, "-W", "error", SCRIPT, "--seconds", "60", "--folder", tmp_path / "f"]
    paths = f"{ROOT}:{ROOT / 'tests'}"
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment(PYTHONPATH=paths),
    )
    assert done.returncode == 0, f"{done.stderr[-2000:]}; the file is in {tmp_path / 'f'}"
    came = json.loads(done.stdout)
    assert came["files"] > 1_000
    for outcome in ("decoded", "clip_truncated", "clip_unreadable", "clip_empty"):
        assert came[outcome] > 10, came
    assert came["longest"] < 20
    assert came["peak_mb"] < 500
