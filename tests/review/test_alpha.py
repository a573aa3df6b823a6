"""Alpha against worked examples that others have published; each names its source."""

import sys

import numpy as np
import pytest
from builds import ROOT

from builders.review.outcome.alpha import alpha, jaccard, masi

sys.path.insert(0, str(ROOT / "bench"))
from alpha import EVEN, ITEMS, held  # noqa: E402 - it is a measurement

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section C: four observers,
# twelve units, values missing.
FOUR_OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
# The same paper, section A: two observers, ten units, two values.
BINARY = {"A": "0 1 0 0 0 0 0 0 1 0", "B": "1 1 1 0 0 1 0 0 0 0"}
# The same paper, section B: two observers, twelve units, five nominal values.
NOMINAL = {"A": "a a b b d c c c e d d a", "B": "b a b b b c c c e d d d"}


def items(rows: dict[str, str], kind=str) -> list[dict]:
    columns = zip(*(row.split() for row in rows.values()), strict=True)
    return [
        {who: kind(value) for who, value in zip(rows, column, strict=True) if value != "."}
        for column in columns
    ]


@pytest.mark.parametrize(
    ("rows", "kind", "distance", "published"),
    [
        (BINARY, int, "nominal", 0.095),
        (NOMINAL, str, "nominal", 0.692),
        (FOUR_OBSERVERS, int, "nominal", 0.743),
        (FOUR_OBSERVERS, int, "ordinal", 0.815),
    ],
)
def test_alpha_is_as_krippendorff_published_it(rows, kind, distance, published):
    found = alpha(items(rows, kind), distance)
    assert round(found.alpha, 3) == published
    assert found.low is None, "there are too few items for an interval"


def test_what_nobody_else_judged_is_left_out_and_counted_so():
    found = alpha(items(FOUR_OBSERVERS, int), "nominal")
    assert (found.items, found.values) == (11, 40)
    assert found.low is None and found.high is None


# R. Passonneau, Measuring Agreement on Set-valued Items (LREC 2006): Jaccard's likeness times 1
# for equal sets, 2/3 where one holds the other, 1/3 where they overlap, 0 where they are disjoint.
@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("ab", "ab", 0),
        ("ab", "abcd", 1 - 1 / 2 * 2 / 3),
        ("abc", "bcd", 1 - 2 / 4 * 1 / 3),
        ("ab", "cd", 1),
        ("", "a", 1),
        ("", "", 0),
    ],
)
def test_the_distance_of_sets_is_as_passonneau_defines_it(a, b, expected):
    assert masi(frozenset(a), frozenset(b)) == masi(frozenset(b), frozenset(a))
    assert masi(frozenset(a), frozenset(b)) == pytest.approx(expected)


def test_sets_of_one_element_agree_as_names_do():
    single = items(FOUR_OBSERVERS, frozenset)
    for distance in ("masi", "jaccard"):
        assert round(alpha(single, distance).alpha, 3) == 0.743


def test_alpha_of_sets_worked_by_hand():
    # Three items; distances within them 0, 2/3 and 1/2. Six values: ab 3 times, a, bc, b once.
    a, b, ab, bc = (frozenset(x) for x in ("a", "b", "ab", "bc"))
    rows = [{"x": ab, "y": ab}, {"x": ab, "y": a}, {"x": bc, "y": b}]
    observed = (0 + 2 * jaccard(ab, a) + 2 * jaccard(bc, b)) / 6
    between = 3 * (jaccard(ab, a) + jaccard(ab, bc) + jaccard(ab, b))
    between += jaccard(a, bc) + jaccard(a, b) + jaccard(bc, b)
    assert observed == pytest.approx(1 / 3)
    assert between == pytest.approx(3 * (1 / 2 + 2 / 3 + 1 / 2) + 1 + 1 + 1 / 2)
    expected = 1 - observed / (2 * between / 30)
    assert alpha(rows, "jaccard").alpha == pytest.approx(expected)
    assert alpha(rows, "masi").alpha < expected


@pytest.mark.parametrize(
    ("rows", "observed", "counted"),
    [
        ([], None, 0),
        ([{"x": 1}, {"y": 2}], None, 0),
        ([{"x": 1, "y": 1}] * 60, 1.0, 60),
    ],
)
def test_without_variation_or_pairs_alpha_is_undefined_and_never_one(rows, observed, counted):
    for distance in ("nominal", "ordinal"):
        found = alpha(rows, distance)
        assert found.alpha is None and found.low is None
        assert (found.observed, found.items) == (observed, counted)


def test_observed_agreement_is_the_share_of_equal_pairs():
    assert alpha(items(BINARY, int), "nominal").observed == pytest.approx(0.6)


def test_more_items_make_a_narrower_interval_that_is_the_same_every_time():
    few, many = (alpha(items(FOUR_OBSERVERS, int) * times, "nominal") for times in (4, 40))
    assert few.low < few.alpha < few.high <= 1
    assert many.high - many.low < (few.high - few.low) / 2
    assert alpha(items(FOUR_OBSERVERS, int) * 4, "nominal") == few


def test_an_interval_on_a_scale_needs_more_items():
    few, many = (alpha(items(FOUR_OBSERVERS, int) * times, "ordinal") for times in (27, 28))
    assert (few.items, few.low) == (297, None)
    assert many.items == 308 and many.low < many.alpha < many.high


@pytest.mark.parametrize(
    "rows",
    [
        [{"x": n % 3, "y": n % 3} for n in range(60)],
        [{"x": n % 3, "y": n % 3} for n in range(28)] + [{"x": 1, "y": 2}],
        [{"x": 1, "y": 1}] * 40 + [{"x": 1, "y": 2}],
        [{"x": 1, "y": 1}] * 100 + [{"x": 2, "y": 2}] * 15 + [{"x": 1, "y": 2}] * 10,
    ],
    ids=["all pairs agree", "few items", "one odd value", "one value makes up most"],
)
def test_where_nothing_says_how_sure_alpha_is_there_is_no_interval(rows):
    found = alpha(rows, "nominal")
    assert found.alpha is not None and found.low is None and found.high is None


def test_the_jackknife_is_that_of_leaving_out_each_item_in_turn():
    rows = [{"x": n % 3, "y": (n + (n % 5 == 0)) % 3} for n in range(40)]
    found = alpha(rows, "nominal")
    without = np.array([alpha(rows[:n] + rows[n + 1 :], "nominal").alpha for n in range(40)])
    error = np.sqrt(39 / 40 * ((without - without.mean()) ** 2).sum())
    reach = 1.959964 * error / (1 - found.alpha**2)
    assert found.low == pytest.approx(np.tanh(np.arctanh(found.alpha) - reach))
    assert found.high == pytest.approx(np.tanh(np.arctanh(found.alpha) + reach))


@pytest.mark.slow
@pytest.mark.parametrize("true", [0.5, 0.94])
@pytest.mark.parametrize("items_each", ITEMS)
def test_the_interval_holds_the_true_alpha_as_often_as_it_says(items_each, true):
    _, right = held(items_each, true, EVEN, 2, "nominal", 500)
    assert 0.92 <= right <= 0.98
