"""Which samples and rejects of a finished build a local look shows: those that may be reviewed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, cast

from builders.errors import ConfigError, UsageError, nearest
from builders.pipeline.selection import rank
from builders.record import places
from builders.record.dataset import Build
from builders.record.places import SamplePlace
from builders.record.views import RejectRow, SampleRecord
from builders.release.eligibility import Extent, Purpose, Restrictions, eligibility
from builders.store.address import store_exists

if TYPE_CHECKING:
    import polars as pl


def some_samples(
    build: Build, count: int, known: Restrictions, where: pl.Expr | None = None
) -> list[SampleRecord]:
    """Return so many samples in the order of the build, chosen by hash of the id, without clips.

    Args:
        build: a finished build.
        count: how many, at most.
        known: the ids that nobody may be shown.
        where: what they must meet; see `record/conditions.py`.
    """
    return [record for _, record in some_places(build, count, known, where)]


def some_places(
    build: Build, count: int, known: Restrictions, where: pl.Expr | None = None
) -> list[tuple[SamplePlace, SampleRecord]]:
    """Return the same samples with their places in the build; see `some_samples`."""
    found = places.some(build, rank, where) if count else iter(())
    read = ((place, build.row(place.shard, place.row)) for place in found)
    chosen = [*islice((one for one in read if _may(one[1], known)), count)]
    order = {shard.name: number for number, shard in enumerate(build.shards())}
    chosen.sort(key=lambda one: (order[one[0].shard], one[0].row))
    return [(place, _itself(record, known)) for place, record in chosen]


def sample_of(build: Build, name: str, known: Restrictions) -> SampleRecord:
    """Return the sample of an id, without its clip; raises as `place_of`."""
    return place_of(build, name, known)[1]


def place_of(build: Build, name: str, known: Restrictions) -> tuple[SamplePlace, SampleRecord]:
    """Return the sample of an id, without its clip, and its place in the build.

    Raises:
        UsageError: the build has no sample of that id.
        ConfigError: it has, and somebody asked that it be used no more.
    """
    place = places.by_id(build, name)
    record = build.row(place.shard, place.row) if place else None
    if place and record and _may(record, known):
        return place, _itself(record, known)
    _check_not_asked_for(name, record is not None, known)
    if any(reject["id"] == name for reject in build.rejects(["id"])):
        raise UsageError(
            f"{name} is a reject, not a sample", where=build.folder, do="add --rejected"
        )
    raise no_id(build, name, places.near_ids(build, name), known)


def with_originals(
    build: Build, samples: list[tuple[SamplePlace, SampleRecord]], address: str
) -> list[tuple[SamplePlace, SampleRecord]]:
    """Return samples with what was personal as it was said, of which the store alone knows.

    Raises:
        ConfigError: there is no store, so nothing is known.
    """
    if not store_exists(address):
        raise ConfigError(
            "there is no store, and nothing else knows what was replaced",
            where=address,
            do="name the store of the build with --store, or leave out --restore-names",
        )
    from builders.store.database import Store
    from builders.store.originals import originals_of, restored

    store, name = Store(address, writes=False), build.manifest["result"]["name"]
    try:
        return [
            (place, restored(record, originals_of(store, name, _told(record))))
            for place, record in samples
        ]
    finally:
        store.close()


def _told(record: SampleRecord) -> list[str]:
    return [record["id"], *(turn["id"] for turn in record["text_context"])]


def outcome_of(build: Build, name: str, known: Restrictions) -> SampleRecord | RejectRow:
    """Return the sample of an id, or else its reject; raises as `sample_of`."""
    if places.by_id(build, name) is None:
        if any(reject["id"] == name for reject in build.rejects(["id"])):
            return reject_of(build, name, known)
    return sample_of(build, name, known)


def some_rejects(
    build: Build, count: int, known: Restrictions, where: pl.Expr | None = None
) -> list[RejectRow]:
    """Return the first rejects of a build that meet a condition; see `some_samples`."""
    return [*islice(_rejects(build, known, where), count)]


def reject_of(build: Build, name: str, known: Restrictions) -> RejectRow:
    """Return the reject of an id; raises as `sample_of`."""
    found = next((row for row in _rejects(build, known) if row["id"] == name), None)
    if found:
        return found
    _check_not_asked_for(name, known.excluded(name), known)
    raise no_id(build, name, [row["id"] for row in _rejects(build, known)], known)


def _itself(record: SampleRecord, known: Restrictions) -> SampleRecord:
    """Return a sample without what it says of others who asked to be left out: it stays itself."""
    after, contrast = record["reference_response"], record["contrast"]
    if after and known.excluded(after["id"]):
        record["reference_response"] = None
    if contrast:
        contrast["twin_of"] = [name for name in contrast["twin_of"] if not known.excluded(name)]
    return record


def _may(record: SampleRecord, known: Restrictions) -> bool:
    return eligibility(record, Purpose.REVIEW, known).extent is not Extent.NOTHING


def _rejects(
    build: Build, known: Restrictions, where: pl.Expr | None = None
) -> Iterator[RejectRow]:
    rows = build.rejects() if where is None else _rejects_where(build, where)
    return (row for row in rows if not known.excluded(row["id"]))


def _rejects_where(build: Build, where: pl.Expr) -> Iterator[RejectRow]:
    from builders.record.scan import scan_rejects

    table = scan_rejects(build).filter(where).collect()
    return cast("Iterator[RejectRow]", table.drop("file", "row").iter_rows(named=True))


def _check_not_asked_for(name: str, there: bool, known: Restrictions) -> None:
    if there or known.excluded(name):
        raise ConfigError(
            f"{name} is not shown: somebody asked that it, or a turn before it, be left out",
            do="choose another id",
        )


def no_id(build: Build, name: str, ids: list[str], known: Restrictions) -> UsageError:
    """Return the error for an id that a build does not have, with the nearest that it has."""
    near = nearest(name, (one for one in ids if not known.excluded(one)))
    return UsageError(
        f"there is no {name}",
        where=build.folder,
        expected="the id of one that it has",
        do=f"did you mean {near}?" if near else "leave the id out to see some",
    )
