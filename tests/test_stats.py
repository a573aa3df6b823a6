"""Intervals of shares against examples that others have published."""

import pytest
from scipy.stats import binomtest

from builders.stats import difference, share, wilson


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
