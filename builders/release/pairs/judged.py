"""Pairs of two drafts of one target, of which a fit judge holds one better in both orders."""

from __future__ import annotations

from collections import Counter

from builders.record.dataset import Build
from builders.release.eligibility import Restrictions
from builders.release.pairs.reply_pair import ReplyPair
from builders.store.database import Store


def judged_pairs(
    build: Build, store: Store, known: Restrictions
) -> tuple[list[ReplyPair], Counter[str]]:
    """Return the pairs of drafts."""
    return [], Counter()
