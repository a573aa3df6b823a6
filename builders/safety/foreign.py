"""Short lines of other languages that speak of death: no pattern can tell what they say."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from builders import resources
from builders.labels.tables import read_rows
from builders.tasks.reply.checks.text import BREAK, read_text

FILE = "_other_languages.tsv"
# A word by itself is more often a name.
_LEAST = 2


def speaks_of_death_in_another(line: str, language: str, own: frozenset[str]) -> bool:
    """Return whether a line, or a clause of it, speaks of death or the like in another language.

    Args:
        line: the line.
        language: the one it should be in.
        own: words of that language; of those in the clause at least half must be none.
    """
    whole, beginnings = _grave_words(language)

    def tells(words: list[str]) -> bool:
        known = sum(word in own for word in words)
        return len(words) >= _LEAST and 2 * known <= len(words)

    words = [word for word in read_text(line).words if word != BREAK]
    if not any(word in whole or word.startswith(beginnings) for word in words if word not in own):
        return False
    clauses = [[word for word in read_text(part).words if word != BREAK] for part in _parts(line)]
    return any(
        tells(some) and any(word in whole or word.startswith(beginnings) for word in some)
        for some in (words, *clauses)
    )


def _parts(line: str) -> list[str]:
    return re.split(r"[,;:.!?…–—-]+", line)


@cache
def _grave_words(language: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the words of all languages but one, and the beginnings of words."""
    rows = read_rows(_path(), ("language", "words"), key=("language",))
    every = [
        word
        for row in rows
        for word in row.text("words").lower().split()
        if row.text("language") != language.partition("-")[0].lower()
    ]
    whole = frozenset(word for word in every if not word.endswith("*"))
    return whole, tuple(word.removesuffix("*") for word in every if word.endswith("*"))


def forget_foreign_words() -> None:
    """Forget what was read, for a table that was changed."""
    _grave_words.cache_clear()


def _path() -> Path:
    return resources.label_maps() / "safety" / FILE
