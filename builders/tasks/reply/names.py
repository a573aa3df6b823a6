"""Other names for the people of a script, in requests alone.

A model knows a famous script by heart: told the names, it recites the next line. So the people of
one are called otherwise in what a model is asked, always in the same way in one dialogue, and its
answer is given the script's own names back before it is checked and written.

Names are given out in the order in which people come up, so no request depends on a later turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from operator import is_not
from pathlib import Path
from typing import NamedTuple

from builders import resources
from builders.labels.tables import read_rows
from builders.record.types import Utterance

_WORD = re.compile(r"[^\W\d_]{2,}")
# Before these a sentence has ended, or something is begun as one.
_ENDS = ".!?…:;—–-"
_AROUND = " \"'“”‘’(*"
_APART = ",.!?;…"
_PARTED = re.compile(r"\s+and\s+|\s*[/,&]\s*")
_GROUPS = ("title", "role", "ordinary", "instead")


@dataclass(frozen=True, eq=False)
class NameTables:
    """The people of a script, and a language's words about names.

    Attributes:
        known: the name of each form of a name, in lower case.
        words: groups of words by name, in lower case.
        instead: the names to give out.
        version: the first 12 hex digits of the SHA-256 over both tables.
    """

    known: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    instead: tuple[str, ...]
    version: str


@cache
def load_names(script: str, language: str) -> NameTables:
    """Return the tables for a script; LabelError where one is missing or wrong."""
    folder = resources.prompts() / "names"
    people = folder / f"{script}.tsv"
    path = folder / language.partition("-")[0].lower() / "words.tsv"
    groups = _groups(path)
    known: dict[str, str] = {}
    for row in read_rows(people, ("name", "also"), key=("name",)):
        own = row.matching("name", r"[^\W\d_]{2,}", "one word of two letters or more").lower()
        for form in (own, *row.cells["also"].lower().split()):
            if known.setdefault(form, own) != own:
                raise row.error("also", f"each form of one person; {form} is {known[form]}'s")
    words = {name: frozenset(word.lower() for word in listed) for name, listed in groups.items()}
    digest = sha256(people.read_bytes() + path.read_bytes()).hexdigest()[:12]
    return NameTables(known, words, groups["instead"], digest)


def _groups(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = dict.fromkeys(_GROUPS, ())
    for row in read_rows(path, ("group", "words"), key=()):
        group = row.choice("group", _GROUPS)
        found[group] = (*found[group], *row.text("words").split())
    return found


class OtherNames:
    """What the people of a dialogue are called in a request.

    Args:
        tables: those of the script.
        said: the dialogue so far; nothing later is read.
    """

    def __init__(self, tables: NameTables, said: Sequence[Utterance]) -> None:
        self._tables = tables
        self._own: dict[str, str] = {}  # the name that is said for each one that is not
        self._other: dict[str, str] = {}
        self._seen: set[str] = set()
        self._labels: dict[str, str] = {}  # what `label` said, until there is one name more
        dialogue = said[0].dialogue if said else ""
        start = int.from_bytes(sha256(dialogue.encode()).digest()[:4])
        count = len(tables.instead)
        self._free = [tables.instead[(start + at) % count] for at in range(count)]
        self._said: list[Utterance] = []
        self.go_on(said)

    def go_on(self, said: Sequence[Utterance]) -> bool:
        """Read on in the dialogue; return False where `said` is not what was read, and more."""
        read = len(self._said)
        if len(said) < read or any(map(is_not, self._said, said)):
            return False
        for utterance in said[read:]:
            self._read(utterance)
            self._said.append(utterance)
        return True

    def so_far(self, also: str | None = None) -> OtherNames:
        """Return the names as they are now, whatever is read later.

        Args:
            also: somebody who has not spoken yet and is named all the same, or None.
        """
        now = copy(self)
        now._own, now._other, now._free = dict(self._own), dict(self._other), list(self._free)
        now._labels = {}
        now._called(also)
        return now

    def hide(self, text: str) -> str:
        """Return a text with the other names in it."""
        if self._other.keys().isdisjoint(_names_in(text, self._tables)):
            return text
        return _WORD.sub(lambda found: self._hidden(text, found), text)

    def show(self, text: str) -> str:
        """Return a text that a model wrote with the script's own names in it."""
        if self._own.keys().isdisjoint(_forms_of(text).all):
            return text
        return _WORD.sub(lambda found: self._shown(found[0]), text)

    def label(self, speaker: str) -> str:
        """Return how a speaker is called: each name of it by another one."""
        known = self._labels.get(speaker)
        if known is None:
            named = _names_of(speaker, self._tables)
            known = self._labels[speaker] = _WORD.sub(
                lambda found: _as(
                    found[0], self._other_of(found[0]) if found[0] in named else None
                ),
                speaker,
            )
        return known

    def _read(self, utterance: Utterance) -> None:
        """Give names to whom an utterance is by and speaks of."""
        text = utterance.text
        said = _forms_of(text)
        self._seen |= said.words
        self._called(utterance.speaker)
        known = (self._tables.known.keys(), self._own.keys(), self._other.keys())
        if all(map(said.all.isdisjoint, known)):
            return
        for found in _WORD.finditer(text):
            word = found[0].lower()
            really = word in self._own  # a name that was given out is somebody's, too
            if really or (word in self._tables.known and self._is_name(text, found)):
                self._add(found[0])
            elif stem := self._family(found[0]):
                self._add(stem)

    def _called(self, speaker: str | None) -> None:
        for word in _names_of(speaker or "", self._tables):
            self._add(word)

    def _add(self, word: str) -> None:
        name = self._name_of(word)
        if name in self._other:
            return
        taken = self._seen | self._other.keys() | {name}
        other = next((one for one in self._free if one.lower() not in taken), None)
        if other is None:
            return
        self._free.remove(other)
        self._other[name] = other
        self._labels.clear()
        plain = word if word[0].isupper() and not word.isupper() else word.capitalize()
        self._own[other.lower()] = plain

    def _name_of(self, word: str) -> str:
        return self._tables.known.get(word.lower(), word.lower())

    def _other_of(self, word: str) -> str | None:
        return self._other.get(self._name_of(word))

    def _hidden(self, text: str, found: re.Match[str]) -> str:
        word = found[0]
        other = self._other_of(word)
        if other and self._is_name(text, found):
            return _as(word, other)
        stem = self._family(word)
        other = self._other_of(stem) if stem else None
        return f"{_as(stem, other)}{word[-1]}" if stem and other else word

    def _shown(self, word: str) -> str:
        if own := self._own.get(word.lower()):
            return _as(word, own)
        own = self._own.get(word[:-1].lower()) if word[-1] in "sS" and word[0].isupper() else None
        return f"{_as(word[:-1], own)}{word[-1]}" if own else word

    def _family(self, word: str) -> str | None:
        """Return the name of which a word is the plural, as the Marlows of Marlow; or None."""
        # First what most words are not: this is asked of every word of every dialogue.
        if word[-1] not in "sS" or len(word) < 3 or not word[0].isupper():
            return None
        stem = word[:-1]
        known = self._name_of(stem) in self._other or stem.lower() in self._tables.known
        return stem if known and not self._ordinary(stem) else None

    def _ordinary(self, word: str) -> bool:
        return word.lower() in self._tables.words["ordinary"]

    def _is_name(self, text: str, found: re.Match[str]) -> bool:
        """Return whether a word that may be a name is one here."""
        word = found[0]
        if not self._ordinary(word):
            return True
        before = text[: found.start()].rstrip(_AROUND)
        after = text[found.end() : found.end() + 1]
        alone = not after or after in _APART
        if word.isupper():
            return alone and (not before or before[-1] in _APART)
        if not word[0].isupper():
            return False
        begins = not before or before[-1] in _ENDS
        return alone or not begins or text[found.end() : found.end() + 2] in ("'s", "’s")


class _Forms(NamedTuple):
    """The words of a text in lower case, and with those what the plurals among them are of."""

    words: frozenset[str]
    all: frozenset[str]


# A turn is looked at again for each later target, a demonstration for nearly all.
@lru_cache(maxsize=8192)
def _forms_of(text: str) -> _Forms:
    found = _WORD.findall(text)
    words = frozenset(word.lower() for word in found)
    stems = (word[:-1].lower() for word in found if word[-1] in "sS")
    return _Forms(words, words.union(stems))


@lru_cache(maxsize=8192)
def _names_in(text: str, tables: NameTables) -> frozenset[str]:
    """Return the name that each form in a text stands for, or may."""
    return frozenset(tables.known.get(form, form) for form in _forms_of(text).all)


@lru_cache(maxsize=1024)
def _names_of(speaker: str, tables: NameTables) -> tuple[str, ...]:
    """Return the words of a speaker's label that are names and not a part in the scene."""
    words, names = tables.words, list[str]()
    for one in _PARTED.split(speaker):
        found = _WORD.findall(one)
        plays = not words["role"].isdisjoint(word.lower() for word in found)
        for word in found:
            lower = word.lower()
            named = word[0].isupper() and not plays and lower not in words["title"]
            if named or (lower in tables.known and word[0].isupper()):
                names.append(word)
    return tuple(names)


def _as(word: str, other: str | None) -> str:
    """Return another word in the letters of a word: as MARTA, Marta or marta."""
    if other is None:
        return word
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other if word[0].isupper() else other.lower()
