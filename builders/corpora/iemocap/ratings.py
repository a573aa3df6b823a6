"""What IEMOCAP's raters said of a turn: put together, and held against its label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from builders.record.types import Annotation
from builders.record.views import DimensionRating, LabelView, VoteCount

_SCALE = 1.0, 5.0


@dataclass(slots=True)
class Said:
    """What one rater said of one turn: categories, and values by dimension (None: left out)."""

    categories: tuple[str, ...] = ()
    values: dict[str, float | None] = field(default_factory=dict)


Ratings = dict[str, Said]  # by rater


def merge(ratings: Ratings, more: Ratings) -> bool:
    """Add to a summary's ratings what it lacks; return whether the two contradict one another.

    Where they do the summary's stay, which the label was made from.
    """
    differ = False
    for rater, other in more.items():
        said = ratings.setdefault(rater, Said())
        if not said.categories:
            said.categories = other.categories
        elif other.categories:
            differ |= set(map(_plain, said.categories)) != set(map(_plain, other.categories))
        for name, value in other.values.items():
            if said.values.get(name) is None:
                said.values[name] = value
            else:
                differ |= value not in (None, said.values[name])
    return differ


# What a label is called in full; of an unsettled one, more than one category or none may lead.
_IN_FULL = {
    **{"ang": "Anger", "hap": "Happiness", "exc": "Excited", "sad": "Sadness", "neu": "Neutral"},
    **{"fru": "Frustration", "fea": "Fear", "sur": "Surprise", "dis": "Disgust", "oth": "Other"},
}


def follows(label: str, ratings: Ratings) -> bool:
    """Return whether a label follows from the votes by the release's rule.

    It is the one category that most outside raters chose, if two did; else it is ``xxx``.
    """
    chosen = Counter(
        _plain(category)
        for rater, said in ratings.items()
        if _outside(rater)
        for category in said.categories
    )
    (first, most), (_, next_most) = [*chosen.most_common(2), ("", 0), ("", 0)][:2]
    settled = most >= 2 and most > next_most
    return not chosen or (first == _IN_FULL.get(label) if settled else label == "xxx")


def _plain(category: str) -> str:
    """Return a category as the summaries write it: raters' files say ``Neutral state``."""
    return category.removesuffix(" state")


def annotation(means: dict[str, float | None], ratings: Ratings) -> Annotation:
    """Return the votes of the outside raters, all values, and the actor's own view beside them.

    `means` are the outside raters' mean values by dimension, as a summary gives them.
    """
    raters = sorted(ratings.items())
    averages = [_dimension(name, value, None) for name, value in means.items()]
    values = [_dimension(n, v, rater) for rater, said in raters for n, v in said.values.items()]
    own = _votes((rater, said) for rater, said in raters if not _outside(rater))
    return Annotation(
        votes=_votes((rater, said) for rater, said in raters if _outside(rater)) or None,
        dimensions=[*averages, *values],
        views=[_own_view(own)] if own else None,
    )


def _outside(rater: str) -> bool:
    return rater.startswith("E")


def _votes(raters: Iterator[tuple[str, Said]]) -> list[VoteCount]:
    return [
        {"rater": rater, "label": category, "count": 1}
        for rater, said in raters
        for category in said.categories
    ]


def _dimension(name: str, value: float | None, rater: str | None) -> DimensionRating:
    return DimensionRating(
        name=name, value=value, minimum=_SCALE[0], maximum=_SCALE[1], rater=rater
    )


def _own_view(votes: list[VoteCount]) -> LabelView:
    """Return the actor's own view; it has a label where the actor chose just one."""
    label = votes[0]["label"] if len(votes) == 1 else None
    return {"name": "self", "label": label, "votes": votes, "agreement": None, "level": None}
