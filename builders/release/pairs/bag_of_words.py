"""What the words of the replies alone tell of a set of pairs: a style to spot is no preference.

A logistic regression over pairs sees which words each reply has, and neither the utterance nor the
voice. Trained on some dialogues, it says of the pairs of the others which reply is the chosen one.
A half is chance. What it reaches, a model trained on the pairs can learn without listening.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from builders.pipeline.selection import rank
from builders.stats import wilson
from builders.tasks.reply.checks.wording import pieces

# Chance is 0.5. Contrast pairs may reach no more than this, and of the others it is said.
MOST = 0.55
_FOLDS = 5
# With fewer pairs, or dialogues, nothing is held out that says anything.
LEAST_PAIRS = 20
_LEAST_GROUPS = 5
# So many pairs are enough to tell, and take a second.
MOST_PAIRS = 5_000
_VOCABULARY = 5_000
_STEPS = 100
_RATE = 0.5
_PENALTY = 1e-3


class ToldByWords(TypedDict):
    """What words alone tell of the pairs of one origin; None with too few of them.

    `accuracy` is the share of held-out pairs whose chosen reply is found, with its 95 % interval
    over groups of dialogues. In `lowered` of the planted pairs our rewards prefer the same reply;
    None where that was not computed.
    """

    origin: str
    pairs: int
    groups: int
    accuracy: float | None
    low: float | None
    high: float | None
    lowered: int | None


@dataclass(frozen=True, slots=True)
class _Compared:
    chosen: str
    rejected: str
    dialogues: tuple[str, ...]


class WordsAlone:
    """Collects the pairs that are written, by origin."""

    def __init__(self) -> None:
        self._held: dict[str, list[_Compared]] = defaultdict(list)
        self._count: Counter[str] = Counter()
        self._lowered: dict[str, int] = {}

    def add(self, origin: str, chosen: str, rejected: str, *dialogues: str) -> None:
        """Add a pair.

        Args:
            origin: where it comes from.
            chosen: the better reply.
            rejected: the other one.
            dialogues: those of both replies; what shares one is held out together.
        """
        self._count[origin] += 1
        held = self._held[origin]
        held.append(_Compared(chosen, rejected, dialogues))
        if len(held) >= 2 * MOST_PAIRS:
            self._held[origin] = _fewer(held)

    def rewarded(self, origin: str, lowered: bool) -> None:
        """Note whether the rejected reply of a pair has less of our rewards."""
        self._lowered[origin] = self._lowered.get(origin, 0) + lowered

    def told(self) -> list[ToldByWords]:
        """Return what words alone tell of each origin, in the order of the alphabet."""
        return [
            {
                **_told(origin, count, _fewer(self._held[origin])),
                "lowered": self._lowered.get(origin),
            }
            for origin, count in sorted(self._count.items())
        ]


def said_of(told: ToldByWords) -> str:
    """Return what words alone tell, as a sentence, and what our rewards do."""
    if told["lowered"] is None:
        return _said(told)
    return f"{_said(told)}; our rewards prefer the same in {told['lowered']:,}"


def _said(told: ToldByWords) -> str:
    if told["accuracy"] is None or told["low"] is None or told["high"] is None:
        return f"{told['origin']}: too few pairs to say what words alone tell"
    found = (
        f"{told['origin']}: the words of the replies alone tell the chosen one in "
        f"{told['accuracy']:.1%} of the pairs ({told['low']:.1%} to {told['high']:.1%}, "
        "by dialogues held out; chance is 50 %)"
    )
    if told["accuracy"] <= MOST:
        return found
    return f"{found}: a style to spot, which is not yet a preference"


def _fewer(held: list[_Compared]) -> list[_Compared]:
    """Return at most `MOST_PAIRS` of the pairs, those of whole groups, by a hash."""
    if len(held) <= MOST_PAIRS:
        return held
    groups = _groups(held)
    by_rank = sorted(range(len(held)), key=lambda at: (rank(groups[at]), at))
    cut = groups[by_rank[MOST_PAIRS]]
    kept = [at for at in by_rank[:MOST_PAIRS] if groups[at] != cut]
    return [held[at] for at in sorted(kept or by_rank[:MOST_PAIRS])]


def _told(origin: str, count: int, held: list[_Compared]) -> ToldByWords:
    groups = _groups(held)
    names = sorted(set(groups), key=rank)
    empty = ToldByWords(
        origin=origin,
        pairs=count,
        groups=len(names),
        accuracy=None,
        low=None,
        high=None,
        lowered=None,
    )
    if len(held) < LEAST_PAIRS or len(names) < _LEAST_GROUPS:
        return empty
    fold_of = {name: number % _FOLDS for number, name in enumerate(names)}
    folds = np.array([fold_of[name] for name in groups])
    right = 0.0
    for fold in range(_FOLDS):
        right += _right(
            [held[at] for at in np.flatnonzero(folds != fold)],
            [held[at] for at in np.flatnonzero(folds == fold)],
        )
    accuracy = right / len(held)
    low, high = wilson(accuracy, len(names))
    return {**empty, "accuracy": round(accuracy, 4), "low": round(low, 4), "high": round(high, 4)}


def _groups(held: list[_Compared]) -> list[str]:
    """Return the group of each pair: dialogues that pairs connect are one, named by the first."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for pair in held:
        for other in pair.dialogues[1:]:
            one, two = sorted((top(pair.dialogues[0]), top(other)))
            above[two] = one
    return [top(pair.dialogues[0]) for pair in held]


@dataclass(frozen=True, slots=True)
class _Matrix:
    """The differences of words, chosen less rejected: row, column and value of each entry."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    height: int
    width: int

    def times(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of each pair: above 0 where the chosen reply has the better words."""
        entries = self.values * weights[self.columns]
        return np.bincount(self.rows, entries, self.height).astype(np.float64)

    def back(self, pairs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over the pairs for each word."""
        entries = self.values * pairs[self.rows]
        return np.bincount(self.columns, entries, self.width).astype(np.float64)


def _right(learnt: list[_Compared], held_out: list[_Compared]) -> float:
    """Return in how many held-out pairs the chosen reply scores higher; a tie is half of one."""
    counts = Counter(word for pair in learnt for word in {*_bag(pair.chosen), *_bag(pair.rejected)})
    common = sorted(counts, key=lambda word: (-counts[word], word))[:_VOCABULARY]
    place = {word: at for at, word in enumerate(common)}
    weights = _fitted(_matrix(learnt, place))
    scores = _matrix(held_out, place).times(weights)
    return float(np.sum(scores > 0) + np.sum(scores == 0) / 2)


def _fitted(matrix: _Matrix) -> NDArray[np.float64]:
    """Return the weights of the words, by AdaGrad on the logistic loss of the differences."""
    weights = np.zeros(matrix.width)
    squares = np.full(matrix.width, 1e-8)
    for _ in range(_STEPS):
        wrong = 1 / (1 + np.exp(np.clip(matrix.times(weights), -30, 30)))
        slope = matrix.back(wrong) / matrix.height - _PENALTY * weights
        squares += slope**2
        weights += _RATE * slope / np.sqrt(squares)
    return weights


def _matrix(pairs: list[_Compared], place: dict[str, int]) -> _Matrix:
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, pair in enumerate(pairs):
        difference = Counter(_bag(pair.chosen))
        difference.subtract(_bag(pair.rejected))
        for word, value in difference.items():
            if value and word in place:
                rows.append(row)
                columns.append(place[word])
                values.append(float(value))
    return _Matrix(
        np.array(rows, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        np.array(values),
        len(pairs),
        len(place),
    )


def _bag(text: str) -> list[str]:
    """Return the words of a reply, each once."""
    return sorted(set(pieces(text)))
