"""Minimal pairs that people hear, and how often they match them, beside the judge's rate.

People see the two replies in one order, drawn for each of them, so that guessing is right half of
the time. A judge is asked in both orders and right in both a quarter of the time; its rate of
single answers stands beside people's on the same pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypedDict

import orjson

from builders.evaluation.dimensions import SWAP
from builders.evaluation.judgements import Judgement, Judgements
from builders.evaluation.pairs import Pair, pairs_of
from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.release.eligibility import Purpose, Restrictions, left_out
from builders.stats import wilson
from builders.store.database import Store

TEST, DIMENSION = "swap_heard", "swap_heard"
# What people are asked; another question is another version.
PROMPT = "match 1"


@dataclass(frozen=True, slots=True)
class HeardPair:
    """A minimal pair whose clips are both there; `seen` is a hash of what is heard and read."""

    of: Pair
    seen: str

    @property
    def id(self) -> str:
        """Return the name of the pair."""
        return f"{self.of.one.id}|{self.of.other.id}"


class JudgeBeside(TypedDict):
    """A judge on the same pairs: its rate of single answers, and of both orders right."""

    model: str
    pairs: int
    single: float
    both: float


class HeardResult(TypedDict):
    """What people matched by ear; accuracy and its 95 % interval are None without answers."""

    pairs: int
    answers: int
    people: int
    right: int
    cannot_tell: int
    groups: int
    accuracy: float | None
    low: float | None
    high: float | None
    judges: list[JudgeBeside]


def heard_pairs(
    build: Build, known: Restrictions | None = None, limit: int | None = None
) -> list[HeardPair]:
    """Return the pairs of a build that can be heard, at most `limit` of them, by hash.

    Args:
        build: a finished build.
        known: the excluded ids, none by default.
        limit: how many; a larger one only adds pairs.
    """
    out = left_out(build.shards(), Purpose.REVIEW, known or Restrictions())
    clips = _clips(build)
    found = [
        HeardPair(pair, _hash(pair, clips[pair.one.id], clips[pair.other.id]))
        for pair in pairs_of(build, known)
        if pair.one.reply != pair.other.reply
        and not {pair.one.id, pair.other.id} & out.keys()
        and clips.keys() >= {pair.one.id, pair.other.id}
    ]
    return sorted(found, key=lambda one: rank(one.id))[:limit]


def heard(build: Build, store: Store, known: Restrictions | None = None) -> HeardResult | None:
    """Return what people matched by ear, beside each judge on those pairs; None without answers."""
    pairs = {one.seen: one for one in heard_pairs(build, known)}
    said = list(Judgements(store).about(list(pairs), TEST))
    if not said:
        return None
    groups = {pairs[one.subject_hash].of.one.group for one in said}
    right = sum(one.verdict == "right" for one in said)
    # Pairs of one group are not independent observations.
    low, high = wilson(right / len(said), len(groups))
    answered = {one.subject_hash for one in said}
    return {
        "pairs": len(answered),
        "answers": len(said),
        "people": len({one.model for one in said}),
        "right": right,
        "cannot_tell": sum(one.verdict == "cannot_tell" for one in said),
        "groups": len(groups),
        "accuracy": right / len(said),
        "low": low,
        "high": high,
        "judges": _judges(store, [pairs[name].of for name in answered]),
    }


def heard_lines(found: HeardResult) -> list[str]:
    """Return the lines that say what people matched, and what the judges did."""
    share = f"{found['accuracy']:.0%} ({found['low']:.0%} to {found['high']:.0%})"
    lines = [
        f"by ear: {found['people']} people matched the replies of {found['pairs']:,} minimal "
        f"pairs, {found['answers']:,} answers: {share} right, {found['cannot_tell']:,} could not "
        "tell; guessing is right in 50%"
    ]
    for one in found["judges"]:
        lines.append(
            f"  {one['model']} on {one['pairs']:,} of these pairs: {one['single']:.0%} of single "
            f"answers right, {one['both']:.0%} in both orders"
        )
    return lines


def _judges(store: Store, pairs: Sequence[Pair]) -> list[JudgeBeside]:
    """Return each judge of the swap test on these pairs, by its latest answers."""
    held: dict[str, dict[str, Judgement]] = defaultdict(dict)
    for one in Judgements(store).about([pair.seen for pair in pairs], SWAP):
        if one.verdict != "refused":
            held[one.model][one.subject_hash] = one
    return [
        {
            "model": model,
            "pairs": len(said),
            "single": _share(said, {"right": 1.0, "flipped": 0.5}),
            "both": _share(said, {"right": 1.0}),
        }
        for model, said in sorted(held.items())
    ]


def _share(said: dict[str, Judgement], worth: dict[str, float]) -> float:
    return sum(worth.get(one.verdict or "", 0.0) for one in said.values()) / len(said)


def _clips(build: Build) -> dict[str, str]:
    """Return the digest of the clip of each sample that has one."""
    rows = build.rows(["id", "audio_info.sha256_pcm"])
    return {
        row["id"]: row["audio_info"]["sha256_pcm"]
        for row in rows
        if row["audio_info"]["sha256_pcm"]
    }


def _hash(pair: Pair, *clips: str) -> str:
    told = {"clips": clips, "replies": [pair.one.reply, pair.other.reply]}
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
