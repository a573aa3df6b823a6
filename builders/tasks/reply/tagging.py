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
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.strategies import strategies
from builders.tasks.reply.checks.language import load_language, read_patterns, read_patterns_of
from builders.tasks.reply.checks.patterns import PatternSet
from builders.tasks.reply.checks.text import read_text

UNKNOWN = "unknown"
# Where a new sentence, or a clause that may do something else, begins.
_PARTS = re.compile(r"[^.!?…;]+(?:[.!?…;]+[\"”’']*|$)")
_CLAUSES = re.compile(r",\s+(?=(?:and|but|so|yet)\s)|\s+[–—-]+\s+")
_LEAST_WORDS = 3
_OPPOSITE = frozenset({"positive", "negative"})
# What only good news is answered with.
_GLAD = frozenset({"celebration", "reciprocal_enthusiasm"})
_LISTED = re.compile(r"[,;:]")
_CLOSING = "\"”’' "
# Nearly every kind reply has some cue of these.
_WIDE = frozenset({"validation", "empathetic_response", "mindful_presence"})


@dataclass(frozen=True, slots=True)
class Tag:
    """A strategy, and where in the reply it is carried out, in characters."""

    strategy: str
    start: int
    end: int


@dataclass(frozen=True)
class Cues:
    """The cues of a language.

    Attributes:
        strategies: patterns under the strategy whose cue they are.
        invitations: patterns that ask to be told without a question mark.
        recaps: how a sentence begins that ties together what was said.
    """

    strategies: PatternSet
    invitations: PatternSet
    recaps: PatternSet


@cache
def load_cues(language: str) -> Cues:
    """Return the cues of a language; a strategy without cues is never told.

    Raises LabelError where there are cues of no strategy.
    """
    folder = _folder(language)
    tables = load_language(language)
    patterns = read_patterns(folder, tables.classes, tables.words)
    if strange := {pattern.code for pattern in patterns} - set(strategies()):
        raise LabelError(
            f"there are cues of {', '.join(sorted(strange))}, which is no strategy",
            where=folder,
            expected="a file for each strategy, of its name",
            do="remove or rename the file, or add the strategy to _strategies.tsv",
        )
    others = (
        PatternSet(read_patterns_of(folder / name, tables.classes, tables.words))
        for name in ("_invitations.tsv", "_recaps.tsv")
    )
    return Cues(PatternSet(patterns), *others)


def _folder(language: str) -> Path:
    """Return the folder of a language's cues; all regions of it have one, as en for en-AU."""
    return resources.label_maps() / "strategy" / language.partition("-")[0].lower()


@cache
def cues_version(language: str) -> str:
    """Return ``cues <language>+<12 hex>``, the digest over the tables of cues."""
    digest = sha256()
    for path in sorted(_folder(language).glob("*.tsv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"cues {language}+{digest.hexdigest()[:12]}"


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
    places = list(_places(text, cues))
    told = [_tag_of(text, place, cues, valence) for place in places]
    if valence not in _OPPOSITE and any(one.strategy in _GLAD for one in told):
        told = [_tag_of(text, place, cues, "positive") for place in places]
    return _merged(told)


def _merged(told: Sequence[Tag]) -> list[Tag]:
    """Return neighbours of one strategy as one."""
    return [
        Tag(strategy, parts[0].start, parts[-1].end)
        for strategy, group in groupby(told, key=lambda one: one.strategy)
        if (parts := list(group))
    ]


def _places(text: str, cues: Cues) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a text lie: sentences, cut into clauses of three words or more."""
    for sentence in _PARTS.finditer(text):
        start, end = sentence.span()
        cuts = [start]
        whole = _is_asked(text[:end]) or _is_recap(text[start:end], cues)
        for cut in () if whole else _CLAUSES.finditer(text, start, end):
            if all(
                len(part.split()) >= _LEAST_WORDS
                for part in (text[cuts[-1] : cut.start()], text[cut.end() : end])
            ):
                cuts.append(cut.end())
        for first, last in zip(cuts, [*cuts[1:], end], strict=True):
            if read_text(text[first:last]).spoken:
                yield first, last


def _is_asked(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith("?")


def _is_recap(sentence: str, cues: Cues) -> bool:
    """Return whether a sentence ties several things together: it lists them after an opening."""
    lists = len(_LISTED.findall(sentence)) > 1 and not sentence.rstrip(_CLOSING).endswith("!")
    return lists and bool(cues.recaps.find(read_text(sentence)))


def _tag_of(text: str, place: tuple[int, int], cues: Cues, valence: str) -> Tag:
    start, end = place
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end -= len(part) - len(part.rstrip())
    if _is_recap(part, cues):
        return Tag("summarization", start, end)
    hits = cues.strategies.find(read_text(part))
    asks = _is_asked(part)
    kinds = {name: one.kind for name, one in strategies().items()}
    scores = Counter({n: len({f.start for f in found}) for n, found in hits.items()})
    fitting = [name for name in scores if (kinds[name] == "question") == asks]
    fitting = [name for name in fitting if _suits(name, valence)] or fitting
    if not fitting and not asks and cues.invitations.find(read_text(part)):
        fitting = ["open_ended_questioning"]  # "Tell me more" asks without a mark
    if not fitting:
        return Tag(UNKNOWN, start, end)
    told = _question(fitting, scores, valence) if asks else _best(fitting, scores)
    return Tag(told, start, end)


def _suits(name: str, valence: str) -> bool:
    """Return whether a strategy answers what has this valence; of two it is the likelier one."""
    family = strategies()[name].family
    return "neutral" in (family, valence) or valence not in _OPPOSITE or valence == family


def _question(fitting: Sequence[str], scores: Counter[str], valence: str) -> str:
    """Return what a question does: inquire about good news, invite to tell, or clarify.

    To good news, a yes or no may do either of two: only one with two cues is told to clarify.
    """
    if valence != "positive":
        order = ("open_ended_questioning", "clarification")
        return next((name for name in order if name in fitting), UNKNOWN)
    if "inquiry" in fitting:
        return "inquiry"
    return "clarification" if scores["clarification"] > 1 else UNKNOWN


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
