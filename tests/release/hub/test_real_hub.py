"""The real Hub, when asked for: HEARTEN_HUB_REPO=ORG/NAME and HF_TOKEN; it stays private there."""

from __future__ import annotations

import os

import pytest
from builds import ROOT, hearten

# Read before any test cleans the environment.
REPO, TOKEN = os.environ.get("HEARTEN_HUB_REPO"), os.environ.get("HF_TOKEN")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REPO and TOKEN), reason="HEARTEN_HUB_REPO and HF_TOKEN are not set"),
]


def test_the_sample_goes_to_the_real_hub_and_comes_back(tmp_path):
    sample = ROOT / "builders" / "corpora" / "meld" / "sample"
    assert hearten("build", "--corpus", "meld", "--sample", cwd=tmp_path).code == 0
    publishing = ("publish", "output/meld-sample", "--repo", REPO, "--allow-phrasebook")
    first = hearten(*publishing, cwd=tmp_path, HF_TOKEN=TOKEN)
    assert first.code == 0, first.err
    again = hearten(*publishing, cwd=tmp_path, HF_TOKEN=TOKEN)
    assert "nothing changed" in again.out
    more = ("--source", sample, "--name", "back")
    back = hearten("hydrate", "--dataset", REPO, *more, cwd=tmp_path, HF_TOKEN=TOKEN)
    assert "data/ is byte-identical to the build" in back.out, back.err
