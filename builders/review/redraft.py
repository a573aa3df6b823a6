"""`build --redraft rejected`: the next version of a build, in which the rejected are drafted again.

The build ``meld`` becomes ``meld@2``, that ``meld@3``. Only what reviewers rejected is asked anew,
with the rejected reply and their reasons in the prompt; every other answer comes from the store,
and so do the decisions about the samples that stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builders.build import Build
from builders.config import BuildConfig, Note, Redraft, make_config
from builders.drafting import prompts
from builders.drafting.store import Store
from builders.errors import ConfigError
from builders.folder import REDRAFT, read_json
from builders.review.decisions import choices
from builders.review.items import Items, Records, reply_of
from builders.review.merge import Merged, views

_HELD_AT_ONCE = 500


def redrafting(config: BuildConfig) -> BuildConfig:
    """Return the config of the next version of the finished build that a config names.

    A version that was begun goes on with what it was begun with, whatever was decided since.

    Raises:
        ConfigError: the build is not finished, nothing in it is rejected, or the store does not
            hold its answers.
    """
    build = Build(config.folder)
    limit = build.manifest["result"]["limit"]
    if config.limit not in (None, limit):
        raise ConfigError(
            f"--limit {config.limit} with --redraft",
            expected=f"the limit of {config.name}, {limit}",
            do="leave it out: what is not rejected stays as it is",
        )
    name = next_name(config.name)
    begun = config.output / name
    if (begun / "config.json").is_file() and config.resume != "never":
        wanted = Redraft(**read_json(begun / REDRAFT))
    else:
        wanted = _wanted(build, config)
    settings = {field: getattr(config, field) for field in BuildConfig.model_fields}
    return make_config(**settings | {"name": name, "limit": limit, "redraft": wanted})


def next_name(name: str) -> str:
    """Return what the next version of a build is called: meld, meld@2, meld@3."""
    stem, _, version = name.rpartition("@")
    return f"{stem}@{int(version) + 1}" if stem and version.isdecimal() else f"{name}@2"


def later_versions(folder: Path) -> Iterator[Build]:
    """Yield the finished versions of a build that follow it, in order."""
    path = folder.with_name(next_name(folder.name))
    while (path / "manifest.json").is_file():
        yield Build(path)
        path = path.with_name(next_name(path.name))


def _wanted(build: Build, config: BuildConfig) -> Redraft:
    store = Store(config.store_url)
    try:
        for _ in Items(store).register(build):
            pass
        name = build.manifest["result"]["name"]
        rejected = [view for view in views(store, name) if view.status == "rejected"]
        if not rejected:
            raise ConfigError(
                f"nobody has rejected a reply of {name}, as far as the store {store.name} knows",
                where=build.folder,
                do=f"review it first with `hearten review {build.folder}`",
            )
        _check_held(build, store)
    finally:
        store.close()
    earlier = _earlier(build.folder)
    records = Records(build)
    notes = {v.item.item: (*earlier.get(v.item.item, ()), _note(v, records)) for v in rejected}
    version = prompts.load(prompts.REDRAFT_TEMPLATE).version
    return Redraft(of=name, prompt_version=version, notes=earlier | notes)


def _earlier(folder: Path) -> dict[str, tuple[Note, ...]]:
    """Return what a build itself drafted again, so that its answers are found."""
    path = folder / REDRAFT
    return dict(Redraft(**read_json(path)).notes) if path.is_file() else {}


def _note(view: Merged, records: Records) -> Note:
    record = records.record(view.item.shard, view.item.row)
    known = choices("reject")
    reasons = [known[code] for code in view.reasons if code in known]
    return Note(
        reply=reply_of(record),
        reasons=tuple(f"It {reason.words}. {reason.meaning}" for reason in reasons),
    )


def _check_held(build: Build, store: Store) -> None:
    """Raise ConfigError where a record's answer is not in the store: it would be paid for again."""
    keys = [key for key in _request_keys(build) if key is not None]
    for start in range(0, len(keys), _HELD_AT_ONCE):
        wanted = keys[start : start + _HELD_AT_ONCE]
        missing = len(wanted) - len(store.held(wanted))
        if missing:
            raise ConfigError(
                f"answers of {build.folder.name} are not in the store {store.name}",
                do="name the store that it was built with: --store",
            )


def _request_keys(build: Build) -> Iterator[Any]:
    import pyarrow.parquet as pq

    for shard in build.shards():
        for batch in pq.ParquetFile(shard).iter_batches(columns=["drafting"]):
            yield from (drafting["request_key"] for drafting in batch["drafting"].to_pylist())
