"""Judges beside people: the same items, by ear and by eye apart, and which items are given out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from exporting import small_build, spoken
from sklearn.metrics import cohen_kappa_score

from builders.errors import ConfigError
from builders.evaluation.dimensions import load_dimensions
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.replies import Replies
from builders.evaluation.scoring import version_of
from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.review.data.decisions import faults
from builders.review.data.events import Decision, Reviews
from builders.review.data.items import Items
from builders.review.data.people import People
from builders.review.data.queue import Queue
from builders.review.data.settings import Settings, load_settings, save_settings
from builders.review.outcome.judge_agreement import (
    agreed,
    for_judging,
    judge_agreement,
    ratings,
    scales,
    weighted_kappa,
)
from builders.review.outcome.merge import views
from builders.store.database import Store

KNOWN = Restrictions()
PEOPLE = ("Ann", "Bo", "Cleo")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(small_build(tmp_path / "meld", [spoken(number) for number in range(12)]))


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Store]:
    opened = Store(str(tmp_path / "hearten.sqlite"))
    yield opened
    opened.close()


def score(build: Build, store: Store, values: dict[str, float], name: str = "heard") -> None:
    """Store a judge's scores of some replies."""
    judged = [
        Judgement(
            *(shown.seen(), shown.id, "", "score", name, values[shown.id], None, "a-judge"),
            version_of("score", name),
        )
        for shown in Replies(build).shown()
        if shown.id in values
    ]
    Judgements(store).append(judged)


def rate(  # noqa: PLR0913 - who rated what, on which scale
    build: Build,
    store: Store,
    who: str,
    given: dict[str, int],
    heard: float | None,
    scale: str = "fit",
) -> None:
    """Have somebody rate some replies."""
    person, reviews = People(store).named(who), Reviews(store)
    for item, rating in given.items():
        shown = reviews.shown(build.name, item, person.id)
        said = Decision("accept", ratings={scale: rating}, seconds_heard=heard)
        reviews.decide(person.id, shown, said)


def registered(build: Build, store: Store) -> list[str]:
    list(Items(store).register(build))
    save_settings(store, build.name, Settings(overlap=3))
    return [row["id"] for row in build.rows(["id"])]


def test_kappa_is_that_of_the_library_of_the_field():
    drawn = random.Random(1)
    for _ in range(20):
        one = [drawn.randint(1, 5) for _ in range(40)]
        other = [min(5, max(1, value + drawn.randint(-1, 2))) for value in one]
        rated = {str(n): {"ab": pair} for n, pair in enumerate(zip(one, other, strict=True))}
        expected = cohen_kappa_score(one, other, weights="quadratic", labels=[1, 2, 3, 4, 5])
        found = agreed(rated)
        assert found.kappa == pytest.approx(expected)
        assert found.low < found.kappa < found.high and found.items == 40


def test_one_value_throughout_has_no_kappa():
    assert weighted_kappa(np.array([3.0] + [0.0] * 24)) is None
    found = agreed({"1": {"ab": (4, 4)}, "2": {"ab": (4, 4)}})
    assert (found.kappa, found.low, found.pairwise) == (None, None, None)
    assert agreed({}).items == 0


def test_pairs_of_items_are_in_the_same_order_or_not():
    same = {"1": {"ab": (1, 2)}, "2": {"ab": (2, 5)}, "3": {"ab": (2, 4)}}
    assert agreed(same).pairwise == 1.0, "what one rates alike does not count"
    assert agreed({"1": {"ab": (1, 5)}, "2": {"ab": (5, 1)}}).pairwise == 0.0


def test_a_judge_stands_beside_people_on_the_same_items(build, held):
    ids = registered(build, held)
    score(build, held, {name: 1 + n % 5 * 2 for n, name in enumerate(ids[:10])})
    for who in PEOPLE:
        rate(build, held, who, {name: 1 + n % 5 for n, name in enumerate(ids)}, 3.0)
    (found,) = judge_agreement(build, held, KNOWN, views(held, build.name))
    assert (found.dimension, found.scale, found.by) == ("heard", "fit", "ear")
    assert found.judge.items == found.people.items == 10, "the others were not scored"
    assert found.judge.kappa == found.people.kappa == 1.0 == found.judge.pairwise


def test_what_was_rated_by_eye_is_apart(build, held):
    ids = registered(build, held)
    score(build, held, {name: 1 + n % 5 * 2 for n, name in enumerate(ids)})
    rate(build, held, "Ann", {name: 1 + n % 5 for n, name in enumerate(ids[:6])}, 3.0)
    rate(build, held, "Bo", {name: 5 - n % 5 for n, name in enumerate(ids[:6])}, None)
    merged = views(held, build.name)
    ear, eye = judge_agreement(build, held, KNOWN, merged)
    assert (ear.by, eye.by) == ("ear", "eye")
    assert ear.judge.kappa == 1.0 and eye.judge.kappa < 0
    assert ear.people.items == eye.people.items == 0, "one by ear and one by eye are no two"
    assert len(ratings(merged, "fit", "ear")) == 6


def test_only_scored_items_are_given_out_and_to_two_people(build, held):
    ids = registered(build, held)
    wanted = for_judging(build, held, KNOWN, Settings(), None)
    assert wanted.only == ()
    with pytest.raises(ConfigError, match="no judge has scored a reply of meld"):
        for_judging(build, held, KNOWN, Settings(), 3)
    score(build, held, dict.fromkeys(ids[:8], 7.0))
    drawn = for_judging(build, held, KNOWN, Settings(), 3)
    assert len(drawn.only) == 3 and drawn.overlap == 2 and set(drawn.only) <= set(ids[:8])
    assert set(drawn.only) <= set(for_judging(build, held, KNOWN, Settings(), 5).only)
    save_settings(held, build.name, drawn)
    queue, people = Queue(held), [People(held).named(who) for who in PEOPLE]
    given = [{item.item for item in queue.next(build.name, one, 12)} for one in people]
    assert given[0] == given[1] == set(drawn.only) and given[2] == set()
    left = queue.left(build.name, people[0])
    assert left.items == left.mine == 3
    every = for_judging(build, held, KNOWN, load_settings(held, build.name), 0)
    save_settings(held, build.name, every)
    assert queue.left(build.name, people[0]).items == 12


@pytest.mark.parametrize("name", [d.name for d in load_dimensions().values() if d.test == "score"])
def test_people_rate_each_dimension_that_a_judge_scores_alone(build, held, name):
    if name == "beside_reference":
        assert name not in scales(), "people are not shown a reference"
        return
    ids = registered(build, held)
    score(build, held, {one: 1 + n % 5 * 2 for n, one in enumerate(ids)}, name)
    said = Decision("accept", ratings={scales()[name]: 3})
    assert faults(said, None) == []
    for who in PEOPLE:
        rate(build, held, who, {one: 1 + n % 5 for n, one in enumerate(ids)}, 3.0, scales()[name])
    (found,) = judge_agreement(build, held, KNOWN, views(held, build.name))
    assert (found.dimension, found.judge.kappa) == (name, pytest.approx(1.0))
