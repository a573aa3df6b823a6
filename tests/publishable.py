"""Builds as they lie on disk, made of invented records, for the tests of publishing."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import soundfile
from builds import described
from invented import ORIGIN, flac, record

from builders.record.folder import write_json
from builders.record.parquet import RejectWriter, SplitWriter
from builders.record.types import sample_id

OPEN = {"licence": "ODbL-1.0", "audio": "yes", "text": "yes", "labels": "yes", "derived": "yes"}
WORDS = "lantern harbour pocket thunder willow copper saddle meadow violin basket".split()


def invented_text(number: int) -> str:
    """Return a sentence of twelve words in which no five words are another one's."""
    return " ".join(f"{WORDS[(number + n) % 10]}{number * 13 + n}" for n in range(12))


def sample(number: int, split: str = "train", **given: Any) -> dict[str, Any]:
    """Return a sample with a clip, an earlier turn and a text of its own; `given` replaces fields.

    Keys are the record's own, `safety` and `review` among them; `reply` is the reply's text.
    """
    one = copy.deepcopy(record(number))
    one["id"] = sample_id("meld", split, "1", str(number))
    one["source"] |= {"split": split, "dialogue_id": "1", "utterance_id": str(number)}
    clip = flac(0.1, seed=number)
    pcm = soundfile.read(io.BytesIO(clip), dtype="int16")[0]
    one["audio"] = {"path": f"{one['id']}.flac", "bytes": clip}
    one["audio_info"] |= {
        "origin": "acted",
        "sha256_pcm": hashlib.sha256(pcm.tobytes()).hexdigest(),
        "samples": len(pcm),
        "duration": 0.1,
        "source_file": f"train/dia1_utt{number}.mp4",
        "source_sha256": f"{number:064x}",
    }
    one["target_utterance"]["text"] = invented_text(number)
    one["text_context"] = [
        {
            "id": sample_id("meld", split, "1", str(number - 1)),
            "speaker": "Mira",
            "role": "other",
            "text": invented_text(number - 1),
            "emotion": "happiness",
            "audio_sha256": None,
            "gap_seconds": 0.5,
            "flags": None,
        }
    ]
    one["desired_response"]["text"] = given.pop("reply", f"That is good news, number {number}!")
    one["rights"] = dict(given.pop("rights", OPEN))
    return one | given


def make_build(
    folder: Path, records: Iterable[dict[str, Any]], provider: str = "openai-compatible"
) -> Path:
    """Write a finished build and return its folder."""
    (folder / "data").mkdir(parents=True)
    writers: dict[str, SplitWriter] = {}
    for one in records:
        split = one["source"]["split"]
        writer = writers.setdefault(split, SplitWriter(folder / "data", split))
        clip = one["audio"] and one["audio"]["bytes"]
        line = one | {"audio": one["audio"] and {**one["audio"], "bytes": None}}
        writer.add(orjson.dumps(line), clip)
    shards = [path for writer in writers.values() for path in writer.close()]
    rejected = folder / "rejected.parquet"
    RejectWriter(rejected).close()
    write_json(folder / "manifest.json", _manifest(folder, [*shards, rejected], provider))
    return folder


def _manifest(folder: Path, files: list[Path], provider: str) -> dict[str, Any]:
    config = {
        "corpus": "meld",
        "corpus_files": "ab" * 32,
        "context_turns": 8,
        "mapping_version": ORIGIN.mapping_version,
        "model": "tiny",
        "persona": "assistant",
        "prompt_version": ORIGIN.prompt_version,
        "provider": provider,
        "strategies_version": "cd" * 6,
        "temperature": 0.8,
    }
    told = {
        "result": {
            "config": config,
            "files": [{"path": path.relative_to(folder)} for path in files],
        },
        "run": {
            "cost": {"prompt_tokens": 1200, "completion_tokens": 300, "usd": 0.01},
            "versions": {"python": "3.11"},
            "host": "a-host-nobody-should-read",
        },
    }
    return described(folder, told)
