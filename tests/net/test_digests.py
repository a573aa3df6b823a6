"""Builds, exports and publications are byte for byte what they were: see digests.py."""

from __future__ import annotations

import subprocess
import sys

import pytest
from net import digests


def same(*names: str) -> None:
    told = [part for name in names for part in ("--only", name)]
    script = [sys.executable, digests.__file__, *told]
    ended = subprocess.run(script, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("name", [*digests.SAMPLES, *digests.HELD])
def test_samples_and_held_builds_come_out_as_they_did(name):
    same(name)


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_real_tables_come_out_as_they_did(real_data, monkeypatch):
    monkeypatch.setenv("HEARTEN_REAL_DATA", str(real_data))
    same(*digests.REAL)
