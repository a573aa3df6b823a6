"""Demonstrations: small cases with the reply that was given there; a prompt shows two or three.

A set is read before anything is asked and never changes during a build. Which cases a target is
shown follows from its label, its words and a hash of its id alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from math import log

import orjson

from builders.labels import strategies
from builders.pipeline.selection import rank
from builders.record.types import Target

SHOWN = 3
_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# A word of more than this share of the cases says nothing about what a case is about.
_COMMON = 0.2


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One case: what was said before, the utterance and its label, and the reply.

    Attributes:
        id: its name in the set.
        root: the coarse label of the utterance.
        emotion: its label.
        voice: how it was said, in words; None where that is not known.
        turns: earlier turns, each with who speaks: ``Speaker`` or ``Listener``.
        utterance: what is answered.
        strategies: what the reply does, in order.
        reply_emotion: the emotion that the reply is spoken in.
        reply: its words.
        personas: whom such a reply may come from: ``assistant``, ``addressee``, or both.
        dialogue: what the ids of its dialogue begin with; None for an invented case.
    """

    id: str
    root: str
    emotion: str
    voice: str | None
    turns: tuple[tuple[str, str], ...]
    utterance: str
    strategies: tuple[str, ...]
    reply_emotion: str
    reply: str
    personas: tuple[str, ...] = ("assistant", "addressee")
    dialogue: str | None = None

    @property
    def words(self) -> frozenset[str]:
        """Return the words of what was said, in lower case."""
        return words_of(" ".join([*(text for _, text in self.turns), self.utterance]))


class Demonstrations:
    """A set of cases.

    Args:
        cases: in any order; ids are unique.
        origin: where they come from, as the manifest says it.
    """

    def __init__(self, cases: Iterable[Demonstration], origin: str) -> None:
        self.cases = tuple(sorted(cases, key=lambda case: case.id))
        self.origin = origin
        roots: dict[str, list[Demonstration]] = defaultdict(list)
        for case in self.cases:
            roots[case.root].append(case)
        self._by_root = {root: _Index(of) for root, of in roots.items()}

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 over all cases."""
        return sha256(orjson.dumps([asdict(case) for case in self.cases])).hexdigest()

    @property
    def document(self) -> dict[str, object]:
        """Return the set as a `Fit`: where it comes from, and the digest of each case."""
        each = {case.id: sha256(orjson.dumps(asdict(case))).hexdigest() for case in self.cases}
        return {"origin": self.origin, "set_digest": self.digest, "cases": each}

    def shown(self, target: Target, persona: str, own_turns: int) -> tuple[Demonstration, ...]:
        """Return the cases that a target is shown, none of its own dialogue.

        Those whose words are nearest come first, and no two that do the same where there are
        others.

        Args:
            target: what is answered.
            persona: who replies.
            own_turns: how many earlier turns the target's speaker has.
        """
        index = self._by_root.get(target.emotions.root)
        if index is None:
            return ()
        allowed = frozenset(strategies.allowed(target.emotions, own_turns))
        fitting = (
            case
            for case in index.nearest(_said(target), rank(target.id))
            if persona in case.personas
            and allowed.issuperset(case.strategies)
            and not (case.dialogue and target.id.startswith(case.dialogue))
        )
        return _different(fitting)


class _Index:
    """The cases of one coarse label by their words, rare words counting more."""

    def __init__(self, cases: Sequence[Demonstration]) -> None:
        self._cases = cases
        with_word: dict[str, list[int]] = defaultdict(list)
        for number, case in enumerate(cases):
            for word in case.words:
                with_word[word].append(number)
        most = max(1, int(_COMMON * len(cases)))
        self._with_word = {word: of for word, of in with_word.items() if len(of) <= most}

    def nearest(self, words: frozenset[str], place: int) -> Iterator[Demonstration]:
        """Yield the cases, nearest first; among those equally near, from a place on."""
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(words):
            of = self._with_word.get(word, ())
            for number in of:
                scores[number] += log(len(self._cases) / len(of)) + 1
        count = len(self._cases)
        for number in sorted(scores, key=lambda n: (-scores[n], (n - place) % count)):
            yield self._cases[number]
        for step in range(count):
            if (number := (place + step) % count) not in scores:
                yield self._cases[number]


def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case."""
    return frozenset(_WORD.findall(text.lower()))


def _said(target: Target) -> frozenset[str]:
    said = [turn.utterance.text for turn in target.turns[-2:]]
    return words_of(" ".join([*said, target.utterance.text]))


def _different(cases: Iterator[Demonstration]) -> tuple[Demonstration, ...]:
    """Return the first cases that do different things; then whatever comes next."""
    chosen: dict[tuple[str, ...], Demonstration] = {}
    others: list[Demonstration] = []
    for case in cases:
        if case.strategies in chosen:
            others.append(case)
        else:
            chosen[case.strategies] = case
        if len(chosen) == SHOWN:
            break
    return (*chosen.values(), *others)[:SHOWN]
