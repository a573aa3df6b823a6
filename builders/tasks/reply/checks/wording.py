"""Comparing wordings: whether one text repeats another.

In scripts without spaces between words a run is one of letters. Five English words are about 8
letters of Chinese, 13 of Japanese and 17 of Thai (`bench/letters.py`), so a Chinese letter counts
for five eighths of a word, and a letter of kana, Thai, Lao, Khmer or Burmese for half of that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HAN = "\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_SOUNDS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f"
_UNSPACED = re.compile(f"[{_HAN}{_SOUNDS}]")
_OF_HAN = re.compile(f"[{_HAN}]")
_PIECE = re.compile(rf"[{_HAN}{_SOUNDS}]|[^\W{_HAN}{_SOUNDS}]+")
# Parts of a word; powers of two add up without rounding.
_HAN_PART, _SOUND_PART = 0.625, 0.3125


def shares_run(one: str, other: str, length: int) -> bool:
    """Return whether two texts have so many words in a row in common, whatever stands between."""
    return not _runs(one, length).isdisjoint(_runs(other, length))


def count_words(text: str) -> int:
    """Return how many words a text has; letters of scripts without spaces count as parts."""
    words = _split(text, _WORDS.findall(text))
    return len(words) if text.isascii() else int(sum(map(_part, words)))


def in_runs(words: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of so many words; `words` as `pieces` returns them."""
    parts = [_part(word) for word in words]
    if all(part == 1 for part in parts):
        for at in range(len(words) - length + 1):
            yield tuple(words[at : at + length])
        return
    end, held = 0, 0.0
    for at, part in enumerate(parts):
        while held < length and end < len(parts):
            held += parts[end]
            end += 1
        if held < length:
            return
        yield tuple(words[at:end])
        held -= part


def spelt_apart(words: Sequence[str]) -> list[str] | None:
    """Return words with those of scripts without spaces as letters; None where there are none."""
    return _split(" ".join(words), []) or None


def pieces(text: str) -> list[str]:
    """Return the words of a text in lower case, without apostrophes; letters in some scripts."""
    plain = text.casefold().replace("’", "").replace("'", "")
    return _split(plain, re.findall(r"\w+", plain))


def _split(text: str, words: list[str]) -> list[str]:
    """Return words of a text, and letters in place of words where a script has no spaces."""
    if text.isascii() or not _UNSPACED.search(text):
        return words
    return _PIECE.findall(unicodedata.normalize("NFKC", text))


def _part(word: str) -> float:
    """Return for how much of a word a word or a letter counts."""
    if word.isascii() or not _UNSPACED.match(word):
        return 1
    return _HAN_PART if _OF_HAN.match(word) else _SOUND_PART


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    folded = text.casefold()
    words = [word.replace("’", "'") for word in _split(folded, _WORDS.findall(folded))]
    return set(in_runs(words, length))
