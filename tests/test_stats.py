"""Intervals of shares against examples that others have published."""

import numpy as np
import pytest
from scipy.stats import binomtest

from builders.stats import difference, grouped, share, wilson


def of(count, whole):
    return share([True] * count + [False] * (whole - count))


# R. G. Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine
# 17, 857 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("count", "whole", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_of_a_share_is_the_published_one(count, whole, low, high):
    found = of(count, whole)
    assert found.share == count / whole
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


# The same, Interval estimation for the difference between independent proportions, Statistics in
# Medicine 17, 873 (1998), table II, method 10.
@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)],
)
def test_the_interval_of_a_difference_is_the_published_one(one, other, low, high):
    found = difference(of(*one), of(*other))
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert found.is_told
    assert not difference(of(5, 9), of(5, 10)).is_told


def test_of_nothing_there_is_no_share_and_no_difference():
    assert (of(0, 0).share, of(0, 0).low) == (None, None)
    assert difference(of(0, 0), of(1, 2)) is None and difference(of(1, 2), of(0, 0)) is None
    assert (of(3, 3).high, of(0, 3).low) == (1.0, 0.0)


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (4, 5), (80, 100), (7, 7)])
def test_the_interval_is_wilsons(hits, count):
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert wilson(hits / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("groups", [5, 20, 90])
def test_an_interval_over_groups_holds_the_truth_nineteen_times_in_twenty(groups):
    """A bootstrap's percentiles hold it 73 to 89 times in a hundred where there are few groups."""
    dice = np.random.default_rng(1)
    held, rounds = 0, 400
    for _ in range(rounds):
        values, of = [], []
        for group, share_of_group in enumerate(dice.beta(4, 1, groups)):
            count = dice.integers(5, 25)
            values += (dice.random(count) < share_of_group).astype(float).tolist()
            of += [group] * count
        found = grouped(values, of)
        held += found.low <= 0.8 <= found.high
    assert 0.9 <= held / rounds <= 0.99


def test_many_answers_of_few_groups_are_no_surer_than_the_groups():
    alone = grouped([1.0, 0.0] * 50, list(range(100)))
    together = grouped([1.0] * 50 + [0.0] * 50, [0] * 50 + [1] * 50)
    assert alone.low > 0.39 and together.low < 0.1
    assert grouped([1.0] * 100, [0] * 100).low == 0.0, "one group says nothing of others"
    assert (grouped([], []).mean, grouped([], []).of) == (None, 0)
    always = grouped([1.0] * 40, [n // 2 for n in range(40)])
    assert always.high == 1.0 and 0.85 < always.low < 0.87


def test_a_difference_that_nobody_shows_is_not_ruled_out():
    found = grouped([0.0] * 20, list(range(20)), least=-1.0)
    assert -0.3 < found.low < -0.2 and found.high == -found.low
