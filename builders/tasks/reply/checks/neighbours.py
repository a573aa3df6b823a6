"""Which two words must stand side by side in a text where a pattern is found.

Two words in a row are far rarer than either of them, so that most patterns need not be looked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from builders.tasks.reply.checks.text import BREAK

# The signs of patterns that stand for no word of their own.
GAP, ANY, NUMBER, BEGINS, ENDS = "...", "_", "#", "^", "$"
_NO_WORD = frozenset({GAP, ANY, NUMBER, BEGINS, ENDS})
# So many pairs of a pattern would fill the memory; a word of it is looked for instead.
_MOST = 100
# How many times rarer two words are side by side than anywhere in the same text.
_RARER = 60

Pair = tuple[str, str]


class Part(NamedTuple):
    """A part of a pattern: its expression, and what it is made of.

    One of the words `firsts` must occur, where there are any; `phrases` are its wordings, none for
    a part that only looks at what stands before or after; `missing` says that it may be left out.
    """

    expression: str
    firsts: tuple[str, ...] = ()
    phrases: tuple[tuple[str, ...], ...] = ()
    missing: bool = False


def pairs_of(
    parts: Sequence[Part], how_common: Callable[[str], int], least: int
) -> frozenset[Pair]:
    """Return the rarest pairs of which one must occur; none where a word is rarer.

    Args:
        parts: those of a pattern, in order.
        how_common: says about how often a word is said.
        least: how common the rarest words are that the pattern needs.
    """

    def cost(pairs: frozenset[Pair]) -> float:
        first, second = ({pair[at] for pair in pairs} for at in (0, 1))
        alone = min(sum(map(how_common, words)) for words in (first, second))
        together = sum(how_common(a) * how_common(b) for a, b in pairs) / _RARER
        return min(together, alone / 2)

    best = min(_all_pairs(parts), key=cost, default=frozenset[Pair]())
    return best if best and cost(best) < least else frozenset()


def _all_pairs(parts: Sequence[Part]) -> Iterator[frozenset[Pair]]:
    """Yield sets of pairs; of each set one pair must occur."""
    for at, part in enumerate(parts):
        if part.missing or not part.phrases:
            continue
        if all(len(phrase) > 1 for phrase in part.phrases):
            yield from _allowed([phrase[:2] for phrase in part.phrases])
        lasts = {BREAK if phrase == (BEGINS,) else phrase[-1] for phrase in part.phrases}
        nexts = _next_words(parts[at + 1 :])
        if nexts and len(lasts) * len(nexts) <= _MOST:
            yield from _allowed([*product(lasts, nexts)])


def _next_words(parts: Sequence[Part]) -> set[str]:
    """Return the words of which one must come next; none where nobody can tell."""
    words: set[str] = set()
    for part in parts:
        words |= {BREAK if phrase == (ENDS,) else phrase[0] for phrase in part.phrases}
        if part.phrases and not part.missing:
            return words
    return set()


def _allowed(pairs: Sequence[Sequence[str]]) -> Iterator[frozenset[Pair]]:
    """Yield pairs of whole words as a set, and nothing where one is no word."""
    made = frozenset((first, second) for first, second in pairs)
    if not any(word in _NO_WORD or "*" in word for pair in made for word in pair):
        yield made
