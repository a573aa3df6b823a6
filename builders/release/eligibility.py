"""Eligibility: which part of a record may be used for a purpose; used by all exports and pages.

    known = restrictions(build.shards(), exclusions.covers, gates_of(build.folder))
    answer = eligibility(record, Purpose.TRAIN, known)
    answer.extent, answer.reason

`record` is a whole record, or one that was read with `COLUMNS` only. A purpose is asked about the
record itself and about the turns included with it: an excluded utterance must not
reappear as another record's earlier turn. Those ids are collected in a pass over a few columns.
Fields withheld by the terms of a corpus are in `rights.py`; `ClosedTexts` checks that no published
text repeats a withheld text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import cast

import orjson

from builders.corpora.exclusions import Exclusions
from builders.errors import ConfigError
from builders.labels.tables import tab_lines
from builders.record.types import ReviewStatus
from builders.record.views import RejectRow, SampleRecord
from builders.release.row_views import PublishedRecord
from builders.store.address import store_exists
from builders.store.forgotten import forgotten_ids
from builders.tasks.reply.checks.wording import in_runs, pieces

GATES_FILE = "gated.tsv"
EXCLUDED = "excluded"
RUN = 5
UNSAFE_ROUTES = {"crisis", "exclude"}
COLUMNS = (
    "id",
    "safety.route",
    "text_context.id",
    "reference_response.id",
    "review.status",
)
_TEXT_COLUMNS = (
    "target_utterance.text",
    "text_context.text",
    "background.text",
    "reference_response.text",
    "audio_info.transcript.text",
)
_BATCH = 1000


class Purpose(StrEnum):
    """The purpose a record is used for."""

    SEND = "send"  # send to a model
    REVIEW = "review"  # show to reviewers
    EVALUATE = "evaluate"  # use as a test item
    TRAIN = "train"
    PUBLISH = "publish"


class Extent(IntEnum):
    """How much of a record may be used, in increasing order."""

    NOTHING = 0
    UTTERANCE = 1  # the utterances, and preference pairs by people
    VERDICT = 2  # also the reply, as a rejected one
    RECORD = 3


@dataclass(frozen=True, slots=True)
class Eligible:
    """How much may be used; `reason` is a code for why it is not everything, or None."""

    extent: Extent
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The requirements of a purpose besides exclusions, with their reason codes.

    `beside` is the reason if a turn included with the record is not eligible, `review` if reviewers
    have not accepted the reply. `reference` says whether the next turn is included.
    """

    beside: str = EXCLUDED
    review: str | None = None
    fit: bool = False
    reference: bool = False


_PURPOSES = {
    Purpose.SEND: _Asked(),
    Purpose.REVIEW: _Asked(),
    Purpose.EVALUATE: _Asked("after_an_unfit_turn", fit=True),
    Purpose.TRAIN: _Asked("after_an_unfit_turn", "review_{}", fit=True),
    Purpose.PUBLISH: _Asked(
        "next_to_a_left_out_utterance", "reply_{}_in_review", fit=True, reference=True
    ),
}
_TURNED_DOWN = {ReviewStatus.DISPUTED: Extent.UTTERANCE, ReviewStatus.REJECTED: Extent.VERDICT}


def nobody(_sample_id: str) -> bool:
    """Exclude no one."""
    return False


@dataclass(frozen=True)
class Restrictions:
    """The ids that may not be used.

    Attributes:
        excluded: returns whether an id is excluded.
        gated: the reason for each id blocked by a check of the whole set.
        unsafe: the reason for each id that is not fit for training.
    """

    excluded: Callable[[str], bool] = nobody
    gated: Mapping[str, str] = field(default_factory=dict)
    unsafe: Mapping[str, str] = field(default_factory=dict)

    def names_excluded(self, record: SampleRecord | PublishedRecord) -> bool:
        """Return whether a record is excluded, or has an excluded turn before or after it."""
        return self.excluded(record["id"]) or any(map(self.excluded, _turns(record, True)))


def eligibility(record: SampleRecord, purpose: Purpose, known: Restrictions) -> Eligible:
    """Return how much of a record may be used for a purpose.

    Args:
        record: a record with `id`, `safety`, `text_context`, and, if included with the
            record, `reference_response`; `review` if the purpose depends on reviewers.
        purpose: the purpose.
        known: the ids that may not be used.
    """
    asked = _PURPOSES[purpose]
    if reason := _against(record, asked, known):
        return Eligible(Extent.NOTHING, reason)
    beside = _turns(record, asked.reference)
    if any(_is_out(name, asked, known) for name in beside):
        return Eligible(Extent.NOTHING, asked.beside)
    status = asked.review and record["review"] and record["review"]["status"]
    if asked.review and status in _TURNED_DOWN:
        return Eligible(_TURNED_DOWN[ReviewStatus(status)], asked.review.format(status))
    return Eligible(Extent.RECORD)


def _against(record: SampleRecord, asked: _Asked, known: Restrictions) -> str | None:
    """Return the reason against the record itself, or None."""
    if known.excluded(record["id"]):
        return EXCLUDED
    if not asked.fit:
        return None
    return known.gated.get(record["id"]) or unsafe(record)


def _is_out(name: str, asked: _Asked, known: Restrictions) -> bool:
    if known.excluded(name):
        return True
    # What is gated is a reply; the utterance that it answers may stand before another one.
    return asked.fit and name in known.unsafe


def _turns(record: SampleRecord | PublishedRecord, reference: bool) -> list[str]:
    """Return the ids of the turns included with a record."""
    named = [turn["id"] for turn in record["text_context"] or ()]
    after = record["reference_response"] if reference else None
    return [*named, after["id"]] if after else named


def unsafe(record: SampleRecord) -> str | None:
    """Return why an utterance is not fit for training, whatever its terms, or None."""
    if record["safety"] and record["safety"]["route"] in UNSAFE_ROUTES:
        return f"safety_{record['safety']['route']}"
    return None


def excluded_by(table: Path, address: str) -> Callable[[str], bool]:
    """Return a function that says whether an id is excluded.

    Args:
        table: `exclusions.tsv`; it may be missing.
        address: the store, which may have further forgotten ids; it may be missing.

    Raises:
        ConfigError: a row of the table is not valid.
    """
    forgotten: frozenset[str] = frozenset()
    if store_exists(address):
        forgotten = forgotten_ids(address)
    exclusions = Exclusions.load(table, forgotten)
    return exclusions.covers if exclusions.ids else nobody


def restrictions(
    shards: Iterable[Path],
    excluded: Callable[[str], bool] = nobody,
    gated: Mapping[str, str] | None = None,
) -> Restrictions:
    """Return the ids of a build that may not be used, from one pass over its shards."""
    rows = columns_of(shards, ("id", "safety.route"))
    found = {row["id"]: reason for row in rows if (reason := unsafe(row))}
    return Restrictions(excluded, gated or {}, found)


def left_out(shards: Sequence[Path], purpose: Purpose, known: Restrictions) -> dict[str, str]:
    """Return the reason for each id of a build that may not be used at all for a purpose."""
    if known.excluded is nobody and not _PURPOSES[purpose].fit:
        return {}  # no pass over the build needed
    answers = ((row["id"], eligibility(row, purpose, known)) for row in columns_of(shards, COLUMNS))
    return {
        name: answer.reason or "" for name, answer in answers if answer.extent is Extent.NOTHING
    }


def going_out(
    records: Iterable[SampleRecord], purpose: Purpose, known: Restrictions
) -> Iterator[SampleRecord]:
    """Yield the records that may be used, at least partly, for a purpose."""
    for record in records:
        if eligibility(record, purpose, known).extent is not Extent.NOTHING:
            yield record


def columns_of(shards: Iterable[Path], columns: Sequence[str]) -> Iterator[SampleRecord]:
    """Yield the rows of shards with these columns only."""
    for shard in shards:
        for rows in _read(shard, columns):
            yield from cast("list[SampleRecord]", rows)


def rejects_of(rejected: Path, columns: Sequence[str]) -> Iterator[RejectRow]:
    """Yield the rows of `rejected.parquet` with these columns only."""
    for rows in _read(rejected, columns):
        yield from cast("list[RejectRow]", rows)


def _read(path: Path, columns: Sequence[str]) -> Iterator[list[dict[str, object]]]:
    # Arrow takes its time to import, and only who reads rows needs it.
    from builders.record.data_file import DataFile, rows_of

    with DataFile(path) as file:
        for batch in file.batches(columns, _BATCH):
            yield rows_of(path, batch)


def gates_of(folder: Path) -> dict[str, str]:
    """Return the reasons for ids blocked by checks of the whole set, from `gated.tsv`.

    Raises:
        ConfigError: a line is not an id, a tab and a reason.
    """
    path = folder / GATES_FILE
    if not path.is_file():
        return {}
    rows = [row for _, row in tab_lines(path) if row != ["id", "reason"]]
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or not all(row):
            raise ConfigError(
                f"invalid row {number}: {row}",
                where=path,
                expected="an id, a tab and a reason",
                do="fix the row, or delete the file to exclude no records",
            )
    return {name: reason for name, reason in rows}


class ClosedTexts:
    """All five-word sequences of the texts that may not be published.

    Where a script has no spaces between words, they are as many letters as say as much.
    """

    def __init__(self) -> None:
        self._runs: set[int] = set()

    @classmethod
    def of(cls, shards: Iterable[Path], rejected: Path) -> ClosedTexts:
        """Collect them from a build and its rejects."""
        found = cls()
        for row in columns_of(shards, _TEXT_COLUMNS):
            found._close(row)
        if rejected.is_file():
            for reject in rejects_of(rejected, ("raw",)):
                found._close(orjson.loads(reject["raw"]))
        return found

    def _close(self, texts: object) -> None:
        for text in strings(texts):
            self._runs.update(runs(text))

    def quotes(self, published: object) -> bool:
        """Return whether a row repeats five consecutive words of a withheld text."""
        if not self._runs:
            return False
        return any(run in self._runs for text in strings(published) for run in runs(text))


def runs(text: str) -> Iterator[int]:
    """Yield the hash of every sequence of five words, or of as much in letters, of a text."""
    return map(hash, in_runs(pieces(text), RUN))


def strings(value: object) -> Iterator[str]:
    """Yield every string in a record, in any field."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
