"""The tables of a language, from ``label_maps/reply/<language>/``.

``_classes.tsv`` and ``_words.tsv`` hold words, every other file the patterns of the code that is
its name. A language without a folder cannot be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.labels.tables import read_text as table_text
from builders.tasks.reply.checks.patterns import Pattern, PatternFind, PatternSet, read_pattern
from builders.tasks.reply.checks.text import read_text

_CLASSES, _WORDS = "_classes.tsv", "_words.tsv"
# What `_words.tsv` must say of a language.
LISTS = (
    *("function", "label", "before_colon", "gesture", "sound", "number", "number_idiom"),
    *("kin", "capital", "opener", "given", "asking", "unit", "third_person", "person", "somebody"),
    *("common", "aside", "saying"),
)
# In which replies are, where the language of what was said has no tables.
ENGLISH = "en"
_LETTERS = re.compile(r"[^\W\d_]+")
_COLUMNS = ("kind", "when", "pattern", "reason")


@dataclass(frozen=True, eq=False)
class Language:
    """What is known of a language: lists of words by name, and the patterns."""

    code: str
    words: Mapping[str, frozenset[str]]
    classes: Mapping[str, Sequence[str]]
    patterns: PatternSet
    version: str
    pieces: frozenset[str]

    def strangeness(self, word: str) -> float:
        """Return the share of a word's runs of letters that are in no word that is known."""
        return _strange_share(word, self)

    def codes(self) -> frozenset[str]:
        """Return the codes that have patterns."""
        return frozenset(pattern.code for pattern in self.patterns.patterns)


_RUN = 4


@lru_cache(maxsize=16384)
def _strange_share(word: str, language: Language) -> float:
    runs = _pieces_of(word)
    if len(word) < _RUN or word in language.words["given"]:
        return 0.0
    return sum(run not in language.pieces for run in runs) / len(runs)


def _pieces_of(word: str) -> list[str]:
    """Return the runs of letters of a word, with its ends."""
    marked = f"^{word}$"
    return [marked[at : at + _RUN] for at in range(len(marked) - _RUN + 1)]


def folder_of(language: str) -> Path:
    """Return the folder of a language's tables; all regions of it have one, as en for en-AU."""
    return resources.label_maps() / "reply" / language.partition("-")[0].lower()


@cache
def known_languages() -> tuple[str, ...]:
    """Return the languages whose replies can be checked."""
    folders = (resources.label_maps() / "reply").glob("*/")
    return tuple(sorted(path.name for path in folders if path.is_dir()))


# Asked of every target, and told by the disk.
@cache
def can_check(code: str) -> bool:
    """Return whether there are tables to check replies in a language."""
    folder = folder_of(code)
    return folder.name.isalpha() and folder.is_dir()


def answered_in(code: str, given_words: bool = True) -> str:
    """Return the language of replies to what is said in one (BCP 47).

    It is the same one where there are tables to check replies in it. Without them it is English
    where speakers were given their words, as then only their voice tells what is to be answered;
    other words are not answered, as nothing tells whether they may be.
    """
    return code if can_check(code) or not given_words else ENGLISH


@cache
def load_language(code: str) -> Language:
    """Return the tables of a language; LabelError where they are missing or wrong."""
    folder = folder_of(code)
    if not can_check(code):
        raise LabelError(
            f"replies in {code!r} cannot be checked",
            where=resources.label_maps() / "reply",
            expected=f"a folder of tables for it, as there is for {', '.join(known_languages())}",
            do="add one, file by file as in the folder of en",
        )
    words = _read_words(folder / _WORDS)
    classes = read_classes(folder / _CLASSES)
    patterns = read_patterns(folder, classes, words)
    pieces = frozenset(_pieces(folder, words))
    return Language(code, words, classes, PatternSet(patterns), _digest(folder), pieces)


def read_patterns(
    folder: Path, classes: Mapping[str, Sequence[str]], words: Mapping[str, frozenset[str]]
) -> list[Pattern]:
    """Return the patterns of all files of a folder, each under the name of its file."""
    paths = sorted(folder.glob("[a-z]*.tsv"))
    return [found for path in paths for found in read_patterns_of(path, classes, words)]


def read_patterns_of(
    path: Path, classes: Mapping[str, Sequence[str]], words: Mapping[str, frozenset[str]]
) -> list[Pattern]:
    """Return the patterns of a file, under its name."""
    patterns: list[Pattern] = []
    for row in read_rows(path, _COLUMNS, key=("pattern", "when")):
        row.text("reason")
        patterns.append(read_pattern(row, path.stem, classes, words))
    return patterns


def _pieces(folder: Path, words: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Yield the runs of letters of all words in a language's tables."""
    told = [text for path in sorted(folder.glob("*.tsv")) for text in _told(path)]
    for word in {*(word for group in words.values() for word in group), *told}:
        yield from _pieces_of(word)


def _told(path: Path) -> Iterator[str]:
    return iter(_LETTERS.findall(table_text(path).lower()))


def _read_words(path: Path) -> dict[str, frozenset[str]]:
    lists: dict[str, set[str]] = {name: set() for name in LISTS}
    for row in read_rows(path, ("list", "words"), key=()):
        lists[row.choice("list", LISTS)] |= set(row.text("words").lower().split())
    if empty := [name for name, words in lists.items() if not words]:
        raise LabelError(
            f"no words for {', '.join(empty)}",
            where=path,
            expected=f"a row at least for each of {', '.join(LISTS)}",
            do="add one, with words and blanks between them",
        )
    return {name: frozenset(words) for name, words in lists.items()}


def read_classes(path: Path) -> dict[str, list[str]]:
    """Return the classes of words that patterns name; LabelError where a row is wrong."""
    classes: dict[str, list[str]] = {}
    for row in read_rows(path, ("class", "words"), key=()):
        name = row.matching("class", "[a-z_]+", "letters a to z and _")
        parts = [part.strip() for part in row.text("words").lower().split(",")]
        for part in parts:
            if part.startswith("<") and part[1:-1] not in classes:
                raise row.error("words", f"{part} to be a class of a row above")
        known = (classes[p[1:-1]] if p.startswith("<") else [p] for p in parts if p)
        classes.setdefault(name, []).extend(word for group in known for word in group)
    return classes


def _digest(folder: Path) -> str:
    digest = sha256()
    for path in sorted(folder.glob("*.tsv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@lru_cache(maxsize=64)
def found_in(text: str, language: str) -> Mapping[str, list[PatternFind]]:
    """Return what the patterns of a language find in a text, by code."""
    return load_language(language).patterns.find(read_text(text))


def is_content(word: str, language: Language) -> bool:
    """Return whether a word carries meaning of its own."""
    return word not in language.words["function"] and len(word) > 1
