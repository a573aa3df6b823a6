"""The check of letters that make no words: keys that were hit at random, words that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from builders.tasks.reply.checks.candidate import Candidate, Hit, check
from builders.tasks.reply.checks.form import hit_of, language_of, said_before
from builders.tasks.reply.checks.language import Language, load_language
from builders.tasks.reply.checks.text import read_text

# Two tokens or more of letters and digits in turns.
_MIXED = re.compile(r"(?:\b(?=\w*\d[a-z])(?=\w*[a-z]\d|\d+[a-z]+\b)\w{3,}\W+){2,}", re.IGNORECASE)
# From this share of unknown runs of letters on a word is strange, and a text on average.
_STRANGE, _STRANGE_TEXT = 0.4, 0.36
_KEYBOARD = re.compile(
    r"qwer|wert|erty|rtyu|tyui|yuio|uiop|asdf|sdfg|dfgh|fghj|ghjk|hjkl|zxcv|xcvb|cvbn|vbnm|qaz|wsx|jkl;"
)
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}|([a-z])\1{3,}(?<![aeiouyhmrsz])")
_VOWELLESS = re.compile(r"[^aeiouyàáâãäåèéêëìíîïòóôõöùúûüæœ']{3,}")


@check("found")
def gibberish(candidate: Candidate) -> Iterator[Hit]:
    """Find letters that make no words, and words that make no sentence."""
    language = load_language(language_of(candidate))
    known, text = language.words, read_text(candidate.text)
    # Nearly all texts: what is said below needs two words that look wrong, or none of the language.
    wrong = [word for word in text.known if _looks_wrong(word, language)]
    if len(wrong) < 2 and not known["function"].isdisjoint(text.known):
        if not text.plain and (found := _MIXED.search(candidate.text)):
            yield hit_of(found)
        return
    said = said_before(candidate)
    words = [
        word
        for at, word in enumerate(text.words)
        if word[0].isalpha()
        and word not in said
        and (at == 0 or text.raw[text.spans[at][0]].islower())
    ]
    odd = [word for word in words if word not in known["sound"] and _is_odd(word)]
    long = {word for word in words if len(word) > 3 and word not in known["sound"]}
    strange = {word: share for word in long if (share := language.strangeness(word)) >= _STRANGE}
    if len(odd) > 1 and len(odd) * 3 >= len(words):
        yield Hit({"found": repr(" ".join(odd[:4]))}, len(odd))
    elif len(strange) > 1 and sum(map(language.strangeness, long)) >= _STRANGE_TEXT * len(long):
        yield Hit({"found": repr(" ".join(sorted(strange)[:4]))}, len(strange))
    elif len(words) > 5 and not known["function"].intersection(text.words):
        yield Hit({"found": repr(" ".join(words[:4]))}, 0)
    elif not text.plain and (found := _MIXED.search(candidate.text)):
        yield hit_of(found)


@lru_cache(maxsize=16384)
def _looks_wrong(word: str, language: Language) -> bool:
    """Return whether a word may be one that `gibberish` counts."""
    return word[0].isalpha() and (_is_odd(word) or language.strangeness(word) >= _STRANGE)


@lru_cache(maxsize=16384)
def _is_odd(word: str) -> bool:
    return bool(
        _KEYBOARD.search(word)
        or (len(word) > 4 and _CONSONANTS.search(word))
        or _VOWELLESS.fullmatch(word)
    )
