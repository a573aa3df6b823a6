"""The measures of a set of texts. Each is a function of the words of its texts, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, compress, islice, pairwise
from math import log2

from builders.report.set_checks.near_same import near_same

Names = tuple[str, ...]

OPENING = 3
_LONG_ENOUGH = 4
_TOP = 10


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as words, with what is known of each, and how many words count.

    `tokens` bounds what the measures of different words look at, so that sets of one size are
    compared. `emotions` are those of the texts where they are known, `acts` the strategies that
    each carries out in order, `before` those of the turn before it, and `halves` says which of two
    halves of the dialogues it is in; the three are empty where no measure asks for them.
    """

    words: Sequence[Names]
    emotions: Sequence[str | None]
    tokens: int
    acts: Sequence[Names] = ()
    before: Sequence[Names] = ()
    halves: Sequence[bool] = ()

    def but(self, kept: Sequence[bool]) -> Texts:
        """Return the texts that are kept."""
        return Texts(
            [*compress(self.words, kept)],
            [*compress(self.emotions, kept)],
            self.tokens,
            [*compress(self.acts, kept)],
            [*compress(self.before, kept)],
            [*compress(self.halves, kept)],
        )


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
    return _entropy(one for one in texts.emotions if one)


def sequences(texts: Texts) -> float:
    """Return the Shannon entropy of the sequences of strategies, in bits."""
    return _entropy(acts for acts in texts.acts if acts)


def template(texts: Texts) -> float:
    """Return how far one template fits texts that it was not learnt from.

    A template is a pair of different strategies in their order, with anything between them. It is
    the most frequent one of one half of the dialogues; its share is that of the texts of the other
    half. The mean of both ways is returned.
    """
    halves = [
        [acts for acts, half in zip(texts.acts, texts.halves, strict=True) if half == wanted]
        for wanted in (False, True)
    ]
    return (_fit(*halves) + _fit(*halves[::-1])) / 2


def template_of(sequences: Iterable[Names]) -> Names | None:
    """Return the pair of different strategies that most sequences have in this order.

    Of two with as many, the first by name; None where no sequence has two strategies.
    """
    return _most_common(pair for acts in sequences for pair in _in_order(acts))


def kept(texts: Texts) -> float:
    """Return the share of texts that carry out a strategy of the turn before."""
    both = [(acts, was) for acts, was in zip(texts.acts, texts.before, strict=True) if acts and was]
    return _share(sum(not set(acts).isdisjoint(was) for acts, was in both), len(both))


MEASURES: dict[str, Callable[[Texts], float]] = {
    "same": same,
    "near_same": near,
    "opener": opener,
    "openers": openers,
    "distinct_1": distinct_1,
    "distinct_2": distinct_2,
    "emotions": emotions,
    "template": template,
    "sequences": sequences,
    "acts_kept": kept,
}

# What a measure found most often, for those that can name it.
EXAMPLES: dict[str, Callable[[Texts], str | None]] = {
    "template": lambda texts: _named(template_of(texts.acts), ", then "),
    "opener": lambda texts: _named(_most_common(map(opening_of, texts.words)), " "),
}


def _openings(texts: Texts, most: int) -> float:
    counts = Counter(filter(None, map(opening_of, texts.words)))
    return _share(sum(n for _, n in counts.most_common(most)), counts.total())


def _most_common(found: Iterable[Names | None]) -> Names | None:
    counts = Counter(filter(None, found))
    return min(counts, key=lambda one: (-counts[one], one), default=None)


def _named(found: Names | None, between: str) -> str | None:
    return between.join(found) if found else None


def _fit(learnt: Sequence[Names], tried: Sequence[Names]) -> float:
    pair = template_of(learnt)
    return _share(sum(pair in _in_order(acts) for acts in tried), len(tried))


def _in_order(acts: Names) -> set[Names]:
    """Return the pairs of different strategies of a sequence, each in the order it has there."""
    return {pair for pair in combinations(acts, 2) if pair[0] != pair[1]}


def _entropy(found: Iterable[Hashable]) -> float:
    counts = Counter(found)
    whole = counts.total()
    return sum(n / whole * log2(whole / n) for n in counts.values())


def _distinct(found: Iterable[Hashable]) -> float:
    every = list(found)
    return _share(len(set(every)), len(every))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
