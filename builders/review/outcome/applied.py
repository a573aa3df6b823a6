"""A build as people and judges see it: the copy that is published; the build stays as it is.

output/.reviewed/<name>/
  data/            the build's samples, `review` and `judge` filled, edited replies in place of
                   the drafts
  rejected.parquet as in the build
  manifest.json    the build's, with these files and how far reviewers agree; written last

It is made anew when a decision, a judgement or the build has changed, and can be removed at any
time.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from builders.evaluation.results import judged
from builders.record.dataset import Build
from builders.record.folder import read_json, write_json
from builders.record.parquet import describe_file, sample_schema
from builders.review.data.decisions import choices
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.outcome.agreement import agreement
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.merge import Merged, views, with_review
from builders.store.database import Store, store_exists

FOLDER = ".reviewed"
# The `judge` of records, by id.
_Scores = Mapping[str, dict[str, Any]]
_CHANGED = ("desired_response", "judge", "review")


def applied(folder: Path, store: str) -> Path:
    """Return the folder of a finished build as it is seen: its own where nobody decided or judged.

    Args:
        folder: the build's folder.
        store: the address of the store with the decisions; there may be none.

    Raises:
        ConfigError: the build is not finished, or a reply they want is not valid any more.
    """
    build = Build(folder)
    if not store_exists(store):
        return folder
    held = Store(store, writes=False)
    try:
        merged = _decided(build, held)
        others = {view.item.item for view in merged if view.status == "edited"}
        scores = judged(build, held, without=others)
    finally:
        held.close()
    if not merged and not scores:
        return folder
    place, state = folder.parent / FOLDER / folder.name, _state(build, merged, scores)
    manifest = place / "manifest.json"
    if manifest.is_file() and read_json(manifest)["run"].get("reviewed") == state:
        return place
    _write(build, {view.item.item: view for view in merged}, scores, place)
    result = build.manifest["result"] | {
        "files": [
            describe_file(place / f["path"], place) for f in build.manifest["result"]["files"]
        ],
    }
    if merged:
        result["agreement"] = measured(merged)
    run = build.manifest["run"] | {"reviewed": state}
    write_json(manifest, build.manifest | {"result": result, "run": run})
    return place


def _decided(build: Build, store: Store) -> list[Merged]:
    """Return what is decided about a build; its items are registered only if anything is."""
    if not Reviews(store).any():
        return []
    for _ in Items(store).register(build):
        pass
    return views(store, build.manifest["result"]["name"])


def measured(merged: Sequence[Merged]) -> dict[str, Any]:
    """Return agreement on strategies, and the least on a scale as `affect`, as JSON values."""
    by_measure = {row.measure: row.alpha for row in agreement(merged, ("all",))}
    scales = [by_measure[scale] for scale in choices("scale") if scale in by_measure]
    found = {
        "strategy": by_measure.get("strategies"),
        "affect": min(scales, key=_low, default=None),
    }
    return {name: asdict(value) for name, value in found.items() if value is not None}


def _low(found: Alpha) -> float:
    return 1.0 if found.alpha is None else found.alpha


def _state(build: Build, merged: Sequence[Merged], scores: _Scores) -> str:
    """Return a digest of the build, of every decision that went into its views, and of scores."""
    made = [
        [view.review, [e.id for e in view.decisions], view.decisive and view.decisive.id]
        for view in merged
    ]
    document = orjson.dumps([build.manifest["result"], made, scores], option=orjson.OPT_SORT_KEYS)
    return sha256(document).hexdigest()


def _write(build: Build, by_item: Mapping[str, Merged], scores: _Scores, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    (place / "data").mkdir(parents=True)
    for name in ("rejected.parquet", "report.html", "config.json"):
        if (build.folder / name).is_file():
            shutil.copyfile(build.folder / name, place / name)
    for shard in build.shards():
        with pq.ParquetFile(shard) as file:
            to = place / "data" / shard.name
            with pq.ParquetWriter(to, sample_schema(), compression="snappy") as writer:
                for group in range(file.num_row_groups):
                    writer.write_table(_seen(file.read_row_group(group), by_item, scores))


def _seen(table: pa.Table, by_item: Mapping[str, Merged], scores: _Scores) -> pa.Table:
    """Return samples with what was decided and judged; the clips pass through as they are."""
    schema = sample_schema()  # a build from before a field was there is cast to it
    if not (by_item.keys() | scores.keys()) & set(table["id"].to_pylist()):
        return table.cast(schema)
    silent = table.drop_columns(["audio"]).to_pylist()
    records = [
        with_review(
            {**record, "audio": None, "judge": scores.get(record["id"], record["judge"])},
            by_item.get(record["id"]),
        )
        for record in silent
    ]
    for name in _CHANGED:
        field = schema.field(name)
        values = pa.array([record[name] for record in records], field.type)
        table = table.set_column(schema.get_field_index(name), field, values)
    return table.cast(schema)
