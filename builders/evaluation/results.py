"""Results of judgements: for a build, by model; for a record, its `judgements`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import TypedDict

from builders.evaluation.dimensions import SWAP
from builders.evaluation.fitness import KindFound, swap_fitness
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair, pairs_of
from builders.evaluation.replies import language_of
from builders.evaluation.score_results import ScoresHeld
from builders.record.dataset import Build
from builders.record.folder import REDRAFT, read_json
from builders.record.redraft import Redraft
from builders.record.reply_views import JudgedValue
from builders.release.eligibility import Restrictions
from builders.stats import wilson
from builders.store.address import store_exists
from builders.store.database import Store

# A good share of pairs matched in both orders; guessing reaches a quarter.
GOOD = 0.8

_Latest = dict[str, dict[tuple[str, str], Judgement]]


class SwapCounts(TypedDict):
    """One model's results on its pairs.

    `pairs` were judged, `left` not; without pairs accuracy and its 95 % interval are None.
    """

    pairs: int
    right: int
    flips: int
    refused: int
    left: int
    groups: int
    accuracy: float | None
    low: float | None
    high: float | None


class SwapResult(SwapCounts):
    """The same for all pairs of a build; `untold` are pairs with indistinguishable voices.

    `fit` says whether the judge matches our own minimal pairs, None where it was not measured, and
    `kinds` how many of them.
    """

    model: str
    untold: int
    fit: bool | None
    kinds: list[KindFound]


def results(build: Build, store: str, known: Restrictions | None = None) -> list[SwapResult]:
    """Return each model's results on a build's current pairs, the latest model last."""
    if not store_exists(store):
        return []
    opened = Store(store, writes=False)
    try:
        pairs = pairs_of(build, known)
        told = {(p.one.id, p.other.id): p for p in pairs if p.can_be_told}
        latest = _free(build, latest_of(opened, told))
        language = language_of(build)
        fitness = {model: swap_fitness(opened, model, language) for model in latest}
    finally:
        opened.close()
    return [
        {
            "model": model,
            "untold": len(pairs) - len(told),
            **_summed(held, told),
            "fit": found["fit"] if (found := fitness[model]) else None,
            "kinds": found["kinds"] if found else [],
        }
        for model, held in latest.items()
    ]


def _summed(
    held: dict[tuple[str, str], Judgement], told: dict[tuple[str, str], Pair]
) -> SwapCounts:
    verdicts = {ids: judgement.verdict for ids, judgement in held.items()}
    judged = [ids for ids, verdict in verdicts.items() if verdict != "refused"]
    right = sum(verdicts[ids] == "right" for ids in judged)
    groups = len({told[ids].one.group for ids in judged})
    accuracy = right / len(judged) if judged else None
    # Pairs of one group are not independent observations.
    low, high = (None, None) if accuracy is None else wilson(accuracy, groups)
    return {
        "pairs": len(judged),
        "right": right,
        "flips": sum(verdicts[ids] == "flipped" for ids in judged),
        "refused": len(verdicts) - len(judged),
        "left": len(told) - len(verdicts),
        "groups": groups,
        "accuracy": accuracy,
        "low": low,
        "high": high,
    }


def judged(
    build: Build,
    store: Store,
    known: Restrictions | None = None,
    without: Collection[str] = (),
) -> dict[str, list[JudgedValue]]:
    """Return the `judgements` of each record by its id: of each test, those of the latest model.

    Args:
        build: the build.
        store: holds the events.
        known: the excluded ids, none by default.
        without: ids of records whose reply has changed since; their pairs do not count.
    """
    if not Judgements(store).any():
        return {}
    swaps = _swapped(build, store, known, without)
    scores = ScoresHeld(build, store, known, without).values()
    return {
        name: [*swaps.get(name, ()), *scores.get(name, ())]
        for name in dict.fromkeys((*swaps, *scores))
    }


def _swapped(
    build: Build, store: Store, known: Restrictions | None, without: Collection[str]
) -> dict[str, list[JudgedValue]]:
    """Return the share of its pairs that the latest model matched, for each record in some pair."""
    pairs = pairs_of(build, known, without)
    told = {(p.one.id, p.other.id): p for p in pairs if p.can_be_told}
    latest = _free(build, latest_of(store, told))
    if not latest:
        return {}
    model, held = list(latest.items())[-1]
    fitness = swap_fitness(store, model, language_of(build))
    by_record: dict[str, list[Judgement]] = defaultdict(list)
    for judgement in held.values():
        if judgement.value is not None:
            by_record[judgement.subject].append(judgement)
            by_record[judgement.other].append(judgement)
    return {
        name: [
            {
                "test": SWAP,
                "dimension": SWAP,
                "value": _mean(judgements),
                "model": model,
                "fit": fitness["fit"] if fitness else None,
            }
        ]
        for name, judgements in by_record.items()
    }


def _mean(judgements: Sequence[Judgement]) -> float:
    values = [one.value for one in judgements if one.value is not None]
    return sum(values) / len(values)


def latest_of(store: Store, told: dict[tuple[str, str], Pair]) -> _Latest:
    """Return each model's latest judgement of each current pair, the latest model last.

    Args:
        store: an open store.
        told: the pairs by the ids of both members.
    """
    latest: _Latest = {}
    seen = {ids: pair.seen for ids, pair in told.items()}
    for judgement in Judgements(store).about(list(dict.fromkeys(seen.values())), SWAP):
        ids = judgement.subject, judgement.other
        if seen.get(ids) == judgement.subject_hash:
            held = latest.pop(judgement.model, {})
            held[ids] = judgement
            latest[judgement.model] = held
    return latest


def _free(build: Build, latest: _Latest) -> _Latest:
    """Return the judgements without those of a model that selected what was drafted again."""
    path = build.folder / REDRAFT
    judge = Redraft(**read_json(path)).judge if path.is_file() else None
    return {model: held for model, held in latest.items() if model != judge}
