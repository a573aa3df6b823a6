"""Which samples and rejects of a finished build a local look shows: those that may be reviewed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice

from builders.errors import ConfigError, UsageError, nearest
from builders.pipeline.selection import rank
from builders.record.dataset import Build, Place
from builders.record.views import RejectRow, SampleRecord
from builders.release.eligibility import COLUMNS, Extent, Purpose, Restrictions, eligibility
from builders.store.database import Store, store_exists
from builders.store.originals import originals_of, restored


def some_samples(build: Build, count: int, known: Restrictions) -> list[SampleRecord]:
    """Return so many samples in the order of the build, chosen by hash of the id, without clips.

    Args:
        build: a finished build.
        count: how many, at most.
        known: the ids that nobody may be shown.
    """
    places = enumerate(_places(build, known)) if count else ()
    chosen = heapq.nsmallest(count, places, key=lambda one: rank(one[1].record["id"]))
    chosen.sort(key=lambda one: one[0])
    return [_read(build, place, known) for _, place in chosen]


def sample_of(build: Build, name: str, known: Restrictions) -> SampleRecord:
    """Return the sample of an id, without its clip.

    Raises:
        UsageError: the build has no sample of that id.
        ConfigError: it has, and somebody asked that it be used no more.
    """
    found = next((p for p in build.places(COLUMNS) if p.record["id"] == name), None)
    if found and _may(found.record, known):
        return _read(build, found, known)
    _check_not_asked_for(name, found is not None, known)
    if any(reject["id"] == name for reject in build.rejects(["id"])):
        raise UsageError(
            f"{name} is a reject, not a sample", where=build.folder, do="add --rejected"
        )
    raise _no_id(build, name, (place.record["id"] for place in _places(build, known)))


def with_originals(build: Build, samples: list[SampleRecord], address: str) -> list[SampleRecord]:
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
    store = Store(address, writes=False)
    try:
        return [
            restored(record, originals_of(store, build.manifest["result"]["name"], _told(record)))
            for record in samples
        ]
    finally:
        store.close()


def _told(record: SampleRecord) -> list[str]:
    return [record["id"], *(turn["id"] for turn in record["text_context"])]


def some_rejects(build: Build, count: int, known: Restrictions) -> list[RejectRow]:
    """Return the first rejects of a build, but for ids that nobody may be shown."""
    return [*islice(_rejects(build, known), count)]


def reject_of(build: Build, name: str, known: Restrictions) -> RejectRow:
    """Return the reject of an id; raises as `sample_of`."""
    found = next((row for row in _rejects(build, known) if row["id"] == name), None)
    if found:
        return found
    _check_not_asked_for(name, known.excluded(name), known)
    raise _no_id(build, name, (row["id"] for row in _rejects(build, known)))


def _places(build: Build, known: Restrictions) -> Iterator[Place]:
    return (place for place in build.places(COLUMNS) if _may(place.record, known))


def _read(build: Build, place: Place, known: Restrictions) -> SampleRecord:
    """Return a sample without what it says of others who asked to be left out: it stays itself."""
    record = build.row(place.shard, place.row)
    after, contrast = record["reference_response"], record["contrast"]
    if after and known.excluded(after["id"]):
        record["reference_response"] = None
    if contrast:
        contrast["twin_of"] = [name for name in contrast["twin_of"] if not known.excluded(name)]
    return record


def _may(record: SampleRecord, known: Restrictions) -> bool:
    return eligibility(record, Purpose.REVIEW, known).extent is not Extent.NOTHING


def _rejects(build: Build, known: Restrictions) -> Iterator[RejectRow]:
    return (row for row in build.rejects() if not known.excluded(row["id"]))


def _check_not_asked_for(name: str, there: bool, known: Restrictions) -> None:
    if there or known.excluded(name):
        raise ConfigError(
            f"{name} is not shown: somebody asked that it, or a turn before it, be left out",
            do="choose another id",
        )


def _no_id(build: Build, name: str, ids: Iterator[str]) -> UsageError:
    near = nearest(name, ids)
    return UsageError(
        f"there is no {name}",
        where=build.folder,
        expected="the id of one that it has",
        do=f"did you mean {near}?" if near else "leave the id out to see some",
    )
