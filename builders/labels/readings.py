"""What a label becomes beside its votes: a second emotion, a coarse label, a lower match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from builders.labels.vocabulary import vocabulary
from builders.record.types import Emotions

Shares = tuple[tuple[str, float], ...]
# Coarse labels that cannot be a second emotion.
_NO_SECOND = ("neutral", "unknown")


def with_second(
    meaning: Emotions, shares: Shares, least: float | None, turned: bool = True
) -> Emotions:
    """Return a label with the next strongest emotion as its second, where there is just one such.

    The others that are strong enough are its other readings. A neutral label has neither, so that
    no reply names a feeling to a neutral speaker. The coarse label of a fine one says nothing more.
    `turned` says whether a second emotion may be of the opposite valence.
    """
    if least is None or not is_feeling(meaning.primary):
        return meaning
    known = (meaning.primary, meaning.root)
    others = [(n, s) for n, s in shares if n not in known and s >= least and is_feeling(n)]
    alone = bool(others) and (len(others) == 1 or others[0][1] > others[1][1])
    second = others[0][0] if alone else None
    if second and not turned and _opposite(second, meaning):
        second = None
    more = [*meaning.alternatives, *(node for node, _ in others if node != second)]
    return replace(meaning, secondary=second, alternatives=in_table_order(more))


def as_root(meaning: Emotions, root: str) -> Emotions:
    """Return a label as its coarse one, because its readings have only that in common."""
    words = vocabulary()
    return replace(
        meaning,
        primary=root,
        root=root,
        valence=words.valence(root),
        arousal=words.arousal(root),
        match_leaf="broad",
        match_root="broad",
    )


@lru_cache(maxsize=1024)
def lowered(meaning: Emotions) -> Emotions:
    """Return a label as one that was given to more than this utterance."""
    lower = {"exact": "close", "close": "broad"}
    leaf, root = meaning.match_leaf, meaning.match_root
    return replace(meaning, match_leaf=lower.get(leaf, leaf), match_root=lower.get(root, root))


def _opposite(node: str, meaning: Emotions) -> bool:
    return {vocabulary().valence(node), meaning.valence} == {"positive", "negative"}


def is_feeling(node: str) -> bool:
    """Return whether a node is a feeling: not neutral, and settled."""
    return vocabulary().root_of(node) not in _NO_SECOND


def is_tie(votes: tuple[tuple[str, int], ...]) -> bool:
    """Return whether two labels have the most votes."""
    by_label: Counter[str] = Counter()
    for label, count in votes:
        by_label[label] += count
    counts = sorted(by_label.values(), reverse=True)
    return len(counts) > 1 and counts[0] == counts[1]


def only_one_with(shares: Mapping[str, float], enough: float) -> str | None:
    """Return the one name with enough of the shares, or None where there is none or more."""
    strong = [name for name, share in shares.items() if share >= enough - 1e-9]
    return strong[0] if len(strong) == 1 else None


def strongest_first(nodes: Mapping[str, float]) -> Shares:
    """Return emotions with their shares, the strongest first, then as in the vocabulary."""
    order = vocabulary().nodes.index
    return tuple(sorted(nodes.items(), key=lambda pair: (-pair[1], order(pair[0]))))


def in_table_order(nodes: Iterable[str]) -> tuple[str, ...]:
    """Return emotions once each, in the order of the vocabulary."""
    return tuple(sorted(dict.fromkeys(nodes), key=vocabulary().nodes.index))
