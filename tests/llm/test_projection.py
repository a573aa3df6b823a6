"""What a run will cost, learnt from its first samples, and what it came to."""

from types import SimpleNamespace

from builders.llm.projection import ENOUGH, Projection
from builders.progress import ProgressState, describe


def follow(total: int, asked: int, usd: float | None = 0.01, before: float = 0.0):
    """Ask about so many samples, each of 100 tokens."""
    spending = SimpleNamespace(usd=None if usd is None else before, tokens=1000)
    projection = Projection(total, spending)
    for number in range(asked):
        spending.tokens += 100
        spending.usd = None if usd is None else spending.usd + usd
        projection.note(number + 1, usd, 100)
    return projection, spending


def test_nothing_is_said_before_fifty_samples():
    projection, _ = follow(1000, ENOUGH - 1)
    assert (projection.result, projection.sample_usd, projection.projected_usd(49)) == (None,) * 3


def test_what_a_run_will_cost_is_what_was_spent_and_the_rest_at_the_same_price():
    projection, _ = follow(1000, ENOUGH, before=2.0)
    assert round(projection.sample_usd, 6) == 0.01
    assert round(projection.projected_usd(ENOUGH), 6) == 2.0 + 0.5 + 9.5


def test_the_estimate_of_the_first_samples_is_held_against_what_it_came_to():
    projection, spending = follow(100, ENOUGH)
    for number in range(ENOUGH, 100):
        spending.tokens, spending.usd = spending.tokens + 100, spending.usd + 0.03
        projection.note(number + 1, 0.03, 100)
    found = projection.result
    assert found["after"] == ENOUGH and found["tokens"] == 1000 + 100 * 100
    assert round(found["usd"], 6) == 1.0 and found["cost_error"] == -0.5, "the rest was dearer"


def test_where_nothing_is_paid_the_error_is_that_of_tokens():
    projection, _ = follow(200, 200, usd=0.0)
    found = projection.result
    assert found["usd"] == 0 and found["tokens"] > 0 and found["cost_error"] is not None


def test_without_a_price_tokens_and_time_are_estimated_alone():
    projection, _ = follow(60, 60, usd=None)
    assert projection.result["usd"] is None and projection.sample_usd is None


def test_the_progress_line_says_what_was_spent_what_it_will_be_and_the_price_of_a_sample():
    state = ProgressState(1000, 100, 104, 0.5, paid=True)
    assert "$0.5000" in describe(state, 10.0) and "about" not in describe(state, 10.0)
    state.projected_usd, state.sample_usd = 5.0, 0.005
    assert "$0.5000 of about $5.00, $0.005000 a sample" in describe(state, 10.0)


def test_what_is_under_way_beside_the_first_samples_is_no_part_of_their_price():
    spending = SimpleNamespace(usd=0.0, tokens=0)
    projection = Projection(1000, spending)
    for number in range(ENOUGH):
        spending.tokens, spending.usd = 400 + 100 * (number + 1), 0.04 + 0.01 * (number + 1)
        projection.note(number + 1, 0.01, 100)
    assert projection.result["tokens"] == 1000 * 100
    assert round(projection.sample_usd, 6) == 0.01
