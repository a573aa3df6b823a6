"""Another build of the same targets, which answers some of them in other words."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from builds import described

from builders.record.dataset import Build
from builders.record.folder import read_json, write_json
from builders.record.parquet import SplitWriter

WORDS = "I hear that, and I am glad you told me so."


def rival(folder: Path, name: str, **changed: dict[str, Any]) -> Path:
    """Write a copy of a build beside it under a name, and return its folder.

    `changed` says by id what becomes of its records: fields of the reply, or ``text`` of the
    target under ``said``; None leaves a record out.
    """
    other = folder.with_name(name)
    shutil.copytree(folder, other)
    for shard in sorted((folder / "data").glob("*.parquet")):
        (other / "data" / shard.name).unlink()
        writer = SplitWriter(other / "data", shard.name.split("-")[0])
        for record in pq.read_table(shard).to_pylist():
            change = changed.get(record["id"], {})
            if change is None:
                continue
            clip = record["audio"] and record["audio"]["bytes"]
            if "said" in change:
                record["target_utterance"]["text"] = change["said"]
            record["desired_response"] |= {k: v for k, v in change.items() if k != "said"}
            if record["audio"]:
                record["audio"]["bytes"] = None
            writer.add(orjson.dumps(record), clip)
        writer.close()
    manifest = read_json(other / "manifest.json")
    manifest["result"]["name"] = name
    del manifest["result"]["files"]
    write_json(other / "manifest.json", described(other, manifest))
    return other


def in_other_words(folder: Path, name: str, count: int) -> Path:
    """Write a build that answers the first so many targets in other words."""
    changed = {record["id"]: {"text": WORDS} for record in islice(Build(folder).rows(), count)}
    return rival(folder, name, **changed)
