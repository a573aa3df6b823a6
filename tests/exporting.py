"""Small builds for exports: records with clips and earlier turns, written as builds write them."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from builds import described
from invented import flac, record

from builders.record.folder import write_json
from builders.record.parquet import RejectWriter, SplitWriter
from builders.record.types import sample_id

Row = tuple[dict[str, Any], bytes | None]
_SPEAKERS = ("Ada", "Bo", "Cleo")


@cache
def _clip(seconds: float) -> bytes:
    return flac(seconds)


def written(
    number: int,
    *,
    dialogue: str = "1",
    split: str = "train",
    earlier: Iterable[int] = (),
    corpus: str = "meld",
) -> Row:
    """Return utterance `number` of a dialogue without a clip, after these earlier ones."""
    sample = record(number)
    sample["id"] = sample_id(corpus, split, dialogue, str(number))
    sample["source"] |= {"split": split, "dialogue_id": dialogue, "utterance_id": str(number)}
    sample["target_utterance"]["speaker"]["id"] = _SPEAKERS[number % 3]
    sample["text_context"] = [
        {
            "id": sample_id(corpus, split, dialogue, str(turn)),
            "speaker": _SPEAKERS[turn % 3],
            "role": "other",
            "text": f"The tide was at {turn} that day.",
            "emotion": None,
            "audio_sha256": None,
            "gap_seconds": None,
            "flags": None,
        }
        for turn in earlier
    ]
    return sample, None


def spoken(number: int, *, seconds: float = 0.1, **where: Any) -> Row:
    """Return the same with a clip; its earlier turns tell the digests of theirs."""
    sample, _ = written(number, **where)
    sample["audio"] = {"path": f"{sample['id']}.flac", "bytes": None}
    sample["audio_info"] |= {
        "origin": "acted",
        "sha256_pcm": _digest(sample["id"]),
        "samples": int(seconds * 16000),
        "duration": seconds,
    }
    for turn in sample["text_context"]:
        turn["audio_sha256"] = _digest(turn["id"])
    return sample, _clip(seconds)


def changed(row: Row, **fields: Any) -> Row:
    """Return a row with fields of its record replaced, inside objects where both are."""
    sample = copy.deepcopy(row[0])
    for name, value in fields.items():
        merge = isinstance(value, dict) and isinstance(sample[name], dict)
        sample[name] = sample[name] | value if merge else value
    return sample, row[1]


def reviewed(row: Row, status: str, heard: str | None = None) -> Row:
    """Return a row whose reply three people have reviewed; they may hear another emotion."""
    emotion = {"heard": heard, "policy": "majority", "votes": []}
    review = {"status": status, "policy": "majority", "reviewers": 3, "ratings": [], "flags": []}
    return changed(row, review=review | {"emotion": emotion})


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def small_build(folder: Path, rows: Iterable[Row], **config: Any) -> Path:
    """Write a finished build of these records, each in the shard of its split."""
    (folder / "data").mkdir(parents=True)
    writers: dict[str, SplitWriter] = {}
    for sample, heard in rows:
        split = sample["source"]["split"]
        if split not in writers:
            writers[split] = SplitWriter(folder / "data", split)
        writers[split].add(orjson.dumps(sample), heard)
    shards = [path for writer in writers.values() for path in writer.close()]
    rejected = folder / "rejected.parquet"
    RejectWriter(rejected).close()
    result = {
        "name": folder.name,
        "files": [{"path": path.relative_to(folder)} for path in [*shards, rejected]],
        "config": {"corpus": "meld", "provider": "openai-compatible", **config},
    }
    write_json(folder / "manifest.json", described(folder, {"result": result}))
    return folder


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
