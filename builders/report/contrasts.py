"""Replies to minimal pairs: the same words in a different voice need a different reply."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from builders.pipeline.minimal_pairs import normalised
from builders.record.views import SampleRecord
from builders.report.tallies import batches

# Replies that share this much of their words are nearly the same.
NEAR = 0.8
_EXAMPLES = 5
_COLUMNS = (
    "id",
    "contrast.group",
    "target_utterance.emotions.root",
    "desired_response.text",
)


@dataclass
class Contrasts:
    """The minimal pairs of a build, and how similar the replies to different emotions are.

    `pairs` have different coarse labels within a group; `same` and `near` of them have the same
    reply, or one that shares four fifths of its words. `examples` are ids of such pairs.
    """

    groups: int = 0
    samples: int = 0
    pairs: int = 0
    same: int = 0
    near: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)


def contrasts(paths: Sequence[Path], out: Collection[str] = ()) -> Contrasts:
    """Compare the replies within each group of minimal pairs, without these ids.

    Raises:
        VerificationError: a file is broken.
    """
    groups: dict[str, list[tuple[str, str, tuple[str, ...]]]] = defaultdict(list)
    for group, record in _members(paths, out):
        words = tuple(normalised(record["desired_response"]["text"]))
        root = record["target_utterance"]["emotions"]["root"]
        groups[group].append((record["id"], root, words))
    found = Contrasts(groups=len(groups), samples=sum(map(len, groups.values())))
    for members in groups.values():
        for one, other in combinations(members, 2):
            if one[1] != other[1]:
                _compare(found, one, other)
    return found


def _compare(
    found: Contrasts, one: tuple[str, str, tuple[str, ...]], other: tuple[str, str, tuple[str, ...]]
) -> None:
    found.pairs += 1
    same = one[2] == other[2]
    near = not same and overlap(one[2], other[2]) >= NEAR
    found.same += same
    found.near += near
    if (same or near) and len(found.examples) < _EXAMPLES:
        found.examples.append((one[0], other[0]))


def overlap(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the word overlap of two texts (Dice coefficient), 0 to 1."""
    shared = (Counter(one) & Counter(other)).total()
    return 2 * shared / (len(one) + len(other)) if one or other else 1.0


def _members(paths: Sequence[Path], out: Collection[str]) -> Iterator[tuple[str, SampleRecord]]:
    """Yield the samples that are in a group of minimal pairs, each with the group's name."""
    for path in paths:
        for batch in batches(path, _COLUMNS, out):
            for record in batch.to_pylist():
                if record["contrast"] and record["contrast"]["group"]:
                    yield record["contrast"]["group"], record
