"""Which strategies a reply carries out, told by its words alone: the plan is not looked at.

A reply is cut into sentences, and these where a new clause begins. Each part is the strategy whose
cues (``label_maps/strategy/<language>/``) it has; questions are told apart by what they ask and by
the valence of the label. A part without a cue is `UNKNOWN`, which is no guess.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from builders import resources
from builders.errors import LabelError
from builders.labels.strategies import strategies
from builders.tasks.reply.checks.language import load_language, read_patterns
from builders.tasks.reply.checks.patterns import PatternSet
from builders.tasks.reply.checks.text import read_text

UNKNOWN = "unknown"
# Where a new sentence, or a clause that may do something else, begins.
_PARTS = re.compile(r"[^.!?…;]+(?:[.!?…;]+[\"”’']*|$)")
_CLAUSES = re.compile(r",\s+(?=(?:and|but|so|yet)\s)|\s+[–—-]+\s+")
_LEAST_WORDS = 3
# Nearly every kind reply has some cue of these.
_WIDE = frozenset({"validation", "empathetic_response", "mindful_presence"})


@dataclass(frozen=True, slots=True)
class Tag:
    """A strategy, and where in the reply it is carried out, in characters."""

    strategy: str
    start: int
    end: int


@cache
def load_cues(language: str) -> PatternSet:
    """Return the cues of a language, each under its strategy; one without cues is never told.

    Raises LabelError where there are none, or some are of no strategy that there is.
    """
    folder = resources.label_maps() / "strategy" / language
    tables = load_language(language)
    patterns = read_patterns(folder, tables.classes, tables.words)
    wrong = {pattern.code for pattern in patterns} - set(strategies())
    if wrong:
        raise LabelError(
            f"there are cues of {', '.join(sorted(wrong))}, which is no strategy",
            where=folder,
            expected="files named after strategies of label_maps/strategy/_strategies.tsv",
            do="rename or remove the file",
        )
    return PatternSet(patterns)


def tag(text: str, valence: str, language: str = "en") -> list[Tag]:
    """Return the strategies of a reply in their order, each with its place.

    Args:
        text: the reply.
        valence: that of the label; a question to a positive one is an inquiry.
        language: that of the reply.
    """
    return _merged(_joined(tag_parts(text, valence, language)))


def tag_parts(text: str, valence: str, language: str = "en") -> list[Tag]:
    """Return the strategies of a reply with its unknown parts among them; see `tag`."""
    cues = load_cues(language)
    return _merged([_tag_of(text, start, end, cues, valence) for start, end in _places(text)])


def _merged(told: Sequence[Tag]) -> list[Tag]:
    """Return neighbours of one strategy as one."""
    return [
        Tag(strategy, parts[0].start, parts[-1].end)
        for strategy, group in groupby(told, key=lambda one: one.strategy)
        if (parts := list(group))
    ]


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a text lie: sentences, cut into clauses of three words or more."""
    for sentence in _PARTS.finditer(text):
        start, end = sentence.span()
        cuts = [start]
        for cut in _CLAUSES.finditer(text, start, end):
            long = all(
                len(part.split()) >= _LEAST_WORDS
                for part in (text[cuts[-1] : cut.start()], text[cut.end() : end])
            )
            if long and not text[:end].rstrip("\"”’'").endswith("?"):
                cuts.append(cut.end())
        for first, last in zip(cuts, [*cuts[1:], end], strict=True):
            if read_text(text[first:last]).spoken:
                yield first, last


def _tag_of(text: str, start: int, end: int, cues: PatternSet, valence: str) -> Tag:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end -= len(part) - len(part.rstrip())
    hits = cues.find(read_text(part))
    asks = part.rstrip("\"”’' ").endswith("?")
    kinds = {name: one.kind for name, one in strategies().items()}
    scores = Counter({n: len({f.start for f in found}) for n, found in hits.items()})
    fitting = [name for name in scores if (kinds[name] == "question") == asks]
    if not fitting and not asks and "open_ended_questioning" in scores:
        fitting = ["open_ended_questioning"]  # "Tell me more" asks without a mark
    if not fitting:
        return Tag(UNKNOWN, start, end)
    return Tag(_question(fitting, valence) if asks else _best(fitting, scores), start, end)


def _question(fitting: Sequence[str], valence: str) -> str:
    """Return what a question does: inquire about good news, invite to tell, or clarify."""
    if valence == "positive" and "inquiry" in fitting:
        return "inquiry"
    return next((n for n in ("open_ended_questioning", "clarification") if n in fitting), UNKNOWN)


def _best(fitting: Sequence[str], scores: Counter[str]) -> str:
    """Return the strategy with most cues; of two with as many the narrower, else unknown."""
    most = max(scores[name] for name in fitting)
    first = [name for name in fitting if scores[name] == most]
    narrow = [name for name in first if name not in _WIDE] or first
    return narrow[0] if len(narrow) == 1 else UNKNOWN


def _joined(found: Sequence[Tag]) -> list[Tag]:
    """Give unknown parts of a reply to what is known of it; all unknown stays so."""
    known = [one for one in found if one.strategy != UNKNOWN]
    return known or list(found[:1])
