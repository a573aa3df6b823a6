"""Matching by ear: people hear both clips of a minimal pair and say which reply answers which.

The clips keep their places; which reply is shown first is drawn for each person and pair by a
salted hash, and the page is not told. An answer is kept as a judgement of the test `swap_heard` by
the person's pseudonym, tied to a hash of both clips and both replies. It is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from builders.errors import ConfigError
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair
from builders.review.data.items import Items
from builders.review.data.people import Annotator
from builders.review.outcome.heard_pairs import DIMENSION, PROMPT, TEST, HeardPair, heard_pairs
from builders.review.server.desk import Desk, Faulty, NotTheirs

Choice = Literal["a", "b", "cannot_tell"]


@dataclass(frozen=True, slots=True)
class MatchAnswer:
    """Which reply answers the first voice, as shown; the seconds heard of each clip."""

    choice: Choice
    heard: tuple[float, float]


class Matching:
    """Has people match the replies of a build's minimal pairs to their voices.

    Args:
        desk: the desk of the build under review.
        limit: how many pairs are given out, by hash.

    Raises:
        ConfigError: no minimal pair of the build can be heard.
    """

    def __init__(self, desk: Desk, limit: int) -> None:
        self._desk = desk
        for _ in Items(desk.store, desk.known).register(desk.build):
            pass
        self._pairs = {one.id: one for one in heard_pairs(desk.build, desk.known, limit)}
        if not self._pairs:
            raise ConfigError(
                f"{desk.name} has no minimal pair whose two clips can be heard",
                expected="a build with clips of the same words under different labels",
                do="build a corpus that has some, such as crema_d, without --text-only",
            )

    @property
    def count(self) -> int:
        """Return how many pairs there are."""
        return len(self._pairs)

    def next(self, person: Annotator) -> dict[str, object] | None:
        """Return the next pair for a person, one that fewest have answered; None at the end."""
        answers = self._answers()
        wanted = [
            (len(answers[name]), name)
            for name, pair in self._pairs.items()
            if person.id not in answers[name]
            and len(answers[name]) < self._desk.settings.overlap
            and self._may_show(pair, person)
        ]
        if not wanted:
            return None
        pair = self._pairs[min(wanted)[1]]
        replies = pair.of.one.reply, pair.of.other.reply
        return {
            "id": pair.id,
            "seen": pair.seen,
            "words": pair.of.one.words,
            "clips": [f"/audio?item={name}" for name in (pair.of.one.id, pair.of.other.id)],
            "replies": replies if self._first(pair, person) == "a" else replies[::-1],
            "left": len(wanted),
        }

    def answer(self, name: str, seen: str, person: Annotator, said: MatchAnswer) -> None:
        """Keep an answer.

        Raises:
            Faulty: a clip was not played.
            NotTheirs: there is no such pair, or the person answered it.
        """
        pair = self._pairs.get(name)
        if pair is None or pair.seen != seen or person.id in self._answers()[name]:
            raise NotTheirs(f"{name} is not open to you", do="reload the page")
        for member, seconds in zip((pair.of.one, pair.of.other), said.heard, strict=True):
            record = self._desk.record(self._desk.known_item(member.id))
            try:
                self._desk.check_heard(record, seconds, broken=False)
            except Faulty:
                raise Faulty(["listen to both whole clips before you decide"]) from None
        with self._desk.writing:
            Judgements(self._desk.store).append([self._judgement(pair, person, said.choice)])

    def _judgement(self, pair: HeardPair, person: Annotator, choice: Choice) -> Judgement:
        right = choice == self._first(pair, person)
        verdict = choice if choice == "cannot_tell" else "right" if right else "wrong"
        return Judgement(
            subject_hash=pair.seen,
            subject=pair.of.one.id,
            other=pair.of.other.id,
            test=TEST,
            dimension=DIMENSION,
            value=float(right),
            verdict=verdict,
            model=person.id,
            prompt_version=PROMPT,
        )

    def _answers(self) -> Mapping[str, set[str]]:
        """Return who has answered each pair."""
        found: dict[str, set[str]] = {name: set() for name in self._pairs}
        by_hash = {pair.seen: name for name, pair in self._pairs.items()}
        for one in Judgements(self._desk.store).about(list(by_hash), TEST):
            found[by_hash[one.subject_hash]].add(one.model)
        return found

    def _may_show(self, pair: HeardPair, person: Annotator) -> bool:
        members: Pair = pair.of
        try:
            items = [self._desk.known_item(one.id) for one in (members.one, members.other)]
        except KeyError:
            return False
        return person.takes_crisis or not any(item.crisis for item in items)

    def _first(self, pair: HeardPair, person: Annotator) -> str:
        """Return which reply as shown is that of the first voice: a or b."""
        return "a" if self._desk.settings.draw("match", person.id, pair.seen) < 0.5 else "b"
