"""Whether an utterance is worth a reply: a feeling or an event of the speaker's own is told.

The words tell it, by the patterns of ``label_maps/reply_worthy/<language>/``; where a corpus gives
its actors the words, the label does. What is short, said by rote or tells nothing itself counts
only if the dialogue just before carries it. To whom it is said is never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.types import Emotions
from builders.tasks.reply.checks.language import load_language, read_classes, read_patterns
from builders.tasks.reply.checks.patterns import PatternSet
from builders.tasks.reply.checks.text import Text, read_text

_FOLDER = "reply_worthy"
_OWN = ("own_feeling", "own_event")
_TOLD = "told"
_FILES = frozenset((*_OWN, _TOLD))
_ROTE = ("greeting", "backchannel")
LEAST_WORDS = 4
# How many turns back an event of the speaker's own, and one told by somebody else, is looked for.
_OWN_TURNS, _TOLD_TURNS = 2, 1
_CLOSING = "\"”’' "
_NO_FEELING = frozenset({"neutral", "unknown"})

Rote = Literal["only_a_greeting", "only_a_backchannel"]


@dataclass(frozen=True, slots=True)
class Worth:
    """Whether an utterance is worth a reply, and the codes that say why, or why not."""

    worthy: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier turn: its text, and whether the speaker of the utterance said it."""

    text: str
    own: bool


@dataclass(frozen=True, eq=False)
class _Tables:
    patterns: PatternSet
    rote: Mapping[tuple[str, ...], str]
    longest: int


@dataclass(frozen=True, slots=True)
class _Signals:
    """What the words of one text say: `own` are codes, `told` that it is news to who listens.

    `asks` says whether it ends as a question, which does not go on with what was told before.
    """

    own: tuple[str, ...]
    told: bool
    rote: Rote | None
    words: int
    asks: bool


def judged(text: str, before: Sequence[Before], language: str) -> Worth:
    """Return whether an utterance is worth a reply, by its words and those before it.

    Args:
        text: the utterance.
        before: earlier turns, oldest first.
        language: that of the corpus.

    Raises:
        LabelError: there are no tables for it, or one is broken.
    """
    found = _signals(text, language)
    carried = not found.asks and _carried(before, language)
    too_little = found.rote or ("under_four_words" if found.words < LEAST_WORDS else None)
    reasons = (() if too_little else found.own) + (("event_before",) if carried else ())
    if reasons:
        return Worth(True, reasons)
    return Worth(False, (too_little or "no_feeling_or_event",))


def judged_by_label(emotions: Emotions) -> Worth:
    """Return whether an utterance whose words were given to the speaker is worth a reply."""
    readings = {vocabulary().root_of(one) for one in emotions.alternatives} or {emotions.root}
    felt = not readings & _NO_FEELING if emotions.root == "unknown" else emotions.root != "neutral"
    return Worth(felt, ("feeling_by_label" if felt else "no_feeling_by_label",))


def _carried(before: Sequence[Before], language: str) -> bool:
    own = (turn.text for turn in before[-_OWN_TURNS:] if turn.own)
    told = (turn.text for turn in before[-_TOLD_TURNS:] if not turn.own)
    return any(_signals(text, language).own for text in own) or any(
        _signals(text, language).told for text in told
    )


@lru_cache(maxsize=4096)
def _signals(text: str, language: str) -> _Signals:
    tables = load_tables(language)
    read = read_text(text)
    found = tables.patterns.find(read)
    own = tuple(name for name in _OWN if found.get(name))
    asks = text.rstrip(_CLOSING).endswith("?")
    rote = _said_by_rote(read, tables)
    return _Signals(own, bool(found.get(_TOLD)), rote, len(read.spoken), asks)


def _said_by_rote(text: Text, tables: _Tables) -> Rote | None:
    """Return the kind of a text that is rote and names alone, None for any other."""
    kinds, at, words = set[str](), 0, text.spoken
    names = _names(text)
    while at < len(words):
        for length in range(min(tables.longest, len(words) - at), 0, -1):
            if kind := tables.rote.get(words[at : at + length]):
                kinds.add(kind)
                at += length
                break
        else:
            if words[at] not in names:
                return None
            at += 1
    if not kinds:
        return None
    return "only_a_greeting" if "greeting" in kinds else "only_a_backchannel"


def _names(text: Text) -> frozenset[str]:
    """Return the words that are written with a capital, in lower case."""
    spans = zip(text.words, text.spans, strict=True)
    return frozenset(word for word, (start, _) in spans if text.raw[start].isupper())


def folder_of(language: str) -> Path:
    """Return the folder of a language's tables; all regions of it have one."""
    return resources.label_maps() / _FOLDER / language.partition("-")[0].lower()


def known_languages() -> tuple[str, ...]:
    """Return the languages whose utterances can be judged."""
    folders = (resources.label_maps() / _FOLDER).glob("*/")
    return tuple(sorted(path.name for path in folders if path.is_dir()))


@cache
def load_tables(language: str) -> _Tables:
    """Return the tables of a language; LabelError if there are none, or one is broken."""
    folder = folder_of(language)
    if not folder.name.isalpha() or not folder.is_dir():
        raise LabelError(
            f"utterances in {language!r} cannot be judged worth a reply",
            where=resources.label_maps() / _FOLDER,
            expected="a folder of tables for the language, as there is for en",
            do="add one, or take all targets: --no-reply-worthy",
        )
    known = load_language(language)
    classes = {**known.classes, **read_classes(folder / "_classes.tsv")}
    patterns = read_patterns(folder, classes, known.words)
    if wrong := _FILES ^ {pattern.code for pattern in patterns}:
        raise LabelError(
            f"tables and what they are for differ in {', '.join(sorted(wrong))}",
            where=folder,
            expected=f"the files {', '.join(sorted(f'{name}.tsv' for name in _FILES))}",
            do="add or remove the file",
        )
    rote = _read_rote(folder / "_said_by_rote.tsv")
    return _Tables(PatternSet(patterns), rote, max(map(len, rote)))


def _read_rote(path: Path) -> dict[tuple[str, ...], str]:
    phrases: dict[tuple[str, ...], str] = {}
    for row in read_rows(path, ("kind", "words"), key=()):
        kind = row.choice("kind", _ROTE)
        for phrase in row.text("words").split(","):
            if words := read_text(phrase.strip()).spoken:
                phrases.setdefault(words, kind)
    return phrases


def version(language: str) -> str:
    """Return one version for the tables of a language."""
    digest = sha256()
    for path in sorted(folder_of(language).glob("*.tsv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
