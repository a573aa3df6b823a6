"""What must occur in a text where a pattern is found: words, and pairs of them side by side.

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
# A word, the beginning of one with a * after it, or two words side by side.
Need = str | Pair


class Part(NamedTuple):
    """A part of a pattern: its expression, and what it is made of.

    `phrases` are its wordings, none for a part that only looks at what stands before or after;
    `missing` says that it may be left out.
    """

    expression: str
    phrases: tuple[tuple[str, ...], ...] = ()
    missing: bool = False

    @property
    def needs(self) -> frozenset[Need]:
        """Return what of one must occur; nothing where anything may."""
        if self.missing:
            return frozenset()
        needs = [_need(phrase) for phrase in self.phrases]
        return frozenset(filter(None, needs)) if all(needs) else frozenset()


def _need(phrase: tuple[str, ...]) -> Need | None:
    """Return what must occur where a wording does; None where nobody can tell."""
    first, *others = phrase
    if first in _NO_WORD or "*" in first[:-1]:
        return None
    if others and not any(word in _NO_WORD or "*" in word for word in (first, others[0])):
        return first, others[0]
    return first


def needs_of(parts: Sequence[Part], how_common: Callable[[str], int]) -> list[frozenset[Need]]:
    """Return sets of what must occur, of each set one; the rarest comes first.

    Args:
        parts: those of a pattern, in order.
        how_common: says about how often a word is said.
    """

    def cost(needs: frozenset[Need]) -> float:
        apart = [need for need in needs if isinstance(need, str)]
        pairs = [need for need in needs if not isinstance(need, str)]
        together = sum(how_common(a) * how_common(b) for a, b in pairs) / _RARER
        if pairs:
            sides = ({pair[at] for pair in pairs} for at in (0, 1))
            together = min(together, min(sum(map(how_common, side)) for side in sides) / 2)
        return sum(map(how_common, apart)) + together

    needs = [part.needs for part in parts if part.needs]
    return sorted(dict.fromkeys([*needs, *_all_pairs(parts)]), key=cost)


def _all_pairs(parts: Sequence[Part]) -> Iterator[frozenset[Need]]:
    """Yield the pairs of the last word of a part and the first of the next."""
    for at, part in enumerate(parts):
        if part.missing or not part.phrases:
            continue
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


def _allowed(pairs: Sequence[Pair]) -> Iterator[frozenset[Need]]:
    """Yield pairs of whole words as a set, and nothing where one is no word."""
    if not any(word in _NO_WORD or "*" in word for pair in pairs for word in pair):
        yield frozenset(pairs)
