"""The ranker: which of two replies goes with which of two voices, learnt from other people.

What tells a pair is the product of the difference between its voices and the difference between its
replies: whoever swaps voices or replies turns its sign. Ridge regression finds the weights under
which as many as possible of these products are positive; a pair is right if its own is. A ranker
that has learnt nothing, and one that knows the replies alone, is right in one half by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from builders.pipeline.selection import rank

Rows: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
# The difference between the two sides of each pair, given which of the pairs may be learnt from.
Telling = Callable[[Mask], Rows]

SPEAKER_FOLDS, SENTENCE_FOLDS = 5, 4
# Of the embeddings so many directions are kept, those in which the replies differ most.
DIRECTIONS = 16
# How strongly weights are kept small, as a share of the mean square of what they weigh; the more
# so, the more weights there are for each pair. `bench/certificate.py` shows what it finds with it.
RIDGE = 1.0
# How often replies change places by lot.
DRAWS = 101
# What is as near to nothing as this tells nothing.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class ComparedPairs:
    """Pairs as the ranker is given them.

    Attributes:
        replies: the difference between the two replies in few directions, a row for each pair.
        speakers: the fold of the speaker of each.
        sentences: the fold of its sentence.
        groups: a number for each speaker and sentence, from 0.
    """

    replies: Rows
    speakers: NDArray[np.int64]
    sentences: NDArray[np.int64]
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Picked:
    """What a ranker got right.

    Attributes:
        right: 1 for a pair that was matched rightly, 0 for a wrong one, 0.5 where nothing was told,
            NaN where there was nothing to learn from.
        by_chance: the standard deviation of their mean where replies and voices are independent.
    """

    right: Rows
    by_chance: float


def folds(names: Sequence[str], most: int) -> NDArray[np.int64]:
    """Return a fold for each name, the same for equal names; as even as can be, by hash."""
    order = {name: place for place, name in enumerate(sorted({*names}, key=rank))}
    return np.array([order[name] % min(most, len(order)) for name in names])


def reduced(differences: Rows) -> Rows:
    """Return differences between embeddings along the directions in which they are largest.

    Nothing is learnt here of which reply goes with which voice.
    """
    sizes, directions = np.linalg.eigh(differences.T @ differences)
    kept = np.argsort(-sizes)[:DIRECTIONS]
    along: Rows = differences @ directions[:, kept[sizes[kept] > _NOTHING]]
    return along


def cells(pairs: ComparedPairs) -> Iterator[tuple[Mask, Mask]]:
    """Yield which pairs are asked about, and those of other speakers and sentences to learn from.

    Cells without anything to learn from are left out.
    """
    for speaker in np.unique(pairs.speakers):
        for sentence in np.unique(pairs.sentences):
            asked = (pairs.speakers == speaker) & (pairs.sentences == sentence)
            learnt = (pairs.speakers != speaker) & (pairs.sentences != sentence)
            if asked.any() and learnt.any():
                yield asked, learnt


def picks(pairs: ComparedPairs, telling: Telling) -> Picked:
    """Return which pairs are matched rightly, and how far chance alone would carry.

    For the latter the two replies of all pairs of one speaker and sentence change places or not, by
    lot, again and again: what the ranker then gets right has nothing to do with the voice.
    """
    lots = _lots(pairs)
    right = np.full((len(pairs.replies), lots.shape[1]), np.nan)
    for asked, learnt in cells(pairs):
        replies = _scaled(pairs.replies, learnt)
        told = _scaled(telling(learnt), learnt)
        products = (told[:, :, None] * replies[:, None, :]).reshape(len(told), -1)
        score = lots[asked] * (products[asked] @ _weights(products[learnt], lots[learnt]))
        right[asked] = np.where(np.abs(score) < _NOTHING, 0.5, score > 0)
    by_chance = right[~np.isnan(right[:, 0]), 1:]
    spread = float(by_chance.mean(axis=0).std()) if by_chance.size else 0.0
    return Picked(right[:, 0], spread)


def _lots(pairs: ComparedPairs) -> Rows:
    """Return 1 or -1 for each pair and draw, the same for all pairs of a group; first all are 1."""
    lots = np.random.default_rng(0).choice([-1.0, 1.0], size=(int(pairs.groups.max()) + 1, DRAWS))
    lots[:, 0] = 1.0
    return lots[pairs.groups]


def _scaled(rows: Rows, learnt: Mask) -> Rows:
    """Return columns of mean square 1 among those that are learnt from; empty ones are left."""
    size = np.sqrt((rows[learnt] ** 2).mean(axis=0))
    return rows / np.where(size < _NOTHING, 1.0, size)


def _weights(products: Rows, lots: Rows) -> Rows:
    """Return the weights of ridge regression of 1 on the products, a column for each draw.

    There is no intercept; lots change the signs of products, and so not their squares.
    """
    count, weights = products.shape
    square = products.T @ products / count
    mean = float(np.trace(square)) / max(weights, 1)
    if mean < _NOTHING:
        return np.zeros((weights, lots.shape[1]))
    keep = RIDGE * mean * (1 + weights / count)
    return np.linalg.solve(square + keep * np.eye(weights), products.T @ lots / count)
