"""What was published, read by what trainers and catalogues read it with, each in its own place."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from builds import ROOT
from hub.client import REPO
from publishable import OPEN, make_build, sample
from releases import make_environment

pytestmark = pytest.mark.slow

LOAD = """
import json, sys
import datasets
from datasets import Audio, load_dataset
from builders.release.hub.fingerprints import Fingerprint

asked = json.load(sys.stdin)
told = {}
for config in asked["configs"]:
    splits = load_dataset(
        asked["repo"], config, revision="v1", streaming=asked["way"] == "streaming"
    )
    told[config] = {}
    for name, rows in splits.items():
        if "audio" in rows.features:
            assert isinstance(rows.features["audio"], Audio), rows.features["audio"]
            rows = rows.cast_column("audio", Audio(decode=False))
        seen = Fingerprint()
        seen.add(rows)
        told[config][name] = seen.as_json()
default = load_dataset(asked["repo"], revision="v1", split="train", streaming=True)
told["columns of the default"] = list(next(iter(
    default.cast_column("audio", Audio(decode=False))
)))
print(json.dumps([datasets.__version__, told]))
"""

CHECK = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = dataset.metadata.issues
print(json.dumps([sorted(issues.errors), sorted(issues.warnings),
                  [r.name for r in dataset.metadata.record_sets],
                  dataset.metadata.data_limitations is not None]))
"""


@pytest.fixture
def published(hub, tmp_path, terms, release, monkeypatch):
    """Publish every config, some rows of each, and return their fingerprints."""
    monkeypatch.setattr("builders.release.hub.release.check_loads", lambda *given: None)
    terms()
    review = {
        "status": "accepted",
        "policy": "majority",
        "reviewers": 1,
        "ratings": [],
        "flags": [],
        "emotion": {"heard": "anger", "policy": "unanimous", "votes": []},
    }
    measured = {"text_votes": 0, "audio_votes": 1.0, "votes": []}
    records = [
        sample(1, review=review, audio_contribution={**measured, "class": "text_solvable"}),
        sample(2, audio_contribution={**measured, "class": "audio_solvable"}),
        sample(3, review={**review, "status": "rejected"}),
        sample(4, split="all", review=review),
    ]
    release(make_build(tmp_path / "output" / "b", records))
    return json.loads(hub.read(REPO, "manifest.json"))["published"]["configs"]


@pytest.mark.parametrize("way", ["whole", "streaming"])
def test_a_release_of_datasets_loads_every_config_and_split(
    hub, published, datasets_release, way, tmp_path
):
    version, python = datasets_release
    surroundings = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_test",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [python, "-c", LOAD],
        input=json.dumps({"repo": REPO, "configs": list(published), "way": way}),
        capture_output=True,
        text=True,
        env={**os.environ, **surroundings},
    )
    assert done.returncode == 0, done.stderr
    used, told = json.loads(done.stdout.splitlines()[-1])
    assert used == version
    assert {"id", "audio", "prompt", "completion"} <= set(told.pop("columns of the default"))
    assert set(told) == {
        "default",
        "record",
        "utterances",
        "weak_audio",
        "strong_audio",
        "kto",
        "prompts",
    }
    assert told == published


@pytest.fixture(scope="session")
def croissant_checker(tmp_path_factory):
    """An interpreter with mlcroissant, whose stubs for pandas would change what mypy sees here."""
    return make_environment(tmp_path_factory.mktemp("croissant"), "mlcroissant==1.1.1")


@pytest.mark.parametrize("closed", [(), ("audio",), ("audio", "text", "labels", "derived")])
def test_the_croissant_document_is_valid(tmp_path, terms, release, croissant_checker, closed):
    rights = dict.fromkeys(closed, "no")
    terms(**rights)
    folder = make_build(tmp_path / "output" / "b", [sample(1, rights={**OPEN, **rights})])
    done = release(folder, dry_run=True)
    path = done.staged.folder / "croissant.json"
    ended = subprocess.run(
        [croissant_checker, "-I", "-c", CHECK, path], capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    errors, warnings, names, limits = json.loads(ended.stdout.splitlines()[-1])
    assert errors == [] and limits
    assert names == done.staged.configs
    # It says what the files are; when they were published, and as which version, the tag does.
    assert all("is recommended" in w for w in warnings), warnings
