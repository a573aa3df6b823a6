"""What a build would take: its prompts are made, and nothing is asked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from builders.config import BuildConfig
from builders.drafting.budget import price_of, tokens_of
from builders.drafting.conversations import BLOCK
from builders.drafting.request import key
from builders.drafting.store import Store, store_exists
from builders.hearing import Hearing
from builders.manifest import Ledger
from builders.pipeline import Plan, make_plan
from builders.records import Target


def estimate(config: BuildConfig, prices: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the first answers of a build would take; nothing is asked and no folder is made.

    Clips are heard first, as what is said of a voice is part of its prompt. Prompt tokens are
    characters over four, answer tokens the most they may have.
    """
    with tempfile.TemporaryDirectory() as folder:
        plan = make_plan(config)
        with plan.listening(Path(folder), quiet=True) as hearing:
            return _estimated(plan, hearing, prices)


def _estimated(plan: Plan, hearing: Hearing | None, prices: Mapping[str, Any]) -> dict[str, Any]:
    config = plan.config
    price = price_of(config.model, prices)
    store = Store(config.store_url) if store_exists(config.store_url) else None
    drafter = plan.drafter
    targets = (t for t in plan.targets(Ledger(), hearing) if isinstance(t, Target))
    count = held = prompt_tokens = 0
    while block := [drafter.first_request(target) for target in islice(targets, BLOCK)]:
        keys = [key(request) for request in block]
        known = store.held(keys) if store else {}
        count += len(block)
        held += len(known)
        pairs = zip(block, keys, strict=True)
        prompt_tokens += sum(tokens_of(request) for request, k in pairs if k not in known)
    completion_tokens = (count - held) * config.reply_tokens
    return {
        "model": plan.origin.model,
        "targets": count,
        "held": held,
        "to_ask": count - held,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "usd": price.usd(prompt_tokens, completion_tokens) if price else None,
    }
