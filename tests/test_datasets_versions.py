"""What a build writes loads, audio included, on the `datasets` versions that trainers pin."""

from __future__ import annotations

import json

import pytest
from builds import hearten, manifest
from environments import Environment

pytestmark = pytest.mark.slow

LOAD = """
import io, json, sys
import datasets, soundfile
from datasets import Audio, load_dataset

folder, streaming = sys.argv[1], sys.argv[2] == "streaming"
files = {s: f"{folder}/data/{s}-*.parquet" for s in ("train", "dev", "test")}
loaded = load_dataset("parquet", data_files=files, streaming=streaming)
told = {"version": datasets.__version__, "rows": {}, "samples": 0, "turns": 0}
for split, rows in loaded.items():
    assert isinstance(rows.features["audio"], Audio), rows.features["audio"]
    assert rows.features["audio"].sampling_rate == 16000
    rows = rows.cast_column("audio", Audio(decode=False))
    told["rows"][split] = 0
    for row in rows:
        sound, rate = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
        assert rate == 16000 and len(sound) == row["audio_info"]["samples"]
        told["samples"] += len(sound)
        told["rows"][split] += 1
        assert isinstance(row["text_context"], list) and row["voice"] is None
        told["turns"] += sum(turn["role"] in ("user", "other") for turn in row["text_context"])
        assert isinstance(row["desired_response"]["strategies"], list)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    output = tmp_path_factory.mktemp("built")
    assert hearten("build", "--corpus", "meld", "--sample", "--output", output).code == 0
    return output / "meld-sample"


@pytest.mark.parametrize(
    "requirements",
    [("datasets==3.6.0",), ("datasets==4.0.0",), ("datasets>=5",)],
    ids=["3.6", "4.0", "newest"],
)
def test_dataset_loads_with_its_audio(built, tmp_path, requirements):
    environment = Environment(tmp_path / "venv")
    environment.install(*requirements, "soundfile")
    splits = manifest(built)["result"]["splits"]
    for mode in ("whole", "streaming"):
        ended = environment.run(
            *("python", "-c", LOAD, built, mode), HF_HOME=str(tmp_path / "hub"), HF_HUB_OFFLINE="1"
        )
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout)
        assert told["rows"] == {split: counts["kept"] for split, counts in splits.items()}
        assert told["turns"] > 10 and told["samples"] > 31 * 16000
