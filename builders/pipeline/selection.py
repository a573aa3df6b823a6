"""Choosing targets by the hash of their id, so that a larger limit contains the smaller one.

Selection is a separate pass over the annotations, before drafting: it keeps one 64-bit
number per candidate and turns the limits into thresholds, which the build then applies.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain

from builders.record.types import Emotions, Utterance


@dataclass(frozen=True)
class Wanted:
    """The values of `--emotion`, `--min-words`, `--max-per-emotion` and `--limit`."""

    emotions: frozenset[str] = frozenset()
    min_words: int = 0
    max_per_emotion: int | None = None
    limit: int | None = None


def rank(identifier: str) -> int:
    """Return the rank of an id in the order of selection: a 64-bit hash, the same everywhere."""
    return int.from_bytes(blake2b(identifier.encode(), digest_size=8).digest())


@dataclass(frozen=True)
class Selection:
    """Decides which utterances are targets.

    Args:
        wanted: the requested selection.
        per_emotion: the highest selected rank of each emotion, if there is a limit per emotion.
        overall: the highest selected rank, if there is an overall limit.
        candidates: the number of candidates without limits, by emotion.
    """

    wanted: Wanted
    per_emotion: dict[str, int] = field(default_factory=dict)
    overall: int | None = None
    candidates: dict[str, int] = field(default_factory=dict)

    def against(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        """Return why an utterance is not a target, as a code that is counted, or None."""
        return _unsuitable(self.wanted, utterance, emotions) or self._above(utterance, emotions)

    def _above(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        if self.overall is None and not self.per_emotion:
            return None
        place = rank(utterance.id)
        if emotions and place > self.per_emotion.get(emotions.primary, place):
            return "max_per_emotion"
        if self.overall is not None and place > self.overall:
            return "limit"
        return None


def _unsuitable(wanted: Wanted, utterance: Utterance, emotions: Emotions | None) -> str | None:
    if not utterance.targetable:
        return "not_a_target_turn"
    if emotions is None:
        return "unmapped_on_purpose"
    if wanted.emotions and not wanted.emotions & {emotions.primary, emotions.root}:
        return "emotion"
    if wanted.min_words and len(utterance.text.split()) < wanted.min_words:
        return "min_words"
    return None


def select(
    wanted: Wanted, candidates: Iterable[tuple[Utterance, Emotions | None]]
) -> tuple[Selection, int]:
    """Return the selection and the number of targets; uses 8 bytes per candidate."""
    ranks: dict[str, array[int]] = {}
    for utterance, emotions in candidates:
        if emotions and not _unsuitable(wanted, utterance, emotions):
            ranks.setdefault(emotions.primary, array("Q")).append(rank(utterance.id))
    counts = {emotion: len(of) for emotion, of in ranks.items()}
    if wanted.max_per_emotion is not None:
        most = wanted.max_per_emotion
        ranks = {emotion: array("Q", heapq.nsmallest(most, of)) for emotion, of in ranks.items()}
    limits = {e: max(of) for e, of in ranks.items()} if wanted.max_per_emotion is not None else {}
    if wanted.limit is None:
        return Selection(wanted, limits, None, counts), sum(map(len, ranks.values()))
    overall = heapq.nsmallest(wanted.limit, chain.from_iterable(ranks.values()))
    return Selection(wanted, limits, max(overall, default=0), counts), len(overall)
