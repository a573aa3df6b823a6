"""What review must have come to before a build may be published: rules of `hearten.toml`.

    [publish]
    reviewed_share = 1.0     # of the samples have a view that is not disputed
    alpha_strategy = 0.67    # least agreement on strategies
    alpha_affect = 0.45      # least agreement on each scale: fit, naturalness, restraint

There are none by default; a build without decisions has "unreviewed" on its card. Where somebody
has reviewed it, a least agreement is asked only if at least 50 items have two values. Alpha that
is undefined passes where at least nine tenths of the pairs agree: without variation it says
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builders.errors import ConfigError
from builders.review.data.decisions import choices
from builders.review.outcome.agreement import Agreement, agreement
from builders.review.outcome.alpha import Alpha
from builders.review.outcome.merge import Merged

LEAST_ITEMS = 50
LEAST_OBSERVED = 0.9
KEYS = ("reviewed_share", "alpha_strategy", "alpha_affect")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules; None where there is none."""

    reviewed_share: float | None = None
    alpha_strategy: float | None = None
    alpha_affect: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """How one rule came out: whether it lets the build pass, and a sentence that says why."""

    rule: str
    passed: bool
    sentence: str


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """Return the rules under ``[publish]`` of `hearten.toml`.

    Raises:
        ConfigError: a value is not a number from 0 to 1.
    """
    table = settings.get("publish", {})
    for name in KEYS:
        value = table.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ConfigError(
                f"publish.{name} is {value!r}",
                where="hearten.toml",
                expected="a number from 0 to 1",
                do="correct it, or remove it to have no such rule",
            )
    return Rules(**{name: table.get(name) for name in KEYS})


def judge(rules: Rules, views: Sequence[Merged], samples: int) -> list[Finding]:
    """Return how each rule comes out for a build of so many samples; empty without rules.

    Publishing calls this with `merge.views` and goes on where every finding has passed.
    """
    found = []
    if rules.reviewed_share is not None:
        found.append(_reviewed(rules.reviewed_share, views, samples))
    overall = {row.measure: row for row in agreement(views, ("all",))}
    if not overall:
        asked = [rule for rule in KEYS[1:] if getattr(rules, rule) is not None]
        return found + [Finding(rule, False, "nobody has reviewed it") for rule in asked]
    wanted = [("alpha_strategy", rules.alpha_strategy, "strategies")]
    wanted += [("alpha_affect", rules.alpha_affect, scale) for scale in choices("scale")]
    for rule, least, measure in wanted:
        if least is not None:
            found.append(_agreed(rule, least, measure, overall.get(measure)))
    return found


def _reviewed(least: float, views: Sequence[Merged], samples: int) -> Finding:
    settled = sum(view.status != "disputed" for view in views)
    share = settled / samples if samples else 0.0
    sentence = f"{settled:,} of {samples:,} samples are reviewed and settled"
    return Finding("reviewed_share", share >= least, f"{sentence}; {least:.0%} are wanted")


def _agreed(rule: str, least: float, measure: str, row: Agreement | None) -> Finding:
    found = row.alpha if row else Alpha(None, None, None, 0, 0, None)
    on = f"on {measure}"
    if found.items < LEAST_ITEMS:
        sentence = f"{found.items} items have two answers {on}; asked only from {LEAST_ITEMS} on"
    elif found.alpha is None:
        sentence = f"agreement {on} is undefined; {found.observed:.0%} of the pairs agree"
    else:
        sentence = f"agreement {on} is {found.alpha:.2f} over {found.items:,} items"
        sentence += f"; {least:.2f} is wanted"
    return Finding(rule, reaches(found, least), sentence)


def reaches(found: Alpha, least: float) -> bool:
    """Return whether agreement is as much as is wanted, or says too little to be asked for it."""
    if found.items < LEAST_ITEMS:
        return True
    if found.alpha is None:
        return (found.observed or 0.0) >= LEAST_OBSERVED
    return found.alpha >= least
