"""Which language a text is in: whether it is that of its corpus, and if not, which other one.

Letters of another script tell it, and so do little words, by a table. A line of which most words
are unknown to the language is compared by its letters with others (`py3langid`: Lui & Baldwin,
2012). Names, sounds and numbers are words of no language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from builders import resources
from builders.labels.tables import read_rows
from builders.tasks.reply.checks.language import Language, can_check, load_language
from builders.tasks.reply.checks.text import BREAK, Text, read_text

# Letters beyond Latin, from Greek to Hangul, and those of further planes.
OTHER_SCRIPT = re.compile(
    "[\u0370-\u03ff\u0400-\u1cff\u1f00-\u1fff\u2c00-\u2c5f\u2d00-\u2ddf\u3040-\u30ff\u3105-\u318f"
    "\u31a0-\u9fff\ua000-\ua71f\ua800-\ud7ff\uf900-\ufaff\ufb13-\ufdff\ufe70-\ufeff\U00010000-\U0001bfff"
    "\U00020000-\U0003ffff]+"
)
_ACCENTED = re.compile(r"[^\W\d_a-zA-Z]")
_FEW_FOREIGN = 2
# So many words of a line tell its language.
_TELLING = 3
# A line is compared by its letters where so many of its words, and no smaller part of them, are
# unknown; it is in another language where its own is less probable than this. Of 14,662 real
# English turns 15 are then taken for others, of 185 short lines in others 6 for English
# (`bench/languages.py`).
_UNKNOWN_WORDS, _OWN_PART = 2, 1 / 3
_IMPROBABLE = 0.05
# The language is named where it is more probable than all others together.
_NAMED = 0.5
UNDETERMINED = "und"  # BCP 47: another language, nobody knows which
# Languages that are told apart: each one more makes the others less certain in a short line.
_COMPARED = (
    "ar bg cs da de el en es fa fi fr he hi hr hu id it ja ko nl no pl pt ro ru sk sl sv sw th tl "
    "tr uk vi zh"
).split()
_BEYOND_LATIN = frozenset("ar bg el fa he hi ja ko ru th uk zh".split())
_NO_WORDS = ("sound", "given")  # lists of the tables that are of no language
_SOUND = re.compile(r"[aeou]+h*|h+[aeou]+|w+h*[oa]+h*|[mh]+|y[aeu]+[hpy]*|n[oa]h*|u+gh+|[aeo]+w+")
_ENDINGS = ("s", "es", "d", "ed", "er", "ly", "ing", "in")
_MIDDLE = re.compile(r"[\w,;] $")


@cache
def other_languages() -> Mapping[str, frozenset[str]]:
    """Return for each language the little words that tell it."""
    rows = read_rows(
        resources.label_maps() / "reply" / "_languages.tsv", ("language", "words"), key=()
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.text("language"), set()).update(row.text("words").lower().split())
    return {language: frozenset(words) for language, words in found.items()}


@cache
def _all_little() -> frozenset[str]:
    return frozenset[str]().union(*other_languages().values())


def is_in_other_language(text: str, language: str) -> bool:
    """Return whether a text tells another language than the one it should be in."""
    return told_language(text, language) != language


@lru_cache(maxsize=4096)
def told_language(text: str, language: str) -> str:
    """Return the language (BCP 47) that a text tells, or the one it should be in.

    `UNDETERMINED` where it is another one, and a line so short does not say which. A text in a
    language without tables is believed to be in it, unless its letters are of another script.
    """
    own = language.partition("-")[0].lower()
    other = "" if text.isascii() else "".join(OTHER_SCRIPT.findall(text))
    beyond = bool(other) and 2 * len(other) > sum(map(str.isalpha, text))
    if beyond != (own in _BEYOND_LATIN):
        return _named(text, own) if beyond or _is_some(text) else language
    if beyond or not can_check(language):
        return language
    read, tables = read_text(text), load_language(language)
    if len(read.spoken) >= _TELLING and foreign_words(read, tables, ()):
        return _named(text, own)
    if _is_unknown(read, tables) and _probable(text).get(own, 0.0) < _IMPROBABLE:
        return _named(text, own)
    return language


def _is_some(text: str) -> bool:
    return len(read_text(text).spoken) >= _TELLING


def _named(text: str, own: str) -> str:
    """Return the most probable language but `own`, if it is certain enough."""
    found = {code: value for code, value in _probable(text).items() if code != own}
    best = max(found, key=found.__getitem__)
    return best if found[best] > _NAMED else UNDETERMINED


def _is_unknown(read: Text, language: Language) -> bool:
    """Return whether a language does not know most words of a line."""
    if len(read.known & _vocabulary(language)) > _OWN_PART * len(read.known):
        return False
    words = set(_telling_words(read, language))
    own = sum(_is_word_of(word, language) for word in words)
    return len(words) >= _UNKNOWN_WORDS and own <= _OWN_PART * len(words)


def _telling_words(read: Text, language: Language) -> Iterator[str]:
    """Yield the words of a line that are no names, sounds or numbers."""
    shouted = read.raw.isupper()
    for word, (start, _) in zip(read.words, read.spans, strict=True):
        if word == BREAK or any(word in language.words[name] for name in _NO_WORDS):
            continue
        named = read.raw[start].isupper() and _MIDDLE.search(read.raw, 0, start)
        if not ((named and not shouted) or _SOUND.fullmatch(word) or word.isdigit()):
            yield word


def _is_word_of(word: str, language: Language) -> bool:
    """Return whether a word, or what it is made from by an ending, is in a language's tables."""
    known = _vocabulary(language)
    if word in known or word[0] == "'":
        return True
    stems = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
    return any(stem in known or f"{stem}e" in known for stem in stems)


@cache
def _vocabulary(language: Language) -> frozenset[str]:
    lists = (words for name, words in language.words.items() if name not in _NO_WORDS)
    return frozenset[str]().union(*lists)


@lru_cache(maxsize=1024)
def _probable(text: str) -> dict[str, float]:
    """Return how probable each language is, by letters."""
    return {code: float(value) for code, value in _identifier().rank(text.lower())}


@cache
def _identifier() -> Any:
    # Its tables take a second to unpack, and few texts need them.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_COMPARED)
    return identifier


def foreign_words(text: Text, language: Language, said: tuple[str, ...]) -> list[str]:
    """Return the words that tell another language, if they are enough to tell it."""
    own = text.known & language.words["function"]
    words = text.known - language.words["function"]
    little = words & _all_little()
    if len(own) < _FEW_FOREIGN and not words & language.words["common"]:
        alone = [word for word in text.spoken if word in little or _ACCENTED.search(word)]
        if alone and (not own or any(map(_ACCENTED.search, alone))) and len(text.spoken) > 2:
            return alone
    if own and len(little) < _FEW_FOREIGN:
        return []
    for other, little in other_languages().items():
        if other == language.code:
            continue
        found = sorted(words & little)
        if len(found) >= _FEW_FOREIGN and len(found) * 2 >= len(own):
            spoken = {word for one in said for word in read_text(one).words}
            if len(set(found) - spoken) >= _FEW_FOREIGN:
                return found
    return _unknown(text) if not own and len(text.spoken) > 4 else []


def _unknown(text: Text) -> list[str]:
    """Return words with letters that the language has not, where no word of it occurs."""
    return [word for word in text.spoken if _ACCENTED.search(word)]
