"""From a record to the examples of its rows, or to why there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from builders.record.dataset import Build
from builders.record.views import SampleRecord
from builders.release.export.choosing import Choice, LeftOut
from builders.release.export.examples import Example, make, with_preferences
from builders.release.export.options import Options
from builders.release.export.people import PeoplesReplies
from builders.release.export.reading import EarlierTurns
from builders.release.export.rules import broken
from builders.release.pairs.reply_pair import PEOPLE, ReplyPair

Pairs = Mapping[str, Sequence[ReplyPair]]


class Making:
    """Makes the examples of records, which come in the order of the build.

    Args:
        options: the export options.
        choice: says which records go out.
        pairs: the preference pairs, by the id of their target.
        people: people's replies, if they take the place of the drafts.
        reviewed: whether the build has reviews.
        heard: returns a record without the clips whose voices did not consent.
    """

    def __init__(
        self,
        options: Options,
        choice: Choice,
        pairs: Pairs,
        people: PeoplesReplies | None,
        reviewed: bool,
        heard: Callable[[SampleRecord], SampleRecord],
    ) -> None:
        self._options = options
        self._choice = choice
        self._pairs = pairs
        self._people = people
        self._reviewed = reviewed
        self._heard = heard
        self.earlier = EarlierTurns()

    def of(self, record: SampleRecord) -> tuple[list[Example], LeftOut | None]:
        """Return the examples of a record, or why there are none."""
        record = self._heard(record)
        # Before filtering: a later turn may refer to this one's clip.
        earlier = self.earlier.of(record) if self._options.context_audio else {}
        if left := self._choice.against(record):
            return [], left
        if self._people:
            found = self._people.instead(record)
            if isinstance(found, LeftOut):
                return [], found
            record = found
        example = make(record, self._options, earlier)
        example.reviewed = self._reviewed
        made, left = with_preferences(example, self._options.task, self._pairs)
        if left and self._options.sources and PEOPLE not in self._options.sources:
            left = LeftOut("no_pair", "no pair was made of the reply")
        whole = []
        for one in made:
            if broke := broken(one, self._options):
                left = left or broke
            else:
                whole.append(one)
        return whole, None if whole else left


def balanced(
    build: Build, columns: Sequence[str], making: Making, pairs: Pairs
) -> dict[str, list[ReplyPair]]:
    """Return the pairs without those of contrast whose other half does not go out.

    Each reply of a contrast pair is chosen as often as it is rejected, or else the words of the
    replies tell which one is chosen.
    """
    out = set(_going_out(build, columns, making, pairs))
    kept = {
        name: [one for one in found if one.beside is None or _halves(one) <= out]
        for name, found in pairs.items()
    }
    return {name: found for name, found in kept.items() if found}


def _halves(pair: ReplyPair) -> set[tuple[str, str | None]]:
    return {(pair.id, pair.beside), (pair.beside or "", pair.id)}


def _going_out(
    build: Build, columns: Sequence[str], making: Making, pairs: Pairs
) -> Iterator[tuple[str, str | None]]:
    """Yield both ids of each contrast pair that makes a row."""
    if not any(one.beside for found in pairs.values() for one in found):
        return
    for record in build.rows(columns):
        for example in making.of(record)[0]:
            if example.pair:
                yield example.pair.id, example.pair.beside
