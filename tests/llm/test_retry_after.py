import time
from email.utils import formatdate

import pytest

from builders.llm.retry_after import seconds_to_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "20s"}, 20.0),
        ({"Retry-After": "1 minute"}, 60.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"x-ratelimit-reset-requests": "2m59.56s"}, 179.56),
        ({"x-ratelimit-reset-tokens": "60ms"}, 0.06),
        ({"x-ratelimit-reset": "12", "x-ratelimit-remaining": "0"}, 12.0),
        ({"ratelimit-reset": "7", "ratelimit-remaining": "0"}, 7.0),
        # Of two limits the one counts of which nothing is left.
        (
            {
                "x-ratelimit-reset-requests": "6h",
                "x-ratelimit-remaining-requests": "900",
                "x-ratelimit-reset-tokens": "4s",
                "x-ratelimit-remaining-tokens": "0",
            },
            4.0,
        ),
        ({}, None),
    ],
)
def test_every_form_of_a_wait_is_read(headers, seconds):
    assert seconds_to_wait(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("ahead", [40, -40])
def test_a_date_is_a_wait_until_then_and_none_where_it_is_past(ahead):
    said = formatdate(time.time() + ahead, usegmt=True)
    assert seconds_to_wait({"Retry-After": said}) == pytest.approx(max(0, ahead), abs=2)


@pytest.mark.parametrize("unit", [1, 1000])
def test_a_reset_may_be_a_moment_in_seconds_or_thousandths(unit):
    moment = {"X-RateLimit-Reset": str(int((time.time() + 30) * unit))}
    assert seconds_to_wait(moment) == pytest.approx(30, abs=2)
