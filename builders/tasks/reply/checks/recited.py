"""What is said in a corpus, as runs of words: so that no reply recites it.

A run is five words in a row, three of them words of content, or as many letters as stand for five
words where a script has no spaces (`wording.py`). A corpus's runs are kept as sorted
64-bit hashes, 8 bytes each; a false find is one in a billion.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b, sha256

from builders.tasks.reply.checks.language import Language, load_language
from builders.tasks.reply.checks.text import read_text
from builders.tasks.reply.checks.wording import in_runs, spelt_apart

RUN = 5
CONTENT = 3
_MODULUS = 2**61 - 1
_BASE = 911_382_323
_HIGHEST = pow(_BASE, RUN - 1, _MODULUS)
# Up to so many runs, sorting them takes less than importing what sorts faster.
_FEW = 200_000


@lru_cache(maxsize=65536)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest()) % _MODULUS


def _runs(text: str, language: Language) -> Iterator[tuple[int, int]]:
    """Yield the hash of each run of a text, and at which word it begins."""
    words = read_text(text).spoken
    if not text.isascii() and (letters := spelt_apart(words)) is not None:
        yield from ((_hash(" ".join(run)), at) for at, run in enumerate(in_runs(letters, RUN)))
        return
    if len(words) < RUN:
        return
    function = language.words["function"]
    content = [word not in function and len(word) > 1 for word in words]
    hashes = [_hash(word) for word in words]
    value, telling = 0, sum(content[:RUN])
    for one in hashes[:RUN]:
        value = (value * _BASE + one) % _MODULUS
    for at in range(len(words) - RUN + 1):
        if at:  # from the run before: without its first word, and with the next one
            last = at + RUN - 1
            value = ((value - hashes[at - 1] * _HIGHEST) * _BASE + hashes[last]) % _MODULUS
            telling += content[last] - content[at - 1]
        if telling >= CONTENT:
            yield value, at


def shared_run(
    text: str, others: tuple[str, ...], said: tuple[str, ...], language: Language
) -> str | None:
    """Return the first run of a text that one of `others` has and nothing that was `said` has."""
    own = list(_runs(text, language)) if others else []
    if not own:
        return None
    found = {value for other in others for value, _ in _runs(other, language)}
    return _first(text, [at for value, at in own if value in found], said, language)


def _first(text: str, starts: list[int], said: tuple[str, ...], language: Language) -> str | None:
    """Return the first of the runs of a text that does not only repeat what was said."""
    if not starts:
        return None
    fine = {value for one in said for value, _ in _runs(one, language)}
    values = {at: value for value, at in _runs(text, language)}
    words = read_text(text).spoken
    at = next((at for at in starts if values[at] not in fine), None)
    if at is None:
        return None
    if (letters := spelt_apart(words)) is not None:
        return "".join([*in_runs(letters, RUN)][at])
    return " ".join(words[at : at + RUN])


class RunIndex:
    """The runs of all turns of a corpus; a `Fit`, frozen before anything is asked."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._gathered = array("Q")
        self._sorted: array[int] | None = None
        self._digest = ""
        self._turns = 0

    def add(self, text: str) -> None:
        """Take in a turn."""
        self._turns += 1
        language = load_language(self._language)
        self._gathered.extend(value for value, _ in _runs(text, language))

    def freeze(self) -> RunIndex:
        """Sort what was gathered; nothing can be added after it."""
        self._sorted = _sorted(self._gathered)
        self._gathered = array("Q")
        return self

    @property
    def document(self) -> dict[str, object]:
        """Return how much was taken in, and its digest."""
        return {"turns": self._turns, "runs": len(self._runs_held()), "sha256": self.digest()}

    def digest(self) -> str:
        """Return the SHA-256 over all runs, as 64-bit little-endian numbers."""
        if not self._digest:
            told = self._runs_held()
            if sys.byteorder == "big":
                told = told[:]
                told.byteswap()
            self._digest = sha256(told).hexdigest()
        return self._digest

    def run_in(self, text: str, said: tuple[str, ...]) -> str | None:
        """Return words in a row that a text shares with a turn, and not with what was `said`."""
        language, held = load_language(self._language), self._runs_held()
        own = list(_runs(text, language))
        starts = [start for value, start in own if _has(held, value)]
        return _first(text, starts, said, language)

    def _runs_held(self) -> array[int]:
        if self._sorted is None:
            raise ValueError("the runs of a corpus are asked for before they are frozen")
        return self._sorted


def _has(held: array[int], value: int) -> bool:
    at = bisect_left(held, value)
    return at < len(held) and held[at] == value


def _sorted(gathered: array[int]) -> array[int]:
    """Return numbers once each, in order."""
    if len(gathered) <= _FEW:
        return array("Q", sorted(set(gathered)))
    import numpy as np

    return array("Q", np.unique(np.frombuffer(gathered, dtype=np.uint64)).tobytes())
