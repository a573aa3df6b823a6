"""What requests would take, before any of them is sent."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from builders.drafting.budget import Price, tokens_of
from builders.drafting.request import Request, key
from builders.drafting.store import Store, store_exists

_BLOCK = 64


def estimated(requests: Iterable[Request], store_url: str, price: Price | None) -> dict[str, Any]:
    """Return how many requests are held and to be asked, their tokens, and US dollars or None.

    Prompt tokens are characters over four, answer tokens the most they may have. No store is made.
    """
    store = Store(store_url) if store_exists(store_url) else None
    coming = iter(requests)
    count = held = prompt_tokens = completion_tokens = 0
    while block := list(islice(coming, _BLOCK)):
        keys = [key(request) for request in block]
        known = store.held(keys) if store else {}
        count += len(block)
        held += sum(k in known for k in keys)
        for request, k in zip(block, keys, strict=True):
            if k not in known:
                prompt_tokens += tokens_of(request)
                completion_tokens += request.max_tokens
    if store:
        store.close()
    return {
        "held": held,
        "to_ask": count - held,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "usd": price.usd(prompt_tokens, completion_tokens) if price else None,
    }
