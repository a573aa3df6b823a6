"""A text as the checks of replies read it: words with their places, and one line to search in.

Short forms are written out (``don't`` is ``do not``), so that a pattern needs one wording only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain

# Letters and what stands between words: a text of these alone holds no sign that is not spoken.
_PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z ,!?'’]|-(?! )|[.…](?![\w.]))*")
# A token of `Text.words` that ends a sentence; it is no word.
BREAK = "."
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?…;]+")
_ENDINGS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "s": "'s", "d": "'d", "t": "'t"}
_WHOLE = {
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "shan't": ("shall", "not"),
    "ain't": ("is", "not"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "gotta": ("have", "to"),
    "y'know": ("you", "know"),
    "let's": ("let", "us"),
    "ma'am": ("ma'am",),
    "o'clock": ("o'clock",),
}


@dataclass(frozen=True)
class Text:
    """A text as words.

    Attributes:
        raw: the text.
        words: in lower case, short forms written out, `BREAK` after each sentence.
        spans: where each word stands in the text, in characters.
    """

    raw: str
    words: tuple[str, ...]

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return where each word stands; few texts are asked for it."""
        tokens = _TOKEN.finditer(self.raw)
        return tuple(found.span() for found in tokens for _ in _written_out(found[0]))

    @cached_property
    def line(self) -> str:
        """Return the words with one blank after each; a `BREAK` begins and ends it."""
        return f"{BREAK} {' '.join(self.words)} {BREAK} "

    @cached_property
    def plain(self) -> bool:
        """Return whether the text holds letters, blanks and the marks of sentences, no more."""
        return _PLAIN.fullmatch(self.raw) is not None

    @cached_property
    def known(self) -> frozenset[str]:
        """Return the words that occur."""
        return frozenset(self.words)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """Return the words that stand side by side; a `BREAK` begins and ends the text."""
        return frozenset(zip((BREAK, *self.words), (*self.words, BREAK), strict=True))

    @cached_property
    def spoken(self) -> tuple[str, ...]:
        """Return the words without the ends of sentences."""
        return tuple(word for word in self.words if word != BREAK)

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of `line` stands in the text, in characters."""
        first = max(0, self.line.count(" ", 0, start) - 1)
        last = max(first, self.line.count(" ", 0, end) - 2)
        if not self.spans:
            return 0, len(self.raw)
        most = len(self.spans) - 1
        return self.spans[min(first, most)][0], self.spans[min(last, most)][1]


@lru_cache(maxsize=4096)
def read_text(raw: str) -> Text:
    """Return a text as words."""
    return Text(raw, tuple(chain.from_iterable(map(_written_out, _TOKEN.findall(raw)))))


@lru_cache(maxsize=16384)
def _written_out(token: str) -> tuple[str, ...]:
    if token[0] in ".!?…;":
        return (BREAK,)
    word = token.lower().replace("’", "'")
    if word in _WHOLE:
        return _WHOLE[word]
    stem, apart, ending = word.rpartition("'")
    if not apart:
        return (word,)
    if ending == "t" and stem.endswith("n"):
        return (stem[:-1], "not")
    if ending in _ENDINGS and stem:
        return (*_written_out(stem), _ENDINGS[ending])
    return (word,)
