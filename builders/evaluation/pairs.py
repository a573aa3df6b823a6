"""Minimal pairs, the same words with different emotions, as shown to a judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations

import orjson

from builders.pipeline.selection import rank
from builders.record.dataset import Build
from builders.release.eligibility import Purpose, Restrictions, left_out

_COLUMNS = [
    "id",
    "source.corpus",
    "contrast.group",
    "target_utterance.text",
    "target_utterance.emotions.root",
    "voice.words",
    "desired_response.text",
]
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Member:
    """A sample as shown to a judge: its text, prosody description or None, and reply."""

    id: str
    corpus: str
    group: str
    words: str
    voice: str | None
    reply: str
    root: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples of one group whose coarse labels differ, in the order of their ids."""

    one: Member
    other: Member

    @property
    def can_be_told(self) -> bool:
        """Return whether both voices have a description, and the descriptions differ."""
        voices = self.one.voice, self.other.voice
        return None not in voices and voices[0] != voices[1]

    @property
    def seen(self) -> str:
        """Return the SHA-256 of the pair as shown to a judge, 64 hexadecimal digits."""
        shown = {
            "words": self.one.words,
            "voices": [self.one.voice, self.other.voice],
            "replies": [self.one.reply, self.other.reply],
        }
        return sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()


def pairs_of(
    build: Build, known: Restrictions | None = None, without: Collection[str] = ()
) -> list[Pair]:
    """Return all pairs of a build, group by group.

    Args:
        build: a finished build.
        known: the excluded ids, none by default.
        without: ids of samples whose reply has changed since.
    """
    groups: dict[str, list[Member]] = defaultdict(list)
    out = left_out(build.shards(), Purpose.SEND, known or Restrictions())
    for member in _members(build):
        if member.id not in without and member.id not in out:
            groups[member.group].append(member)
    return [
        Pair(one, other)
        for members in groups.values()
        for one, other in combinations(sorted(members, key=lambda member: member.id), 2)
        if one.root != other.root
    ]


def chosen(pairs: list[Pair], limit: int | None) -> list[Pair]:
    """Return at most `limit` distinguishable pairs, by hash: a larger limit only adds pairs."""
    told = [pair for pair in pairs if pair.can_be_told]
    if limit is None or limit >= len(told):
        return told
    ranked = sorted(told, key=lambda pair: rank(f"{pair.one.id}|{pair.other.id}"))
    kept = {(pair.one.id, pair.other.id) for pair in ranked[:limit]}
    return [pair for pair in told if (pair.one.id, pair.other.id) in kept]


def _members(build: Build) -> Iterator[Member]:
    for row in build.rows(_COLUMNS, batch=_BATCH):
        if row["contrast"] and row["contrast"]["group"]:
            yield Member(
                id=row["id"],
                corpus=row["source"]["corpus"],
                group=row["contrast"]["group"],
                words=row["target_utterance"]["text"],
                voice=row["voice"] and row["voice"]["words"],
                reply=row["desired_response"]["text"],
                root=row["target_utterance"]["emotions"]["root"],
            )
