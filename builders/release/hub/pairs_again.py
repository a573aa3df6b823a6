"""Restoring the preference pairs of a hydrated build: the words before them that were withheld.

A published pair has both replies, and of the talk before them what the terms allow. Beside the
hydrated build each is written again with the whole talk, in `pairs/<config>.jsonl`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from builders.record.data_file import DataFile
from builders.record.dataset import Build
from builders.record.messages import AUDIO_MARK, instruction, messages
from builders.record.views import SampleRecord
from builders.release.hub.client import Hub
from builders.release.pairs.reply_pair import CONTRAST

FOLDER = "pairs"
CONFIGS = ("preference", "preference_ai")
_KEPT = ("id", "language", "split", "chosen", "rejected", "origin", "kind", "by")

PairsFound = Mapping[str, Sequence[dict[str, Any]]]


def published(hub: Hub, revision: str, work: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of pairs of a version, by config; of each what does not depend on terms."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(hub.digests(revision)):
        _, _, rest = path.partition("data/")
        config = rest.split("/")[0]
        if config not in CONFIGS or not path.endswith(".parquet"):
            continue
        with DataFile(hub.download(path, revision, work / "published")) as file:
            columns = [leaf for leaf in file.leaves if leaf.split(".")[0] in _KEPT]
            for table in file.groups(columns):
                found.setdefault(config, []).extend(table.to_pylist())
    return found


def restore(folder: Path, found: PairsFound) -> tuple[int | None, list[str]]:
    """Write the pairs with the whole talk; return how many, and what is missing.

    None if none were published. A pair of contrast goes only with its other half, as both replies
    are those of two people's lines.

    Args:
        folder: the hydrated build, complete.
        found: the published pairs, by config.
    """
    if not found:
        return None, []
    wanted = {row["id"] for rows in found.values() for row in rows}
    prompts = _prompts(folder, wanted) if (folder / "manifest.json").is_file() else {}
    (folder / FOLDER).mkdir(exist_ok=True)
    written = 0
    for config, rows in found.items():
        kept = list(_whole([row for row in rows if row["id"] in prompts]))
        lines = [orjson.dumps({**row, "prompt": prompts[row["id"]]}) for row in kept]
        (folder / FOLDER / f"{config}.jsonl").write_bytes(b"".join(one + b"\n" for one in lines))
        written += len(kept)
    left = sum(map(len, found.values())) - written
    return written, [f"{left:,} preference pairs, whose utterance or twin is not here"] * (left > 0)


def _whole(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows without those of contrast whose other half is gone."""
    both = Counter(_replies(row) for row in rows)
    for row in rows:
        if row["origin"] != CONTRAST or both[_replies(row)[::-1]]:
            yield row


def _replies(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["chosen"][-1]["content"], row["rejected"][-1]["content"]


def _prompts(folder: Path, wanted: set[str]) -> dict[str, list[dict[str, str]]]:
    """Return the talk before the reply of each record, with the mark of its clip."""
    return {row["id"]: _prompt(row) for row in Build(folder).rows(_COLUMNS) if row["id"] in wanted}


_COLUMNS = (
    *("id", "audio.path", "audio_info.origin", "background", "text_context", "target_utterance"),
    *("desired_response", "voice.words", "source"),
)


def _prompt(record: SampleRecord) -> list[dict[str, str]]:
    spoken = bool(record["audio"])
    said = messages(
        record,
        instruction=instruction(record["id"], spoken=spoken),
        system=None,
        mark=AUDIO_MARK if spoken else None,
    )
    return said[:-1]
