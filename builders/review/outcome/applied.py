"""The reviewed copy of a build, which is the one published; the build itself is not changed.

output/.reviewed/<name>/
  data/            the build's samples, `review` and `judgements` filled, edited replies in place of
                   the drafts
  rejected.parquet as in the build
  manifest.json    the build's, with these files, the reviewers' agreement and the audit; last

It is remade when a decision, a judgement or the build has changed, and can be deleted at any
time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Literal, get_args

import orjson
import pyarrow as pa

from builders.errors import ConfigError, VerificationError
from builders.evaluation.results import judged
from builders.record.data_file import DataFile
from builders.record.dataset import Build
from builders.record.folder import write_json
from builders.record.parquet import describe_file, open_writer, sample_schema
from builders.record.reply_views import JudgedValue
from builders.record.types import ReviewStatus
from builders.record.views import SampleRecord
from builders.release.eligibility import Restrictions, nobody
from builders.review.data.decisions import choices
from builders.review.data.events import Reviews
from builders.review.data.items import Items
from builders.review.outcome.agreement import agreement
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.audit import latest_ended
from builders.review.outcome.merge import Merged, views, with_review
from builders.store.address import store_exists
from builders.store.database import Store

FOLDER = ".reviewed"
# The `judgements` of records, by id.
_Scores = Mapping[str, list[JudgedValue]]
_Changed = Literal["desired_response", "reply_audio", "checks", "judgements", "review"]
_CHANGED: tuple[_Changed, ...] = get_args(_Changed)


def applied(folder: Path, store: str, excluded: Callable[[str], bool] = nobody) -> Path:
    """Return the folder of the reviewed copy; without decisions or judgements, the build's own.

    Args:
        folder: the build's folder.
        store: the address of the store with the decisions; there may be none.
        excluded: returns whether an id must not be used; decisions about it are ignored.

    Raises:
        ConfigError: the build is not finished, or a chosen reply is no longer valid.
    """
    build = Build(folder).verify()
    if not store_exists(store):
        return folder
    held = Store(store, writes=False)
    try:
        known = Restrictions(excluded)
        merged = _decided(build, held, known)
        others = {view.item.item for view in merged if view.status == ReviewStatus.EDITED}
        scores = judged(build, held, known, without=others)
        audit = latest_ended(held, build.manifest["result"]["name"]) if merged else None
    finally:
        held.close()
    if not merged and not scores:
        return folder
    audited = asdict(audit) if audit is not None else None
    place, state = folder.parent / FOLDER / folder.name, _state(build, merged, scores, audited)
    if _is_of(place, state):
        return place
    made = place.with_name(f".{place.name}.{os.getpid()}")
    _write(build, {view.item.item: view for view in merged}, scores, made)
    result = build.manifest["result"] | {
        "files": [describe_file(made / f["path"], made) for f in build.manifest["result"]["files"]],
    }
    if merged:
        result["agreement"] = measured(merged)
    if audited:
        result["audit"] = audited
    run = build.manifest["run"] | {"reviewed": state}
    write_json(made / "manifest.json", build.manifest | {"result": result, "run": run})
    # Complete before it is moved into place: another command may be reading the previous one.
    shutil.rmtree(place, ignore_errors=True)
    made.rename(place)
    return place


def _is_of(place: Path, state: str) -> bool:
    """Return whether there is a complete copy of this state."""
    try:
        return Build(place).verify().manifest["run"].get("reviewed") == state
    except (ConfigError, VerificationError):
        return False


def _decided(build: Build, store: Store, known: Restrictions) -> list[Merged]:
    """Return the decisions about a build; its items are only registered if there are any."""
    if not Reviews(store).any():
        return []
    for _ in Items(store, known).register(build):
        pass
    return views(store, build.manifest["result"]["name"])


def measured(merged: Sequence[Merged]) -> dict[str, dict[str, object]]:
    """Return agreement on strategies, and the lowest on a scale as `affect`, as JSON values."""
    by_measure = {row.measure: row.alpha for row in agreement(merged, ("all",))}
    scales = [by_measure[scale] for scale in choices("scale") if scale in by_measure]
    found = {
        "strategy": by_measure.get("strategies"),
        "affect": min(scales, key=_low, default=None),
    }
    return {name: asdict(value) for name, value in found.items() if value is not None}


def _low(found: Alpha) -> float:
    return 1.0 if found.alpha is None else found.alpha


def _state(
    build: Build, merged: Sequence[Merged], scores: _Scores, audited: Mapping[str, object] | None
) -> str:
    """Return a digest of the build, its decisions, its scores and its audit."""
    made = [
        [view.review, [e.id for e in view.decisions], view.decisive and view.decisive.id]
        for view in merged
    ]
    parts = [build.manifest["result"], made, scores, *([audited] if audited else [])]
    document = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)
    return sha256(document).hexdigest()


def _write(build: Build, by_item: Mapping[str, Merged], scores: _Scores, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    (place / "data").mkdir(parents=True)
    for name in ("rejected.parquet", "held_for_people.parquet", "report.html", "config.json"):
        if (build.folder / name).is_file():
            shutil.copyfile(build.folder / name, place / name)
    for shard in build.shards():
        to = place / "data" / shard.name
        with (
            DataFile(shard) as file,
            open_writer(to, sample_schema()) as writer,
        ):
            for table in file.groups():
                writer.write_table(_seen(table, by_item, scores))


def _seen(table: pa.Table, by_item: Mapping[str, Merged], scores: _Scores) -> pa.Table:
    """Return samples with decisions and judgements; the clips pass through unchanged."""
    schema = sample_schema()  # a build older than a field is cast to the current schema
    if not (by_item.keys() | scores.keys()) & set(table["id"].to_pylist()):
        return table.cast(schema)
    silent: list[SampleRecord] = table.drop_columns(["audio"]).to_pylist()
    for record in silent:
        record["audio"] = None
        record["judgements"] = scores.get(record["id"], record["judgements"])
    seen = [with_review(record, by_item.get(record["id"])) for record in silent]
    for name in _CHANGED:
        field = schema.field(name)
        values = pa.array([record[name] for record in seen], field.type)
        table = table.set_column(schema.get_field_index(name), field, values)
    return table.cast(schema)
