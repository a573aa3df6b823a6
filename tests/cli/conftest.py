"""Builds that several modules look at."""

from __future__ import annotations

from collections import Counter

import pytest
from builds import hearten, samples
from endpoints import TestEndpoint
from looked_at import PLANNED, SOME, TEXT


@pytest.fixture(scope="session")
def asked(tmp_path_factory):
    """A folder with a build by a model that is corrected at times, what it was sent, and more."""
    here = tmp_path_factory.mktemp("asked")
    faults = [{"kind": "invalid_json", "probability": 0.3, "seed": 3}]
    with TestEndpoint(any_model=True, keep_bodies=True, faults=faults) as endpoint:
        told = (*TEXT, *PLANNED, "--model", "m", "--base-url", endpoint.base_url, "--show", 0)
        ended = hearten("build", *told, "--name", "meld", cwd=here)
        assert ended.code == 0, ended.err
        bodies = endpoint.log()["bodies"]
    return here, bodies


@pytest.fixture(scope="session")
def edited(tmp_path_factory):
    """Two phrasebook builds of one sample, the second of some targets, with fewer turns."""
    here = tmp_path_factory.mktemp("edited")
    for more in (("--name", "a"), ("--name", "b", *SOME)):
        ended = hearten("build", *TEXT, *more, "--show", 0, cwd=here)
        assert ended.code == 0, ended.err
    return here


@pytest.fixture(scope="session")
def with_clips(tmp_path_factory):
    """Two builds with clips, `all` and `less`: the second without clips with a rare flag."""
    here = tmp_path_factory.mktemp("with_clips")
    told = ("build", "--corpus", "crema_d", "--sample", "--output", here, "--show", 0)
    assert hearten(*told, "--name", "all").code == 0
    flags = Counter(f["code"] for r in samples(here / "all") for f in r["audio_info"]["findings"])
    flag = min(flags, key=flags.get)
    assert hearten(*told, "--name", "less", "--reject-finding", flag).code == 0
    return here, flag, flags[flag]
