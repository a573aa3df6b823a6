"""Minimal pairs: the same words by the same speaker with different emotions.

They show that a reply must respond to how something was said. A group's key contains the split, so
it is within one split by construction. The same words by another speaker are only linked: another
voice, another recording. Cards say which corpora have such groups, and the minimum number of words.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

from builders.pipeline.selection import rank
from builders.record.types import Contrast, Emotions, Utterance

MAX_TWINS = 8
# Known defects of clips that do not contain their words.
NO_MEMBER = frozenset({"same_audio_as", "no_signal"})

_TAG = re.compile(r"\[[^\]]*\]")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Split, dialogue or an empty string, speaker, words.
_Key = tuple[str, str, str | None, str]


@dataclass(slots=True)
class _Group:
    """One speaker's utterances with the same words: `name`, and each member's emotion by id."""

    name: str
    roots: set[str] = field(default_factory=set)
    roles: dict[str, str] = field(default_factory=dict)


class Renderings:
    """The utterances of a corpus by their words: filled in by one pass, then frozen.

    Args:
        within: whether a speaker's renderings are grouped by dialogue or by split.
        least_words: the minimum number of words of an utterance.
        unfit: ids of clips that do not contain their words, by `NO_MEMBER`.
    """

    def __init__(
        self,
        within: Literal["dialogue", "split"],
        least_words: int,
        unfit: Collection[str] = (),
    ) -> None:
        self._within = within
        self._least = least_words
        self._unfit = unfit
        self._by_words: dict[str, list[tuple[int, str, str | None]]] = {}
        self._groups: dict[_Key, _Group] = {}

    def add(self, split: str, utterance: Utterance, emotions: Emotions | None) -> None:
        """Add an utterance; call `of` only once all are added.

        Its emotion is its role in a group; without an emotion it is in no group.
        """
        words = self._words(utterance)
        if words is None:
            return
        said = self._by_words.setdefault(words, [])
        said.append((rank(utterance.id), utterance.id, utterance.speaker))
        known = emotions is not None and emotions.root != "unknown" and utterance.speaker
        if emotions is None or not known or utterance.id in self._unfit:
            return
        group = self._groups.setdefault(self._key(split, utterance, words), self._named(utterance))
        group.roots.add(emotions.root)
        group.roles[utterance.id] = emotions.primary

    def freeze(self) -> None:
        """Sort the utterances, and drop those without a group."""
        for said in self._by_words.values():
            said.sort(key=lambda one: one[:2])
        self._groups = {key: one for key, one in self._groups.items() if len(one.roots) > 1}

    @property
    def document(self) -> dict[str, object]:
        """Return the groups, and the same words by other speakers, by utterance ids; a `Fit`."""
        groups = sorted([one.name, sorted(one.roles.items())] for one in self._groups.values())
        said = ([[name, who] for _, name, who in each] for each in self._by_words.values())
        return {"groups": groups, "same_words": sorted(each for each in said if len(each) > 1)}

    def of(self, split: str, utterance: Utterance) -> Contrast:
        """Return the minimal pairs of an utterance.

        A group has at least two coarse emotions: anger and frustration are not enough.
        """
        words = self._words(utterance)
        if words is None:
            return Contrast(None, None)
        group = self._groups.get(self._key(split, utterance, words))
        role = group.roles.get(utterance.id) if group else None
        return Contrast(group.name if group and role else None, role, self._twins(utterance, words))

    def _twins(self, utterance: Utterance, words: str) -> tuple[str, ...]:
        """Return ids of the same words by other speakers: the next few by the hash of their id."""
        said = self._by_words.get(words, [])
        at = bisect(said, (rank(utterance.id), utterance.id), key=lambda one: one[:2])
        others = (one for one in (*said[at:], *said[:at]) if one[2] != utterance.speaker)
        return tuple(
            sorted(name for _, (_, name, _) in zip(range(MAX_TWINS), others, strict=False))
        )

    def _words(self, utterance: Utterance) -> str | None:
        """Return an utterance's normalised words, or None if there are too few."""
        words = normalised(utterance.text)
        return " ".join(words) if len(words) >= self._least else None

    def _key(self, split: str, utterance: Utterance, words: str) -> _Key:
        dialogue = utterance.dialogue if self._within == "dialogue" else ""
        return split, dialogue, utterance.speaker, words

    def _named(self, utterance: Utterance) -> _Group:
        """Return a new group, named after its dialogue if it is one, else its first member."""
        alone = self._within == "dialogue"
        return _Group(utterance.id.rpartition("-")[0] if alone else utterance.id)


def normalised(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation and bracketed tags."""
    return [word.replace("’", "'") for word in _WORD.findall(_TAG.sub(" ", text).lower())]
