"""The files of a build, loaded by the releases of `datasets` that trainers pin."""

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import soundfile
from builds import hearten, samples

pytestmark = pytest.mark.slow

# Runs in the other environment; all it tells is one JSON object on its last line.
LOAD = """
import hashlib, io, json, sys
import datasets, pyarrow.parquet, soundfile
from datasets import Audio, load_dataset

def sound(audio):
    pcm, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="int16")
    return [audio["path"], rate, len(pcm), hashlib.sha256(pcm.tobytes()).hexdigest()]

def heard(row):
    spoken = row["reply_audio"] and sound(row["reply_audio"])
    return {**row, "audio": sound(row["audio"]), "reply_audio": spoken}

def as_bytes(split):
    features = split.features.copy()
    features["audio"] = features["reply_audio"] = Audio(decode=False)
    return split.cast(features)

def typed(name, features):
    stored = pyarrow.parquet.read_schema(files[name]).remove_metadata()
    return features.arrow_schema.remove_metadata() == stored

files, streaming = json.loads(sys.argv[1]), sys.argv[2] == "streaming"
splits = load_dataset("parquet", data_files=files, streaming=streaming)
told = {
    "version": datasets.__version__,
    "audio": {name: repr(split.features["audio"]) for name, split in splits.items()},
    "typed": {name: typed(name, split.features) for name, split in splits.items()},
    "rows": {
        name: [heard(row) for row in as_bytes(split)]
        for name, split in splits.items()
    },
}
print(json.dumps(told))
"""


def load(python: Path, folder: Path, way: str) -> dict[str, Any]:
    """Return what that environment tells of the files of a build."""
    shards = (folder / "data").glob("*.parquet")
    files = {path.name.split("-")[0]: str(path) for path in shards}
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder.parent / "hub")}
    done = subprocess.run(
        [python, "-I", "-c", LOAD, json.dumps(files), way],
        capture_output=True,
        text=True,
        env={**os.environ, **offline},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def as_heard(sample: dict[str, Any]) -> dict[str, Any]:
    """Return a sample with what decoding its clip must give in the place of its bytes."""
    info, spoken = sample["audio_info"], sample["reply_audio"]
    if spoken:
        pcm, _ = soundfile.read(io.BytesIO(spoken["bytes"]), dtype="int16")
        digest = sample["desired_response"]["synthesis"]["sha256_pcm"]
        spoken = [spoken["path"], 16000, len(pcm), digest]
    audio = [sample["audio"]["path"], 16000, info["samples"], info["sha256_pcm"]]
    return {**sample, "audio": audio, "reply_audio": spoken}


@pytest.mark.parametrize("way", ["whole", "streaming"])
def test_a_release_of_datasets_loads_every_sample_and_its_audio(datasets_release, way, tmp_path):
    version, python = datasets_release
    speech = ("--speak-replies", "--no-read-back")
    ended = hearten("build", "--corpus", "meld", "--sample", "--output", tmp_path, *speech)
    assert ended.code == 0, ended.err
    built = [as_heard(sample) for sample in samples(tmp_path / "meld-sample")]
    told = load(python, tmp_path / "meld-sample", way)
    assert told["version"] == version
    assert {name: len(rows) for name, rows in told["rows"].items()} == {
        "train": 17,
        "dev": 6,
        "test": 8,
    }
    for name, rows in told["rows"].items():
        assert rows == [sample for sample in built if sample["source"]["split"] == name]
        assert told["audio"][name].startswith("Audio(sampling_rate=16000, ")
        assert told["typed"][name]
    assert any(row["text_context"] for row in told["rows"]["train"])
    assert all(row["reply_audio"] for row in told["rows"]["train"])
