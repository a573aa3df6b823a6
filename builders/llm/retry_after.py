"""How long a server asks to be left alone, in every form in which servers say it."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

# A header and how many of its units make a second.
_WAITS = (("retry-after-ms", 1000.0), ("retry-after", 1.0), ("x-ratelimit-reset-after", 1.0))
# Each kind of limit has a header for what is left of it and one for when it is whole again.
_LIMITS = ("-requests", "-tokens", "", "-project-tokens")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)(?:ec(?:onds?)?|in(?:utes?)?|ours?|ays?)?")
# Numbers above are no wait but a moment: seconds since 1970, or thousandths of them.
_MOMENT, _MOMENT_IN_MS = 1e9, 1e12


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response's headers ask to wait, at least 0; None without a word.

    ``Retry-After`` may be seconds, a span such as ``20s`` or ``2m59.56s``, or a date; a date that
    is past, as clocks differ, is 0, and what is no number of seconds is not there. Without it, the
    latest reset of a limit (``x-ratelimit-reset-…``) counts of which nothing is left.
    """
    said = {name.lower(): value for name, value in headers.items()}
    for name, per_second in _WAITS:
        seconds = _seconds(said.get(name, ""), per_second)
        if seconds is not None:
            return seconds
    resets = (
        _seconds(said.get(f"{prefix}reset{kind}", ""), 1.0)
        for prefix in ("x-ratelimit-", "ratelimit-")
        for kind in _LIMITS
        if said.get(f"{prefix}remaining{kind}", "0").strip() in ("0", "0.0")
    )
    return max((seconds for seconds in resets if seconds is not None), default=None)


def _seconds(value: str, per_second: float) -> float | None:
    value = value.strip().lower()
    try:
        number = float(value)
    except ValueError:
        return _span(value) if _PARTS.match(value) else _date(value)
    if not math.isfinite(number):
        return None
    if number > _MOMENT_IN_MS:
        return max(0.0, number / 1000 - time.time())
    if number > _MOMENT:
        return max(0.0, number - time.time())
    return max(0.0, number / per_second)


def _span(value: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in _PARTS.findall(value))


def _date(value: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
