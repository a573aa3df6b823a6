"""An utterance as the patterns of safety read it: as words, however hastily it was written.

Letters said by signs (``k1ll``), letters said too often (``dieee``), words without their
apostrophes and common misspellings are read as what they stand for; fillers are not seen. So a
pattern needs one wording only. Each word keeps its place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from builders.tasks.reply.checks.text import BREAK, Text, read_text

# A word, with signs for letters in it; the end of a sentence. An ellipsis before a small letter
# is a pause, and ends nothing.
_TOKEN = re.compile(
    r"\d+(?:[.,:]\d+)*(?![^\W_])|[^\W_]+(?:['’‘`*@$][^\W_]+)*|[.!?…;]+|[$@*][^\W_]+",
)
_PAUSE = re.compile(r"(?:\.{2,}|…)\s*(?=[a-z])")
_SIGNS = str.maketrans("013457@$", "oieastas")
_MANY = re.compile(r"(.)\1{2,}")
_LEAST_KEY = 6
_MANY_WORDS = 100_000


@dataclass(slots=True)
class Spelling:
    """How words of a language are written in haste, and which are found with a letter wrong.

    `known` are words that are right as they are; `means` says what others stand for; `fillers` are
    not seen.
    """

    known: frozenset[str]
    means: Mapping[str, tuple[str, ...]]
    keys: frozenset[str]
    fillers: frozenset[str]
    _read: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def words_of(self, token: str) -> tuple[str, ...]:
        """Return the words that a token stands for; none for a filler."""
        found = self._read.get(token)
        if found is None:
            if len(self._read) > _MANY_WORDS:
                self._read.clear()
            words = self._written_out(token.lower().replace("’", "'").replace("‘", "'"))
            found = tuple(word for word in words if word not in self.fillers)
            self._read[token] = found
        return found

    def _written_out(self, token: str) -> tuple[str, ...]:
        token = token.replace("`", "'")
        for form in dict.fromkeys((token, *_forms(token))):
            if form in self.means:
                return self.means[form]
            if form in self.known:
                return (form,)
        stem = re.sub(r"(\w+)'(\w+)", r"\1'\2", token)
        words = [word for word in read_text(stem).words if word != BREAK]
        if len(words) > 1:
            return tuple("would" if word == "'d" else word for word in words)
        word = _MANY.sub(r"\1", token)
        return (next((key for key in self.keys if _one_off(word, key)), word),)


def _forms(token: str) -> tuple[str, ...]:
    """Return what a token may be for: without letters too many, with letters for signs."""
    plain = (_MANY.sub(r"\1\1", token), _MANY.sub(r"\1", token))
    if token.isalpha() or not any(letter.isalpha() for letter in token):
        return plain
    lettered = tuple(form.translate(_SIGNS) for form in (token, *plain))
    return (*plain, *lettered, *(form.replace("*", "i") for form in lettered))


def _one_off(word: str, key: str) -> bool:
    """Return whether a word is a key with one letter wrong, missing, too many or out of turn."""
    if abs(len(word) - len(key)) > 1 or len(word) < _LEAST_KEY - 1 or word[0] != key[0]:
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, key, strict=False)) if a != b), len(key) - 1)
    rest, of_key = word[at:], key[at:]
    if len(word) != len(key):
        return rest[1:] == of_key or rest == of_key[1:]
    return rest[1:] == of_key[1:] or (rest[1::-1] == of_key[:2] and rest[2:] == of_key[2:])


@dataclass(frozen=True)
class HastyText(Text):
    """An utterance as words; `places` says where each stands in it, in characters."""

    places: tuple[tuple[int, int], ...]

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return where each word stands."""
        return self.places


def read_hasty(raw: str, spelling: Spelling) -> Text:
    """Return an utterance as words, with the place of each."""
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    for found in _TOKEN.finditer(raw):
        token = found[0]
        if token[0] in ".!?…;":
            made: tuple[str, ...] = () if _PAUSE.match(raw, found.start()) else (BREAK,)
        else:
            made = spelling.words_of(token)
        for word in made:
            words.append(word)
            spans.append(found.span())
    return HastyText(raw, tuple(words), tuple(spans))
