"""The check of a reply beside the examples that its prompt showed: none of them is copied."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from builders.tasks.reply.checks.candidate import Candidate, Hit, check
from builders.tasks.reply.checks.recited import RUN
from builders.tasks.reply.checks.text import BREAK, read_text
from builders.tasks.reply.checks.wording import in_runs, spelt_apart

Run = tuple[str, ...]


@lru_cache(maxsize=8192)
def _runs(text: str) -> frozenset[Run]:
    """Return the runs of words of a text; of a shorter one all its words."""
    words = read_text(text).spoken
    if (letters := spelt_apart(words)) is not None:
        return frozenset(_in_order(letters))
    if len(words) < RUN:
        return frozenset({words} if len(words) > 1 else ())
    return frozenset(words[at : at + RUN] for at in range(len(words) - RUN + 1))


def _in_order(letters: list[str]) -> list[Run]:
    return [*in_runs(letters, RUN)] or [tuple(letters)]


@check("found")
def copies(candidate: Candidate) -> Iterator[Hit]:
    """Find words in a row of an example that the prompt showed, or all of a shorter one.

    What the speakers said themselves is nobody's example.
    """
    scene = candidate.scene
    if not scene or not scene.shown:
        return
    own = _runs(candidate.text)
    if all(own.isdisjoint(_runs(text)) for text in scene.shown):
        return
    theirs = frozenset[Run]().union(*map(_runs, scene.shown))
    theirs -= frozenset[Run]().union(*map(_runs, scene.said))
    if theirs.isdisjoint(own):
        return
    text = read_text(candidate.text)
    if (letters := spelt_apart(text.spoken)) is not None:
        copied = next(run for run in _in_order(letters) if run in theirs)
        yield Hit({"found": repr("".join(copied))}, None)
        return
    spoken = [at for at, word in enumerate(text.words) if word != BREAK]
    for first in range(max(1, len(spoken) - RUN + 1)):
        run = spoken[first : first + RUN]
        if tuple(text.words[at] for at in run) in theirs:
            start, end = text.spans[run[0]][0], text.spans[run[-1]][1]
            yield Hit({"found": repr(candidate.text[start:end])}, None, start, end)
            return
