"""How far a judge agrees with people, beside people with one another, on the same items.

People rate from 1 to 5 what a judge scores from 1 to 10; two scores of the judge make one step.
Agreement is Cohen's kappa with quadratic weights (Psychological Bulletin 70, 1968), with a 95 %
interval by resampling items, and the share of pairs of items that both put in the same order. What
people rated by ear and by eye is never pooled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import nsmallest
from itertools import combinations
from math import ceil

import numpy as np
import numpy.typing as npt

from builders import resources
from builders.errors import ConfigError
from builders.evaluation.dimensions import dimension
from builders.evaluation.score_results import ScoresHeld
from builders.labels.tables import read_rows
from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.review.data.settings import Settings
from builders.review.outcome.merge import Merged
from builders.store.database import Store

STEPS = 5
REPLICATES = 1000

# Of each item, the values that two raters gave it, by who they are.
_Rated = dict[str, dict[str, tuple[int, int]]]
_Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """How far two raters agree.

    Attributes:
        items: how many items both rated.
        kappa: with quadratic weights; None where it is undefined, as with one value throughout.
        low, high: its 95 % interval, or None.
        pairwise: the share of pairs of items, rated differently by both, in the same order; None
            without such a pair.
    """

    items: int
    kappa: float | None
    low: float | None
    high: float | None
    pairwise: float | None


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """A judge beside people in one dimension: `by` is ``ear`` or ``eye``, as people rated."""

    model: str
    dimension: str
    scale: str
    by: str
    judge: RaterAgreement
    people: RaterAgreement


def judge_agreement(
    build: Build, store: Store, known: Restrictions, merged: Sequence[Merged]
) -> list[JudgeAgreement]:
    """Return how far each judge agrees with people, and people with one another on these items.

    Args:
        build: the build.
        store: an open store with judgements and decisions.
        known: the ids that may not be used.
        merged: what people decided, from `merge.views`.
    """
    held = ScoresHeld(build, store, known)
    return [
        one
        for name, scale in scales().items()
        for by in ("ear", "eye")
        for one in _of_scale(held, name, scale, by, ratings(merged, scale, by))
    ]


def for_judging(
    build: Build, store: Store, known: Restrictions, settings: Settings, count: int | None
) -> Settings:
    """Return review settings that give out only samples that a judge has scored, by hash.

    Args:
        build: the build.
        store: an open store with the judgements.
        known: the ids that may not be used.
        settings: those of the review.
        count: how many samples; 0 for all samples again, None to leave it as it is.

    Raises:
        ConfigError: no judge has scored a sample.
    """
    if count is None:
        return settings
    if count == 0:
        return replace(settings, only=())
    held = ScoresHeld(build, store, known)
    scored = {said.subject for name in scales() for said, _ in held.judgements("score", name)}
    if not scored:
        raise ConfigError(
            f"no judge has scored a reply of {build.name} in {', '.join(scales())}",
            where=build.folder,
            do=f"first run hearten judge {build.folder} --test score --model MODEL",
        )
    # People are compared with one another, too.
    overlap = max(settings.overlap, 2)
    return replace(settings, only=tuple(nsmallest(count, scored, key=rank)), overlap=overlap)


def ratings(merged: Sequence[Merged], scale: str, by: str) -> dict[str, dict[str, int]]:
    """Return what people rated on a scale, by item and person; gold items test people."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for view in merged:
        for event in () if view.item.gold else view.decisions:
            rated = (event.decision.ratings or {}).get(scale)
            if rated is not None and ("ear" if event.decision.seconds_heard else "eye") == by:
                found[view.item.item][event.annotator] = rated
    return found


def agreed(rated: _Rated, alike: bool = False) -> RaterAgreement:
    """Return the agreement over items.

    Args:
        rated: of each item, the values that two raters gave it, by who they are.
        alike: both are people, of whom neither comes first.
    """
    counts = np.zeros((len(rated), STEPS * STEPS))
    for row, values in enumerate(rated.values()):
        for one, other in values.values():
            counts[row, (one - 1) * STEPS + other - 1] += 1
            if alike:
                counts[row, (other - 1) * STEPS + one - 1] += 1
    kappa = weighted_kappa(counts.sum(axis=0)) if rated else None
    low, high = _interval(counts) if kappa is not None else (None, None)
    return RaterAgreement(len(rated), kappa, low, high, _pairwise(rated))


def weighted_kappa(counts: _Counts) -> float | None:
    """Return Cohen's kappa with quadratic weights, None where it is undefined.

    Args:
        counts: how often each of 25 pairs of values was given, row by row.
    """
    table = counts.reshape(STEPS, STEPS)
    total = table.sum()
    apart = (np.subtract.outer(np.arange(STEPS), np.arange(STEPS)) ** 2).astype(float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(total, 1.0)
    by_chance = float((apart * expected).sum())
    return None if by_chance == 0 else 1.0 - float((apart * table).sum()) / by_chance


@cache
def scales() -> Mapping[str, str]:
    """Return the scale of the review page that asks people what a dimension asks a judge."""
    path = resources.label_maps() / "judge" / "_ratings.tsv"
    rows = read_rows(path, ("dimension", "scale", "reason"), key=("dimension",))
    return {row.text("dimension"): row.text("scale") for row in rows}


def _of_scale(
    held: ScoresHeld, name: str, scale: str, by: str, rated: Mapping[str, Mapping[str, int]]
) -> Iterator[JudgeAgreement]:
    scores: dict[str, dict[str, int]] = defaultdict(dict)
    for judgement, _ in held.judgements("score", name):
        if judgement.value is not None:
            scores[judgement.model][judgement.subject] = _step(name, judgement.value)
    for model, values in scores.items():
        common = {item: given for item, given in rated.items() if item in values}
        if common:
            mine = {
                item: {who: (values[item], one) for who, one in given.items()}
                for item, given in common.items()
            }
            theirs = {n: _two(given) for n, given in common.items() if len(given) > 1}
            people = agreed(theirs, alike=True)
            yield JudgeAgreement(model, name, scale, by, agreed(mine), people)


def _two(given: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return what each two people gave an item."""
    people = combinations(sorted(given), 2)
    return {f"{one} {other}": (given[one], given[other]) for one, other in people}


def _step(name: str, value: float) -> int:
    """Return a score as a step of the scale that people rate on."""
    scale = dimension(name)
    return max(1, ceil(STEPS * (value - scale.low + 1) / (scale.high - scale.low + 1)))


def _interval(counts: _Counts) -> tuple[float | None, float | None]:
    """Return the 95 % interval of kappa over items, drawn reproducibly; None where undefined."""
    items = len(counts)
    drawn = np.random.default_rng(0).multinomial(items, [1 / items] * items, REPLICATES)
    found = [weighted_kappa(one) for one in drawn @ counts]
    values = [one for one in found if one is not None]
    if items < 2 or len(values) < 0.9 * REPLICATES:  # noqa: PLR2004 - one item has no spread
        return None, None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _pairwise(rated: _Rated) -> float | None:
    """Return how often two raters order two items alike, of those that neither rates equal."""
    by_raters: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for values in rated.values():
        for who, both in values.items():
            by_raters[who].append(both)
    told = [
        (one[0] > other[0]) == (one[1] > other[1])
        for values in by_raters.values()
        for one, other in combinations(values, 2)
        if one[0] != other[0] and one[1] != other[1]
    ]
    return sum(told) / len(told) if told else None
