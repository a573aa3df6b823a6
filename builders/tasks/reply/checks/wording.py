"""Comparing wordings: whether one text repeats another."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def shares_run(one: str, other: str, length: int) -> bool:
    """Return whether two texts have so many words in a row in common, whatever stands between."""
    return not _runs(one, length).isdisjoint(_runs(other, length))


def count_words(text: str) -> int:
    """Return how many words a text has."""
    return len(_WORDS.findall(text))


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = [word.replace("’", "'") for word in _WORDS.findall(text.casefold())]
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}
