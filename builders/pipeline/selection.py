"""Choosing targets by the hash of their id, so that a larger limit contains the smaller one.

Selection is a separate pass over the annotations, before drafting: it keeps one 64-bit
number per candidate and turns the limits into thresholds, which the build then applies.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import chain
from typing import TypeAlias

from builders.labels.vocabulary import vocabulary
from builders.record.types import Emotions, Utterance

_Ranks: TypeAlias = "array[int]"

# The coarse label of an utterance whose raters did not settle on an emotion.
UNSETTLED = "unknown"
# The group of utterances for which no strategy can be planned; its size is no measure for others.
UNPLANNED = "none"


@dataclass(frozen=True)
class Wanted:
    """The values of the options that select targets.

    `min_agreement` is the minimum share of raters who chose the label; targets without counted
    raters stay, unless `known_agreement`. `balance` takes as many targets of each coarse label as
    the rarest one has; targets balanced otherwise are grouped by `select`.
    """

    emotions: frozenset[str] = frozenset()
    min_words: int = 0
    max_per_emotion: int | None = None
    limit: int | None = None
    exclude_emotions: frozenset[str] = frozenset()
    min_agreement: float | None = None
    known_agreement: bool = False
    ambiguous: bool = True
    balance: bool = False


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
        per_root: the highest selected rank of each coarse label, if balanced.
        left_out: why single utterances are no targets, by rank: those that are not worth a reply,
            or of which a balanced group has more than enough.
    """

    wanted: Wanted
    per_emotion: dict[str, int] = field(default_factory=dict)
    overall: int | None = None
    candidates: dict[str, int] = field(default_factory=dict)
    per_root: dict[str, int] = field(default_factory=dict)
    left_out: Mapping[int, str] = field(default_factory=dict)

    def against(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        """Return why an utterance is not a target, as a code that is counted, or None."""
        return (
            _unsuitable(self.wanted, utterance, emotions)
            or (self.left_out.get(rank(utterance.id)) if self.left_out else None)
            or self._above(utterance, emotions)
        )

    def _above(self, utterance: Utterance, emotions: Emotions | None) -> str | None:
        if self.overall is None and not self.per_emotion and not self.per_root:
            return None
        place = rank(utterance.id)
        if emotions and place > self.per_emotion.get(emotions.primary, place):
            return "max_per_emotion"
        if emotions and place > self.per_root.get(emotions.root, place):
            return "balance"
        if self.overall is not None and place > self.overall:
            return "limit"
        return None


def _unsuitable(wanted: Wanted, utterance: Utterance, emotions: Emotions | None) -> str | None:
    if not utterance.targetable:
        return "not_a_target_turn"
    if emotions is None:
        return "unmapped_on_purpose"
    named = {emotions.primary, emotions.root}
    if wanted.emotions and not wanted.emotions & named:
        return "emotion"
    if wanted.exclude_emotions & named:
        return "exclude_emotion"
    if not wanted.ambiguous and emotions.root == UNSETTLED:
        return "ambiguous"
    return _disputed(wanted, utterance) or _short(wanted, utterance)


def _disputed(wanted: Wanted, utterance: Utterance) -> str | None:
    """Return why too few raters chose the label, or None."""
    if wanted.min_agreement is None:
        return None
    agreement = utterance.annotation.agreement if utterance.annotation else None
    if agreement is None:
        return "no_agreement" if wanted.known_agreement else None
    return "min_agreement" if agreement < wanted.min_agreement else None


def _short(wanted: Wanted, utterance: Utterance) -> str | None:
    if wanted.min_words and len(utterance.text.split()) < wanted.min_words:
        return "min_words"
    return None


def select(
    wanted: Wanted,
    candidates: Iterable[tuple[Utterance, Emotions | None]],
    left_out: dict[int, str] | None = None,
    groups: Mapping[int, str] | None = None,
) -> tuple[Selection, int]:
    """Return the selection and the number of targets; uses 8 bytes per candidate.

    Args:
        wanted: the requested selection.
        candidates: utterances with their emotions, all that may be targets.
        left_out: why others are left out, by rank; it may grow with the candidates.
        groups: by rank; as many targets are taken of each as the smallest one has. It may grow
            with the candidates; None where groups are not balanced.
    """
    ranks: dict[str, _Ranks] = {}
    left_out = {} if left_out is None else left_out
    for utterance, emotions in candidates:
        if emotions and not _unsuitable(wanted, utterance, emotions):
            ranks.setdefault(emotions.primary, array("Q")).append(rank(utterance.id))
    counts = {emotion: len(of) for emotion, of in ranks.items()}
    per_emotion: dict[str, int] = {}
    per_root: dict[str, int] = {}
    if wanted.max_per_emotion is not None:
        ranks, per_emotion = _lowest(ranks, wanted.max_per_emotion)
    every = list(chain.from_iterable(ranks.values()))
    if wanted.balance and every:
        roots = _by_root(ranks)
        settled = [len(of) for root, of in roots.items() if root != UNSETTLED]
        roots, per_root = _lowest(roots, min(settled, default=len(every)))
        every = list(chain.from_iterable(roots.values()))
    if groups is not None:
        every = _balanced(every, groups, left_out)
    if wanted.limit is None:
        return Selection(wanted, per_emotion, None, counts, per_root, left_out), len(every)
    overall = heapq.nsmallest(wanted.limit, every)
    top = max(overall, default=0)
    return Selection(wanted, per_emotion, top, counts, per_root, left_out), len(overall)


def _balanced(
    every: Sequence[int], groups: Mapping[int, str], left_out: dict[int, str]
) -> list[int]:
    """Return the lowest ranks of each group, as many as the smallest has; note the others."""
    members: dict[str, list[int]] = {}
    for place in every:
        members.setdefault(groups[place], []).append(place)
    settled = [len(of) for group, of in members.items() if group != UNPLANNED]
    most = min(settled, default=len(every))
    taken = {place for of in members.values() for place in heapq.nsmallest(most, of)}
    left_out.update((place, "balance") for place in every if place not in taken)
    return [place for place in every if place in taken]


def _lowest(ranks: dict[str, _Ranks], most: int) -> tuple[dict[str, _Ranks], dict[str, int]]:
    """Return the lowest ranks of each emotion, `most` at most, and the highest of these."""
    kept = {emotion: array("Q", heapq.nsmallest(most, of)) for emotion, of in ranks.items()}
    return kept, {emotion: max(of) for emotion, of in kept.items()}


def _by_root(ranks: dict[str, _Ranks]) -> dict[str, _Ranks]:
    roots: dict[str, _Ranks] = {}
    for emotion, of in ranks.items():
        roots.setdefault(vocabulary().root_of(emotion), array("Q")).extend(of)
    return roots
