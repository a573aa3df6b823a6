"""What a run will take in all, learnt from its first answers, and how wrong that was in the end."""

from __future__ import annotations

import time
from typing import Protocol

from builders.record.manifest_views import LearntEstimate

# So many samples are asked about before anything is said of the rest.
ENOUGH = 50


class Spending(Protocol):
    """What was spent so far, by all runs."""

    @property
    def usd(self) -> float | None:
        """Return US dollars, None when a price is unknown."""
        ...

    @property
    def tokens(self) -> int:
        """Return the tokens of prompts and answers."""
        ...


class Projection:
    """Follows what is spent while samples are asked about.

    Args:
        total: how many samples there are.
        spending: what was spent so far; what earlier runs spent is no part of a sample's price.
    """

    def __init__(self, total: int, spending: Spending) -> None:
        self._total = total
        self._spending = spending
        self._before, self._spent_before = spending.tokens, spending.usd
        self._usd: float | None = 0.0
        self._tokens = 0
        self._started = time.monotonic()
        self._asked = 0
        self._first: LearntEstimate | None = None

    def note(self, done: int, usd: float | None, tokens: int) -> None:
        """Count one more sample that was asked about, so that `done` are done in all.

        Args:
            done: how many samples have an outcome, asked about or not.
            usd: what the answers about it cost, None when a price is unknown.
            tokens: those of its prompts and answers. What others took that are still under way is
                no part of it.
        """
        self._asked += 1
        self._tokens += tokens
        self._usd = None if self._usd is None or usd is None else self._usd + usd
        if self._asked == ENOUGH:
            self._first = self._estimate(self._total - done)

    @property
    def sample_usd(self) -> float | None:
        """Return what a sample costs that is asked about; None before there are enough of them."""
        if self._usd is None or self._asked < ENOUGH:
            return None
        return self._usd / self._asked

    def projected_usd(self, done: int) -> float | None:
        """Return what all runs will have cost in the end; None while nobody can say."""
        price, spent = self.sample_usd, self._spending.usd
        return None if price is None or spent is None else spent + price * (self._total - done)

    @property
    def result(self) -> LearntEstimate | None:
        """Return the estimate of the first samples beside what it came to; None of too few."""
        if self._first is None:
            return None
        usd, spent = self._first["usd"], self._spending.usd
        tokens = self._spending.tokens
        money = self._first["tokens"] / tokens if tokens else 1.0
        if usd and spent:
            money = usd / spent
        seconds = self._first["seconds"] / max(time.monotonic() - self._started, 1e-9)
        return {
            **self._first,
            "cost_error": round(money - 1, 4),
            "time_error": round(seconds - 1, 4),
        }

    def _estimate(self, left: int) -> LearntEstimate:
        """Return what it comes to in the end with so many samples left like those asked about."""
        seconds = time.monotonic() - self._started
        more = 1 + left / self._asked
        price = self.sample_usd
        before = self._spent_before
        return {
            "after": self._asked,
            "usd": None if price is None or before is None else before + price * self._asked * more,
            "tokens": round(self._before + self._tokens * more),
            "seconds": round(seconds * more, 1),
            "cost_error": None,
            "time_error": None,
        }
