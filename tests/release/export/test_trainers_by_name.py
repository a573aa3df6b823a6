"""A published dataset, trained on by its name alone, in the trainers' own environments."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest
from builds import hearten, samples
from hub.client import client_of
from hub.server import LoopbackHub
from releases import make_environment
from test_exports_trainers import INSTALLS, SCRIPTS

from builders.release.hub.release import PublishOptions, publish
from builders.release.rules import PublishRules

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# One without clips, one with clips and without splits, one of two parties.
CORPORA = ("meld", "crema_d", "emowoz")
NAMES = [f"org/{corpus}" for corpus in CORPORA]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A Hub with the samples, and the settings of a client that takes it for its own."""
    root = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch, LoopbackHub(root / "hub") as hub:
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        patch.setattr("builders.release.hub.release.check_loads", lambda *given: None)
        for corpus, name in zip(CORPORA, NAMES, strict=True):
            built = hearten("build", "--corpus", corpus, "--sample", "--output", root / "output")
            assert built.code == 0, built.err
            folder = root / "output" / f"{corpus}-sample"
            client = client_of(hub, repo=name)
            asked = PublishOptions(folder, name, allow_phrasebook=True)
            publish(asked, PublishRules(), client, lambda line: None)
        yield (
            root,
            {
                "HF_ENDPOINT": hub.url,
                "HF_TOKEN": "hf_test",
                "HF_HOME": str(root / "home"),
                "HF_HUB_DISABLE_XET": "1",
                "CUDA_VISIBLE_DEVICES": "",
                "HOME": str(root),
            },
        )


def told_by(trainer, published, script, *arguments):
    """Run a script in an environment with a trainer, and return what it prints last."""
    root, settings = published
    ((_, *wanted),) = INSTALLS[trainer]
    python = make_environment(root / trainer, *wanted)
    command = [str(part) for part in (python, "-I", SCRIPTS / script, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **settings})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_trl_starts_from_the_name_and_learns_the_replies_only(published):
    told = told_by("trl", published, "trl_from_hub.py", published[0] / "run", *NAMES)
    assert [*told] == NAMES
    for one in told.values():
        assert one["loss"] > 0 and one["replies"]
        assert one["learned"] == one["replies"]
        assert one["trained"] < one["tokens"] / 2


def test_ms_swift_starts_from_the_name_with_one_turn_to_learn_and_the_clip_of_the_row(published):
    told = told_by("ms-swift", published, "swift_from_hub.py", *NAMES)
    clips = {
        sample["desired_response"]["text"]: set()
        for sample in samples(published[0] / "output" / "crema_d-sample")
    }
    for sample in samples(published[0] / "output" / "crema_d-sample"):
        digest = hashlib.sha256(sample["audio"]["bytes"]).hexdigest()
        clips[sample["desired_response"]["text"]].add(digest)
    for name, rows in told.items():
        assert rows
        for row in rows:
            assert [role for role, _ in row["said"]] == ["user", "assistant"]
            marks = row["said"][0][1].count("<audio>")
            assert marks == len(row["clips"]) == (name == "org/crema_d")
            assert all(clip in clips[row["said"][1][1]] for clip in row["clips"])
