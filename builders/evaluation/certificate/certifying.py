"""What the ranker finds in the pairs of a build, and what that says of its replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Literal, TypedDict

import numpy as np
import orjson

from builders.evaluation.certificate.members import Matched, MatchedPairs
from builders.evaluation.certificate.ranker import (
    SENTENCE_FOLDS,
    SPEAKER_FOLDS,
    ComparedPairs,
    Mask,
    Picked,
    Rows,
    Telling,
    folds,
    picks,
    reduced,
)
from builders.stats import grouped
from builders.tasks.reply.nearness import Embed

# What the ranker goes by, in the order in which it is shown.
TOLD_BY = ("voice", "voice_beyond_label", "label", "words", "shuffled_voice")
CHANCE = 0.5
_SHUFFLES = 2
# So many standard deviations hold 95 % of what chance does.
_WITHIN = 1.96
# z values beyond this are as good as this: a slip of the pitch tracker is not three times a shout.
_FARTHEST = 3.0

Depends = Literal["voice", "label", "unclear", "neither"]
_SAYS: dict[Depends, str] = {
    "voice": "replies depend on the voice, beyond what its label tells",
    "label": "replies depend on the label; what the voice adds was not found",
    "unclear": "replies depend on the voice or on its label; which of them was not found",
    "neither": "no dependence of the replies on voice or label was found",
}


class RankedShare(TypedDict):
    """How often the ranker was right, with the 95 % interval over speakers; None without pairs.

    `by_chance` is the standard deviation of the share where replies do not depend on voices.
    """

    share: float | None
    low: float | None
    high: float | None
    by_chance: float


class Pick(TypedDict):
    """One pair: its two ids, and for all that the ranker went by whether it was right, 0 to 1."""

    one: str
    other: str
    speaker: str
    right: dict[str, float]


class Certificate(TypedDict):
    """The certificate of a set of replies.

    `left` are pairs without measured voices, `unasked` those of which no other speaker and sentence
    was there to learn from. `depends` says what the replies were found to depend on, `sentence` the
    same in words.
    """

    pairs: int
    left: int
    unasked: int
    speakers: int
    sentences: int
    embeddings: str
    told_by: dict[str, RankedShare]
    depends: Depends
    sentence: str
    picks: list[Pick]
    digest: str


def certify(found: MatchedPairs, embed: Embed, embeddings: str) -> Certificate:
    """Return the certificate of the replies to minimal pairs.

    Args:
        found: the pairs, of two speakers and two sentences at least.
        embed: returns a row for each reply.
        embeddings: the package and version that `embed` goes by.
    """
    pairs = found.pairs
    compared = _compared(pairs, embed)
    picked = {name: _picked(compared, _tellings(name, pairs)) for name in TOLD_BY}
    made: list[Pick] = [
        {
            "one": one.id,
            "other": other.id,
            "speaker": one.speaker,
            "right": {name: float(of.right[number]) for name, of in picked.items()},
        }
        for number, (one, other) in enumerate(pairs)
        if not np.isnan(picked["voice"].right[number])
    ]
    return _summed(made, {name: of.by_chance for name, of in picked.items()}, found, embeddings)


def _summed(
    made: list[Pick], by_chance: dict[str, float], found: MatchedPairs, embeddings: str
) -> Certificate:
    """Return the certificate that these picks come to."""
    told_by = shares(made, by_chance)
    return {
        "pairs": len(made),
        "left": found.untold,
        "unasked": len(found.pairs) - len(made),
        "speakers": len(found.speakers),
        "sentences": len(found.sentences),
        "embeddings": embeddings,
        "told_by": told_by,
        "depends": depends(told_by),
        "sentence": _SAYS[depends(told_by)],
        "picks": made,
        "digest": _digest(found.pairs),
    }


def shares(made: Sequence[Pick], by_chance: dict[str, float]) -> dict[str, RankedShare]:
    """Return how often the ranker was right, by what it went by.

    The interval is over speakers, and at least as wide as chance alone makes it: picks of one
    ranker are not independent, whoever speaks.
    """
    speakers = [pick["speaker"] for pick in made]
    found: dict[str, RankedShare] = {}
    for name in TOLD_BY:
        mean = grouped([pick["right"][name] for pick in made], speakers)
        share, low, high, chance = mean.mean, mean.low, mean.high, by_chance[name]
        if share is not None and low is not None and high is not None:
            low = min(low, max(0.0, share - _WITHIN * chance))
            high = max(high, min(1.0, share + _WITHIN * chance))
        found[name] = {"share": share, "low": low, "high": high, "by_chance": chance}
    return found


def depends(told_by: dict[str, RankedShare]) -> Depends:
    """Return what replies depend on, as far as the intervals leave no doubt."""

    def above_chance(name: str) -> bool:
        low = told_by[name]["low"]
        return low is not None and low > CHANCE

    if above_chance("voice_beyond_label"):
        return "voice"
    if above_chance("label"):
        return "label"
    return "unclear" if above_chance("voice") else "neither"


def _picked(compared: ComparedPairs, tellings: Sequence[Telling]) -> Picked:
    """Return what was right of each pair, on average over all ways of telling."""
    each = [picks(compared, telling) for telling in tellings]
    right: Rows = np.mean([one.right for one in each], axis=0)
    return Picked(right, float(np.mean([one.by_chance for one in each])))


def _compared(pairs: Sequence[Matched], embed: Embed) -> ComparedPairs:
    texts = sorted({one.reply for one in chain.from_iterable(pairs)})
    rows = dict(zip(texts, embed(texts).astype(np.float64), strict=True))
    replies = np.array([rows[one.reply] - rows[other.reply] for one, other in pairs])
    groups = [f"{one.speaker}|{one.sentence}" for one, _ in pairs]
    return ComparedPairs(
        reduced(replies),
        folds([one.speaker for one, _ in pairs], SPEAKER_FOLDS),
        folds([one.sentence for one, _ in pairs], SENTENCE_FOLDS),
        folds(groups, len(groups)),
    )


def _tellings(name: str, pairs: Sequence[Matched]) -> list[Telling]:
    """Return what the ranker may go by; several ways of it where chance has a part."""
    first, second = _sides(name, pairs)
    if name == "voice_beyond_label":
        return [partial(_beyond, (first, second), _sides("label", pairs))]
    if name != "shuffled_voice":
        return [lambda _: first - second]
    every = np.concatenate([first, second])
    dealt = (every[np.random.default_rng(n).permutation(len(every))] for n in range(_SHUFFLES))
    return [partial(_apart, one) for one in dealt]


def _apart(dealt: Rows, _: Mask) -> Rows:
    half = len(dealt) // 2
    apart: Rows = dealt[:half] - dealt[half:]
    return apart


def _beyond(voices: tuple[Rows, Rows], labels: tuple[Rows, Rows], learnt: Mask) -> Rows:
    """Return the difference between voices, each less the mean voice of its label.

    The means are of what may be learnt from, so that nothing of the others is in them.
    """
    label = np.concatenate([side[learnt] for side in labels])
    voice = np.concatenate([side[learnt] for side in voices])
    means = label.T @ voice / np.maximum(label.sum(axis=0), 1)[:, None]
    first, second = (of - by @ means for of, by in zip(voices, labels, strict=True))
    apart: Rows = first - second
    return apart


def _sides(name: str, pairs: Sequence[Matched]) -> tuple[Rows, Rows]:
    """Return what the ranker goes by of the first and of the second member of each pair."""
    if name == "words":  # one sentence: there is nothing that differs
        return np.zeros((len(pairs), 1)), np.zeros((len(pairs), 1))
    members = list(chain.from_iterable(pairs))
    if name == "label":
        names = sorted({one.label for one in members})
        rows = np.array([[one.label == label for label in names] for one in members], float)
    else:
        names = sorted({name for one in members for name in one.voice})
        values = [[one.voice.get(name, 0.0) for name in names] for one in members]
        rows = np.clip(np.array(values, dtype=float), -_FARTHEST, _FARTHEST)
    return rows[::2], rows[1::2]


def _digest(pairs: Sequence[Matched]) -> str:
    """Return the SHA-256 of all that the ranker was given, 64 hexadecimal digits."""
    given = [[asdict(one), asdict(other)] for one, other in pairs]
    return sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).hexdigest()
