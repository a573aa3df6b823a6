"""What is seen of a text at a glance, so that most of it need not be looked through."""

from __future__ import annotations

import re
from typing import NamedTuple

# As expressions without regard to case take these letters.
_ALIKE = str.maketrans("\u017f\u0131\u0130\u212a", "siik")
_WORD, _DIGIT, _DOTTED = re.compile(r"\w+"), re.compile(r"\d"), re.compile(r"\.\w")


class Signs(NamedTuple):
    """A text in small letters, its words, and how many digits it has."""

    small: str
    words: list[str]
    digits: int

    @classmethod
    def of(cls, text: str) -> Signs:
        """Return those of a text."""
        small = text.lower() if text.isascii() else text.translate(_ALIKE).lower()
        return cls(small, _WORD.findall(small), len(_DIGIT.findall(text)))

    def says(self, words: frozenset[str]) -> bool:
        """Return whether one of these words occurs."""
        return not words.isdisjoint(self.words)

    @property
    def dotted(self) -> bool:
        """Return whether something comes after a full stop without a blank."""
        return "." in self.small and _DOTTED.search(self.small) is not None
