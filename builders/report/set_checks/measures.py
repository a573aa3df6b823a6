"""The measures of a set of texts. Each is a function of the words of its texts, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress, islice, pairwise
from math import log2

from builders.report.set_checks.near_same import near_same

OPENING = 3
_LONG_ENOUGH = 4
_TOP = 10


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as words, with the emotion of each where it is known, and how many words count.

    `tokens` bounds what the measures of different words look at, so that sets of one size are
    compared.
    """

    words: Sequence[tuple[str, ...]]
    emotions: Sequence[str | None]
    tokens: int

    def but(self, kept: Sequence[bool]) -> Texts:
        """Return the texts that are kept."""
        words, emotions = compress(self.words, kept), compress(self.emotions, kept)
        return Texts(list(words), list(emotions), self.tokens)


def same(texts: Texts) -> float:
    """Return the share of texts that another one is word for word."""
    counts = Counter(texts.words)
    return _share(sum(n for n in counts.values() if n > 1), len(texts.words))


def near(texts: Texts) -> float:
    """Return the share of the different texts that are nearly the same as another."""
    different = list(dict.fromkeys(texts.words))
    return _share(sum(map(len, near_same(different))), len(different))


def opener(texts: Texts) -> float:
    """Return the share of texts that begin with the most frequent opening."""
    return _openings(texts, 1)


def openers(texts: Texts) -> float:
    """Return the share of texts that begin with one of the ten most frequent openings."""
    return _openings(texts, _TOP)


def opening_of(words: Sequence[str]) -> tuple[str, ...] | None:
    """Return the first three words of a text of four words or more."""
    return tuple(words[:OPENING]) if len(words) >= _LONG_ENOUGH else None


def distinct_1(texts: Texts) -> float:
    """Return the share of different words among the first `tokens` words."""
    return _distinct(islice(chain.from_iterable(texts.words), texts.tokens))


def distinct_2(texts: Texts) -> float:
    """Return the share of different pairs of neighbouring words among the first `tokens` words."""
    pairs: list[tuple[str, str]] = []
    left = texts.tokens
    for words in texts.words:
        pairs += pairwise(words[:left])
        left = max(0, left - len(words))
    return _distinct(pairs)


def emotions(texts: Texts) -> float:
    """Return the Shannon entropy of the emotions, in bits."""
    counts = Counter(one for one in texts.emotions if one)
    whole = counts.total()
    return sum(n / whole * log2(whole / n) for n in counts.values())


MEASURES: dict[str, Callable[[Texts], float]] = {
    "same": same,
    "near_same": near,
    "opener": opener,
    "openers": openers,
    "distinct_1": distinct_1,
    "distinct_2": distinct_2,
    "emotions": emotions,
}


def _openings(texts: Texts, most: int) -> float:
    counts = Counter(filter(None, map(opening_of, texts.words)))
    return _share(sum(n for _, n in counts.most_common(most)), counts.total())


def _distinct(found: Iterable[Hashable]) -> float:
    every = list(found)
    return _share(len(set(every)), len(every))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
