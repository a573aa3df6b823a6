"""The rows of preference pairs: people's in `preference`, all others in `preference_ai`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from builders.record.data_file import DataFile
from builders.record.views import SampleRecord
from builders.release.eligibility import ClosedTexts, Extent, Purpose, Restrictions, eligibility
from builders.release.layouts import ChatExchange, Rows
from builders.release.pairs.bag_of_words import WordsAlone
from builders.release.pairs.reply_pair import PEOPLE, PLANTED, ReplyPair
from builders.release.rewards import prefers
from builders.release.rights import withhold
from builders.release.row_views import PreferenceRow

Pairs = Mapping[str, Sequence[ReplyPair]]
Withheld = Mapping[str, list[Any] | None]


class PairRows:
    """Makes the rows of pairs, and collects what their words alone tell.

    Args:
        rows: makes the rows.
        closed: knows the texts that may not go out.
        pairs: the pairs, by the id of their target.
        dialogues: that of each sample in a pair.
    """

    def __init__(
        self, rows: Rows, closed: ClosedTexts, pairs: Pairs, dialogues: Mapping[str, str]
    ) -> None:
        self._rows, self._closed = rows, closed
        self._pairs, self._dialogues = pairs, dialogues
        self.words_alone = WordsAlone()

    def of(
        self, said: ChatExchange, extent: Extent, record: SampleRecord
    ) -> Iterator[tuple[str, PreferenceRow]]:
        """Yield the config and the row of each pair, unless a reply repeats withheld text.

        Only people's pairs are made of a record whose own reply is not published.
        """
        for pair in self._pairs.get(said.record["id"], ()):
            if self._closed.quotes([pair.chosen, pair.rejected]):
                continue
            if pair.source != PEOPLE and extent is not Extent.RECORD:
                continue
            dialogues = (self._dialogues[pair.id], self._dialogues[pair.beside or pair.id])
            self.words_alone.add(pair.origin, pair.chosen, pair.rejected, *dialogues)
            if pair.source == PLANTED:
                lowered = prefers(pair.chosen, pair.rejected, record)
                self.words_alone.rewarded(pair.origin, lowered)
            if pair.source == PEOPLE:
                yield "preference", self._rows.preference(said, pair)
            else:
                yield "preference_ai", self._rows.preference_ai(said, pair)


def whole_pairs(
    shards: Sequence[Path], rows: Rows, fields: Withheld, known: Restrictions, pairs: Pairs
) -> tuple[Pairs, dict[str, str]]:
    """Return the pairs without those of contrast whose other half is not published.

    Each reply of a contrast pair is chosen as often as it is rejected, or else the words of the
    replies tell which one is chosen. Also returns the dialogue of each sample in a pair.

    Args:
        shards: the Parquet files of the build.
        rows: makes the rows.
        fields: those that are withheld.
        known: the ids that may not be used.
        pairs: the pairs, by the id of their target.
    """
    halves = {one.id for found in pairs.values() for one in found if one.beside}
    named = {*pairs, *halves}
    out, dialogues = set(), {}
    for record in _records(shards) if pairs else ():
        if record["id"] in named:
            source = record["source"]
            dialogues[record["id"]] = f"{source['split']}/{source['dialogue_id']}"
        if record["id"] in halves and _goes_out(record, rows, fields, known):
            out.add(record["id"])
    kept = {
        name: [one for one in found if one.beside is None or {name, one.beside} <= out]
        for name, found in pairs.items()
    }
    return kept, dialogues


def _records(shards: Sequence[Path]) -> Iterator[SampleRecord]:
    for shard in shards:
        with DataFile(shard) as file:
            leaves = [leaf for leaf in file.leaves if not leaf.endswith(".bytes")]
            for batch in file.batches(leaves, 100):
                yield from batch.to_pylist()


def _goes_out(record: SampleRecord, rows: Rows, fields: Withheld, known: Restrictions) -> bool:
    """Return whether a record's own reply can be published."""
    if eligibility(record, Purpose.PUBLISH, known).extent is not Extent.RECORD:
        return False
    return rows.exchange(record, withhold(record, fields)) is not None
