"""Which texts are nearly the same: an index by MinHash, then an exact comparison.

Two texts are nearly the same where they share at least `NEAR` of their pairs of neighbouring words
(Jaccard). Broder's MinHash (Compression and Complexity of Sequences, 1997) in `_BANDS` bands of
`_ROWS` values finds 99.8 % of the texts that are alike by 0.7, and no two of all are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

NEAR = 0.7
_BANDS, _ROWS = 16, 3
_SEED = 1997

Words = tuple[str, ...]
_Numbers = npt.NDArray[np.uint64]


def near_same(texts: Sequence[Words]) -> list[list[int]]:
    """Return the groups of texts that are nearly the same, each by index in order.

    A group holds every text that is nearly the same as one other member; texts without one are in
    no group.
    """
    pairs = [_pairs(words) for words in texts]
    leader = list(range(len(texts)))
    for bucket in _buckets([_in_order(words) for words in texts]):
        for one, other in zip(bucket, bucket[1:], strict=False):
            _join(leader, pairs, one, other)
            _join(leader, pairs, bucket[0], other)
    groups: dict[int, list[int]] = {}
    for index in range(len(texts)):
        groups.setdefault(_root(leader, index), []).append(index)
    return [group for group in groups.values() if len(group) > 1]


def jaccard(one: frozenset[Words], other: frozenset[Words]) -> float:
    """Return the share of what two sets hold together that both of them hold."""
    both = len(one & other)
    return both / (len(one) + len(other) - both)


def _pairs(words: Words) -> frozenset[Words]:
    return frozenset(_in_order(words))


def _in_order(words: Words) -> list[Words]:
    """Return the pairs of neighbouring words; of a single word, itself."""
    return list(zip(words, words[1:], strict=False)) or [words]


def _join(leader: list[int], pairs: Sequence[frozenset[Words]], one: int, other: int) -> None:
    first, second = _root(leader, one), _root(leader, other)
    if first != second and jaccard(pairs[one], pairs[other]) >= NEAR:
        leader[max(first, second)] = min(first, second)


def _root(leader: list[int], index: int) -> int:
    while leader[index] != index:
        leader[index] = leader[leader[index]]
        index = leader[index]
    return index


def _buckets(pairs: Sequence[Sequence[Words]]) -> Iterator[list[int]]:
    """Yield the indices of texts that agree in all values of a band."""
    if not pairs:
        return
    signatures = _signatures(pairs)
    for band in range(_BANDS):
        rows = signatures[:, band * _ROWS : (band + 1) * _ROWS]
        _, number, size = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        number = number.ravel()
        shared = np.flatnonzero(size[number] > 1)
        order = shared[np.argsort(number[shared], kind="stable")]
        for bucket in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
            if len(bucket):
                yield bucket.tolist()


def _signatures(pairs: Sequence[Sequence[Words]]) -> _Numbers:
    """Return `_BANDS * _ROWS` values for each text: the least of each hash over its pairs."""
    numbers: dict[Words, int] = {}
    flat = [numbers.setdefault(pair, len(numbers)) for text in pairs for pair in text]
    starts = np.cumsum([0, *map(len, pairs[:-1])])
    draw = np.random.default_rng(_SEED)
    # A random number for each pair and hash function: the least one is a fair draw of the pairs.
    columns = [
        np.minimum.reduceat(draw.integers(2**63, size=len(numbers), dtype=np.uint64)[flat], starts)
        for _ in range(_BANDS * _ROWS)
    ]
    return np.stack(columns, axis=1)
