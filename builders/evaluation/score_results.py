"""What judges said of replies by themselves and of two drafts: for a build, and for a record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, TypedDict

from builders.evaluation.decoys import DecoySet
from builders.evaluation.dimensions import dimension
from builders.evaluation.fitness import Fitness, KindFound, fit_in
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.replies import Replies, language_of
from builders.evaluation.scales import same_family
from builders.evaluation.scoring import PAIRS, SCORE, version_of
from builders.record.dataset import Build
from builders.record.reply_views import JudgedValue
from builders.release.eligibility import Restrictions
from builders.store.address import store_exists
from builders.store.database import Store


class DimensionResult(TypedDict):
    """What one judge said in one dimension.

    `judged` replies or pairs have a value, whose mean is `mean`; `refused` have none, as the judge
    gave no usable answer. `reply`, `other` and `even` count pairs of drafts in which the reply, the
    other draft or neither is better in both orders. `fit` is None where the judge was not measured.
    """

    model: str
    test: str
    dimension: str
    low: float
    high: float
    judged: int
    refused: int
    mean: float | None
    reply: int
    other: int
    even: int
    fit: bool | None
    kinds: list[KindFound]
    same_family: bool


class _Of(NamedTuple):
    """Whose judgements these are, and of what."""

    model: str
    test: str
    dimension: str


class ScoresHeld:
    """The current judgements of the replies of a build: those of its replies as they are now.

    Args:
        build: the build.
        store: an open store.
        known: the excluded ids, none by default.
        without: ids of records whose reply has changed since.
    """

    def __init__(
        self,
        build: Build,
        store: Store,
        known: Restrictions | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._build, self._store, self._known = build, store, known
        self._by: dict[_Of, dict[tuple[str, str], Judgement]] = {}
        hashes = {one.id: one.seen() for one in Replies(build, known, without).shown()}
        wanted = list(dict.fromkeys(hashes.values()))
        for test in (SCORE, PAIRS):
            for judgement in Judgements(store).about(wanted, test):
                if hashes.get(judgement.subject) == judgement.subject_hash:
                    self._take(judgement)
        self._fitness = self._measured() if self._by else {}

    def results(self) -> list[DimensionResult]:
        """Return what each judge said in each dimension, the latest judge last."""
        return [self._result(of, list(held.values())) for of, held in self._by.items()]

    def values(self) -> Mapping[str, list[JudgedValue]]:
        """Return the values of each record by its id, in each dimension those of the latest judge.

        Of several drafts or references, the mean counts.
        """
        found: dict[str, list[JudgedValue]] = defaultdict(list)
        for of in self._latest():
            by_record: dict[str, list[float]] = defaultdict(list)
            for judgement in self._by[of].values():
                if judgement.value is not None:
                    by_record[judgement.subject].append(judgement.value)
            for name, values in by_record.items():
                found[name].append(
                    {
                        "test": of.test,
                        "dimension": of.dimension,
                        "value": sum(values) / len(values),
                        "model": of.model,
                        "fit": self._fit(of),
                    }
                )
        return found

    def judgements(self, test: str, name: str) -> Iterator[tuple[Judgement, bool | None]]:
        """Yield the current judgements of a dimension, each with whether its judge is fit in it."""
        for of, held in self._by.items():
            if (of.test, of.dimension) == (test, name):
                yield from ((judgement, self._fit(of)) for judgement in held.values())

    def _take(self, judgement: Judgement) -> None:
        of = _Of(judgement.model, judgement.test, judgement.dimension)
        if judgement.prompt_version != version_of(of.test, of.dimension):
            return
        held = self._by.pop(of, {})  # the latest judge is last
        # Of a reply beside references, the latest reference counts.
        held[judgement.subject, judgement.other if of.test == PAIRS else ""] = judgement
        self._by[of] = held

    def _latest(self) -> list[_Of]:
        return list({(of.test, of.dimension): of for of in self._by}.values())

    def _measured(self) -> dict[_Of, Fitness | None]:
        decoys = DecoySet(language_of(self._build))
        return {of: fit_in(self._store, of.model, of.dimension, decoys) for of in self._by}

    def _fit(self, of: _Of) -> bool | None:
        found = self._fitness[of]
        return None if found is None else found["fit"]

    def _result(self, of: _Of, held: Sequence[Judgement]) -> DimensionResult:
        values = [one.value for one in held if one.value is not None]
        scale, fitness = dimension(of.dimension), self._fitness[of]
        verdicts = [one.verdict for one in held]
        return {
            "model": of.model,
            "test": of.test,
            "dimension": of.dimension,
            "low": scale.low,
            "high": scale.high,
            "judged": len(values),
            "refused": len(held) - len(values),
            "mean": sum(values) / len(values) if values else None,
            "reply": verdicts.count("reply"),
            "other": verdicts.count("other"),
            "even": verdicts.count("no_preference"),
            "fit": self._fit(of),
            "kinds": fitness["kinds"] if fitness else [],
            "same_family": any(same_family(of.model, one) for one in drafters_of(self._build)),
        }


def score_results(
    build: Build, store: str, known: Restrictions | None = None
) -> list[DimensionResult]:
    """Return what each judge said in each dimension, none without a store."""
    if not store_exists(store):
        return []
    opened = Store(store, writes=False)
    try:
        return ScoresHeld(build, opened, known).results()
    finally:
        opened.close()


def drafters_of(build: Build) -> list[str]:
    """Return the models that drafted the replies of a build."""
    config = build.manifest["result"]["config"]
    named = [config.get("model"), *config.get("drafters", ())]
    return list(dict.fromkeys(name for name in named if name))
