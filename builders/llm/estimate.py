"""What requests would take, before any of them is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypedDict

from builders.llm.budget import tokens_of
from builders.llm.prices import Price
from builders.llm.request import Request, key
from builders.store.address import store_exists
from builders.store.database import Store

_BLOCK = 64


class Estimate(TypedDict):
    """How many requests are cached and to be asked, their tokens, and US dollars or None."""

    held: int
    to_ask: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None


@dataclass(slots=True)
class Asking:
    """What requests to one model would take: how many, and tokens of prompts and answers."""

    model: str
    count: int = 0
    held: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, requests: Iterable[Request], store: Store | None = None) -> None:
        """Take in requests that would be made; those cached in `store` are only counted."""
        coming = iter(requests)
        while block := list(islice(coming, _BLOCK)):
            keys = [key(request) for request in block]
            known = store.held(keys) if store else {}
            for request in (r for r, k in zip(block, keys, strict=True) if k not in known):
                self.count += 1
                self.prompt_tokens += tokens_of(request)
                self.completion_tokens += request.max_tokens
            self.held += sum(k in known for k in keys)

    def usd(self, price: Price | None) -> float | None:
        """Return what they would cost in US dollars, None without a price."""
        return price.usd(self.prompt_tokens, self.completion_tokens) if price else None


def estimated(requests: Iterable[Request], store_url: str, price: Price | None) -> Estimate:
    """Return how many requests are cached and to be asked, their tokens, and US dollars or None.

    Prompt tokens are characters over four, answer tokens the most they may have. No store is made.
    """
    store = Store(store_url, writes=False) if store_exists(store_url) else None
    asking = Asking("")
    asking.add(requests, store)
    if store:
        store.close()
    return {
        "held": asking.held,
        "to_ask": asking.count,
        "prompt_tokens": asking.prompt_tokens,
        "completion_tokens": asking.completion_tokens,
        "usd": asking.usd(price),
    }
