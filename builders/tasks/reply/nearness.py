"""How near the cases of a set are to what was said: by their words, or by what they mean.

Both say it as a number from 0, nothing in common, to 1. It is the same on every machine, so that
a build that is started again shows the same cases.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import log
from typing import TYPE_CHECKING, Protocol, TypeAlias

# Only who compares meanings needs it, and the first request goes out before it is imported.
if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# A word of more than this share of the texts says nothing about what a text is about.
_COMMON = 0.2
# Nor does one that so many texts have, however many there are: it would only take time.
_MOST = 400
# Shared words of this weight, about one that few texts have, are half of all nearness.
_HALF = 4.0
# Meanings are compared to so many places, so that no machine's rounding decides.
_PLACES = 3

Vector: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"
Embed = Callable[[Sequence[str]], Vector]


class Index(Protocol):
    """The texts of some cases, which can be asked which of them are near."""

    def nearest(self, said: str, place: int) -> Iterator[tuple[int, float]]:
        """Yield the number of each text and its nearness from 0 to 1, nearest first.

        Args:
            said: what they are compared with.
            place: those equally near come in turn, from this place on.
        """
        ...


class WordIndex:
    """Texts by their words; words that few of them have count more."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._count = len(texts)
        with_word: dict[str, list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            for word in words_of(text):
                with_word[word].append(number)
        most = min(max(1, int(_COMMON * len(texts))), _MOST)
        self._with_word = {
            word: (of, log(self._count / len(of)) + 1)
            for word, of in with_word.items()
            if len(of) <= most
        }

    def nearest(self, said: str, place: int) -> Iterator[tuple[int, float]]:
        """Yield the number of each text and its nearness, nearest first."""
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(self._with_word.keys() & words_of(said)):
            of, weight = self._with_word[word]
            for number in of:
                scores[number] += weight
        for number in sorted(scores, key=lambda n: (-scores[n], (n - place) % self._count)):
            yield number, scores[number] / (scores[number] + _HALF)
        for step in range(self._count):
            if (number := (place + step) % self._count) not in scores:
                yield number, 0.0


class MeaningIndex:
    """Texts by their embeddings, compared by the cosine.

    Args:
        texts: what is compared.
        embed: returns a row of length 1 for each text.
    """

    def __init__(self, texts: Sequence[str], embed: Embed) -> None:
        self._vectors = embed(texts)
        self._embed = embed

    def nearest(self, said: str, place: int) -> Iterator[tuple[int, float]]:
        """Yield the number of each text and its nearness, nearest first."""
        import numpy as np

        count = len(self._vectors)
        cosines = np.round(self._vectors @ self._embed([said])[0], _PLACES).clip(0, 1)
        turn = (np.arange(count) - place % count) % count
        for number in np.lexsort((turn, -cosines)).tolist():
            yield number, float(cosines[number])


@lru_cache(maxsize=256)
def words_of(text: str) -> frozenset[str]:
    """Return the words of a text, in lower case."""
    return frozenset(words_in_order(text))


def words_in_order(text: str) -> list[str]:
    """Return the words of a text in lower case, one after the other."""
    return _WORD.findall(text.lower())
