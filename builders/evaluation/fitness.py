"""Whether a judge is fit: pairs of a good reply and a decoy that it must tell apart first.

A judge is measured in each dimension by itself, on each kind of decoys that
``label_maps/judge/_kinds.tsv`` names for it. Of a pair it must rate the good reply higher in both
orders, and, for scores of one reply, also when it sees each alone. In the swap test it must match
both replies of our own minimal pairs to their voices. The lower end of the 95 % interval must reach
the bound, on enough pairs of each kind. It is over the rows of our tables (`stats.grouped`), since
two pairs of one row say less than two of different ones. What a judge that is not fit says is kept,
and counts for nothing.

What was measured is a value of the store, by judge, dimension and the pairs with the prompts as the
judge saw them: with other decoys it is measured anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypedDict

import orjson

from builders.evaluation.asking import Asked, Doing, Judge, JudgingCost, ask_all
from builders.evaluation.decoys import VOICE_TWINS, Decoyed, DecoySet, has_decoys
from builders.evaluation.dimensions import SWAP, dimension
from builders.evaluation.pairs import Pair
from builders.evaluation.scales import kinds_of, load_kinds, scale_of
from builders.evaluation.scoring import BESIDE_REFERENCE, SCORE
from builders.llm.settings import ModelSettings
from builders.stats import grouped
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue
from builders.tasks.qualification import place_of
from builders.tasks.question import Question
from builders.tasks.scoring import Answered, one_score, score_of, scores_of, two_scores
from builders.tasks.swap import answer_of, questions, verdict

# Of each kind, the rows of our tables and whether a pair of them was told apart.
_Counts = Mapping[str, Sequence[tuple[str, bool]]]


class KindFound(TypedDict):
    """How many pairs of a kind a judge told apart: `low` to `high` is the 95 % interval."""

    kind: str
    right: int
    of: int
    share: float | None
    low: float | None
    high: float | None
    least: float
    pairs: int


class Fitness(TypedDict):
    """What a judge was found to tell apart in a dimension, and whether it is fit in it."""

    model: str
    dimension: str
    fit: bool
    kinds: list[KindFound]


class _Told(NamedTuple):
    dimension: str
    kind: str
    row: str
    right: bool


def measure(
    by: Judge,
    names: Sequence[str],
    decoys: DecoySet,
    prices: Mapping[str, object],
    quiet: bool,
) -> tuple[list[Fitness], JudgingCost]:
    """Ask a judge about all pairs for some dimensions; store and return what it told apart.

    Args:
        by: the judge.
        names: the dimensions.
        decoys: the pairs.
        prices: the user's own prices, by model.
        quiet: show no progress.

    Raises:
        StoppedEarly: it stopped before the end.
    """
    told: list[_Told] = []
    units = list(examined(by.model, names, decoys))
    total = sum(len(unit.questions) for unit in units)
    doing = Doing(f"{by.model.model} is measured", "pairs that the judge is measured on")
    cost = ask_all(by, units, told.append, total=total, doing=doing, prices=prices, quiet=quiet)
    found = {name: _counted([one for one in told if one.dimension == name]) for name in names}
    store = Store(by.store)
    try:
        _keep(store, {decoys.key(by.model.model, name): found[name] for name in names})
    finally:
        store.close()
    return [_fitness(by.model.model, name, found[name]) for name in names], cost


def measure_swap(
    by: Judge, language: str, prices: Mapping[str, object], quiet: bool
) -> tuple[Fitness | None, int]:
    """Measure a judge in the swap test; return what was found, and the number of requests.

    Nothing is found, and nothing asked, in a language without pairs of ours. See `measure`.
    """
    if not has_decoys(language):
        return None, 0
    (found,), cost = measure(by, [SWAP], DecoySet(language), prices, quiet)
    return found, cost["requests"]


def examined(
    model: ModelSettings, names: Sequence[str], decoys: DecoySet
) -> Iterator[Asked[_Told]]:
    """Yield what a judge is asked before its scores count."""
    place = place_of(model.base_urls)
    for name in names:
        for unit in _swaps(model, decoys) if name == SWAP else _scores(model, name, decoys):
            # Another server under the same name is another judge.
            named = (replace(one, name=f"{one.name} {place}") for one in unit.questions)
            yield replace(unit, questions=tuple(named))


def fit_in(store: Store, model: str, name: str, decoys: DecoySet) -> Fitness | None:
    """Return what a judge was found to tell apart in a dimension; None where it is not measured.

    Args:
        store: an open store.
        model: the judge.
        name: the dimension.
        decoys: the pairs in the language of the build.
    """
    values = KeyValue(store)
    try:
        kept = values.get("fitness", decoys.key(model, name))
    finally:
        values.close()
    return None if kept is None else _fitness(model, name, orjson.loads(kept.value))


def swap_fitness(store: Store, model: str, language: str) -> Fitness | None:
    """Return how far a judge tells our own minimal pairs apart; None where it is not measured.

    Args:
        store: an open store.
        model: the judge.
        language: that of the build; in some there are no pairs of ours.
    """
    return fit_in(store, model, SWAP, DecoySet(language)) if has_decoys(language) else None


def _keep(store: Store, found: Mapping[str, _Counts]) -> None:
    values = KeyValue(store)
    try:
        for key, counts in found.items():
            values.put("fitness", key, Kept(orjson.dumps(counts)))
    finally:
        values.close()


def _is_alone(name: str) -> bool:
    """Return whether a reply is scored by itself in a dimension, not only beside another."""
    return dimension(name).test == SCORE and name != BESIDE_REFERENCE


def _questions(model: ModelSettings, name: str, one: Decoyed) -> Iterator[Question]:
    scale, asked = scale_of(name), (model.model, model.reply_tokens)
    yield from two_scores(one.shown, one.decoy, scale, *asked)
    if _is_alone(name):
        yield one_score(one.shown, scale, *asked)
        yield one_score(replace(one.shown, reply=one.decoy), scale, *asked)


def _scores(model: ModelSettings, name: str, decoys: DecoySet) -> Iterator[Asked[_Told]]:
    for one in decoys.of(name):
        yield Asked(tuple(_questions(model, name, one)), partial(_told, name, one))


def _swaps(model: ModelSettings, decoys: DecoySet) -> Iterator[Asked[_Told]]:
    for pair in decoys.swaps:
        asked = tuple(questions([pair], model.model, model.reply_tokens))
        yield Asked(asked, partial(_matched, pair))


def _matched(pair: Pair, outcomes: Sequence[Answered]) -> _Told:
    straight, swapped = map(answer_of, outcomes)
    return _Told(SWAP, VOICE_TWINS, pair.one.words, verdict(straight, swapped) == "right")


def _told(name: str, one: Decoyed, outcomes: Sequence[Answered]) -> _Told:
    two = scores_of(outcomes[0], outcomes[1])
    right = two is not None and two.margin > 0
    if len(outcomes) > 2:  # noqa: PLR2004 - and each reply by itself
        good, decoy = map(score_of, outcomes[2:])
        right = right and good is not None and decoy is not None and good > decoy
    return _Told(name, one.kind, one.row, right)


def _counted(told: Sequence[_Told]) -> _Counts:
    counts: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for one in told:
        counts[one.kind].append((one.row, one.right))
    return counts


def _fitness(model: str, name: str, told: _Counts) -> Fitness:
    kinds = [_kind(kind.name, told.get(kind.name, [])) for kind in kinds_of(name)]
    return {
        "model": model,
        "dimension": name,
        "fit": bool(kinds) and all(map(_enough, kinds)),
        "kinds": kinds,
    }


def _kind(name: str, told: Sequence[tuple[str, bool]]) -> KindFound:
    kind, right = load_kinds()[name], [float(right) for _, right in told]
    found = grouped(right, [row for row, _ in told])
    return {
        "kind": name,
        "right": int(sum(right)),
        "of": found.of,
        "share": found.mean,
        "low": found.low,
        "high": found.high,
        "least": kind.least,
        "pairs": kind.pairs,
    }


def _enough(found: KindFound) -> bool:
    return found["of"] >= found["pairs"] and (found["low"] or 0.0) >= found["least"]
