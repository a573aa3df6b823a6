"""Patterns of words from a language's tables, and where they occur in a text.

A pattern is words with blanks between, as people say them in lower case. Each part is one of

    word          that word; ``word*`` any word that begins so, ``*word`` that ends so
    a|b c|<name>  one of these; <name> is a class of ``_classes.tsv``
    part?         it may be missing
    _             any one word
    ...           up to four words of the same sentence
    ^  $          the sentence begins, or ends, here
    !a|b          the word before is none of these
    ~a|b          the word after is none of these

Only patterns of which each needed word, or pair of words side by side, occurs are looked for, so
that a thousand cost little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial

from builders.labels.tables import TableRow
from builders.tasks.reply.checks.neighbours import (
    ANY,
    BEGINS,
    ENDS,
    GAP,
    NUMBER,
    Need,
    Part,
    needs_of,
)
from builders.tasks.reply.checks.text import BREAK, Text, read_text

WHEN = ("assistant", "negative", "positive", "not_positive", "not_negative", "new")
KINDS = ("hit", "fine")
_GAP = rf"(?:(?!{re.escape(BREAK)} )[^ ]+ ){{0,4}}?"
_ANY = rf"(?!{re.escape(BREAK)} )[^ ]+ "
_SYMBOLS = {
    ANY: _ANY,
    NUMBER: r"(?:\d[^ ]*|<numbers>) ",
    BEGINS: rf"(?<={re.escape(BREAK)} )",
    ENDS: rf"(?={re.escape(BREAK)} )",
}
# Short forms that stand alone in a pattern, as `Text.words` has them.
_SHORT = {
    "'m": "am",
    "'re": "are",
    "'ve": "have",
    "'ll": "will",
    "n't": "not",
    "'s": "'s",
    "'d": "'d",
}
_MANY_WORDS = 100_000


@dataclass(frozen=True, eq=False)
class Pattern:
    """One row of a table: which code it is of, when it counts, and what it looks for.

    `kind` is ``fine`` for one that takes back what others find in the same place; `parts` are what
    the expression is made of, `how_common` says about how often a word is said.
    """

    code: str
    kind: str
    when: frozenset[str]
    source: str
    expression: str
    parts: tuple[Part, ...]
    how_common: Callable[[str], int]

    @cached_property
    def needs(self) -> list[frozenset[Need]]:
        """Return groups of what must occur in a text, of each group one; the rarest first."""
        return needs_of(self.parts, self.how_common)

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Return the expression over `Text.line`, compiled when it is first needed."""
        return re.compile(self.expression)


@dataclass(frozen=True, slots=True)
class PatternFind:
    """Where a pattern was found in a text: the pattern, the place in characters, the words."""

    pattern: Pattern
    start: int
    end: int
    words: tuple[str, ...]


def read_pattern(
    row: TableRow,
    code: str,
    classes: Mapping[str, Sequence[str]],
    words: Mapping[str, frozenset[str]],
) -> Pattern:
    """Return the pattern of a row; LabelError where it is not written as above."""
    parts = row.text("pattern").split()
    when = frozenset(part.strip() for part in row.cells["when"].split(",") if part.strip())
    if when - set(WHEN):
        raise row.error("when", f"empty, or some of {', '.join(WHEN)}")
    made = [_part(row, part, classes) for part in parts]
    if not any(part.needs for part in made):
        raise row.error("pattern", "one part at least that may not be missing")
    numbers = "|".join(sorted(words["number"]))
    return Pattern(
        code=code,
        kind=row.choice("kind", KINDS),
        when=when,
        source=row.cells["pattern"],
        expression="(?<= )"
        + "".join(part.expression for part in made).replace("<numbers>", numbers),
        parts=tuple(made),
        how_common=partial(_how_common, words),
    )


def _how_common(words: Mapping[str, frozenset[str]], word: str) -> int:
    """Return about how often a word is said, so that rare ones are looked for first."""
    return 60 if word == BREAK or word in words["function"] else 5 if word in words["common"] else 1


def _part(row: TableRow, part: str, classes: Mapping[str, Sequence[str]]) -> Part:
    """Return a part with its expression and its wordings."""
    if part == GAP:
        return Part(_GAP, phrases=((GAP,),))
    missing, part = part.endswith("?"), part.removesuffix("?")
    sign, part = (part[0], part[1:]) if part[0] in "!~" else ("", part)
    phrases = [_spoken(phrase) for one in part.split("|") for phrase in _phrases(row, one, classes)]
    if not all(phrases):
        raise row.error("pattern", f"words in every choice of {part}")
    if sign == "!":
        return Part("".join(rf"(?<! {_expression(phrase)})" for phrase in phrases))
    any_of = "|".join(dict.fromkeys(_expression(phrase) for phrase in phrases))
    if sign == "~":
        return Part(f"(?!{any_of})")
    return Part(f"(?:{any_of})" + "?" * missing, tuple(phrases), missing)


def _phrases(row: TableRow, one: str, classes: Mapping[str, Sequence[str]]) -> Sequence[str]:
    if not one:
        raise row.error("pattern", "a word on both sides of each |")
    if one.startswith("<"):
        if one[1:-1] not in classes:
            raise row.error("pattern", f"<{one[1:-1]}> to be a class of _classes.tsv")
        return classes[one[1:-1]]
    return (one.replace("+", " "),)


@lru_cache(maxsize=8192)
def _spoken(phrase: str) -> tuple[str, ...]:
    """Return a phrase as `Text.words` has it; symbols and a * stay where they are."""
    words: list[str] = []
    for word in phrase.split():
        if word in _SYMBOLS or "*" in word:
            words.append(word)
        elif word in _SHORT:
            words.append(_SHORT[word])
        else:
            words += read_text(word).words
    return tuple(words)


@lru_cache(maxsize=8192)
def _expression(words: tuple[str, ...]) -> str:
    made = ""
    for word in words:
        made += _SYMBOLS.get(word) or re.escape(word).replace(r"\*", "[^ ]*") + " "
    return made


@dataclass
class PatternSet:
    """The patterns of one language, found in texts by what they need."""

    patterns: Sequence[Pattern]
    _begun_by: dict[str, tuple[str, ...]] = field(init=False, default_factory=dict)

    @cached_property
    def _order(self) -> Mapping[Pattern, int]:
        return {pattern: number for number, pattern in enumerate(self.patterns)}

    @cached_property
    def _by_need(self) -> Mapping[Need, list[Pattern]]:
        """Return the patterns by what they need most rarely; made for the first text."""
        index: dict[Need, list[Pattern]] = {}
        for pattern in self.patterns:
            for need in pattern.needs[0]:
                index.setdefault(need, []).append(pattern)
        return index

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        every = (need for one in self.patterns for needs in one.needs for need in needs)
        return frozenset(need for need in every if isinstance(need, str) and need[-1] == "*")

    def find(self, text: Text) -> dict[str, list[PatternFind]]:
        """Return what is found in a text, by code; what is fine is taken back."""
        hits: dict[str, list[PatternFind]] = {}
        fine: list[PatternFind] = []
        tried = self._that_may_occur(text)
        for pattern in self._found_in(text, [one for one in tried if one.kind == "hit"]):
            hits.setdefault(pattern.code, []).extend(_occurrences(pattern, text))
        if not hits:
            return hits
        for pattern in tried:
            if pattern.kind == "fine" and pattern.code in hits:
                fine += _occurrences(pattern, text)
        for places in hits.values():
            places.sort(key=lambda one: (one.start, one.end))
        return _without(hits, fine) if fine else hits

    def _found_in(self, text: Text, patterns: list[Pattern]) -> list[Pattern]:
        """Return the patterns that are found in a text, in the order of the tables."""
        found = [one for one in patterns if one.compiled.search(text.line)]
        return sorted(found, key=self._order.__getitem__) if len(found) > 1 else found

    def _that_may_occur(self, text: Text) -> list[Pattern]:
        """Return the patterns whose needs occur in a text, in no order."""
        words, by_need = text.words, self._by_need
        there: set[Need] = {*text.known, *zip((BREAK, *words), (*words, BREAK), strict=True)}
        for word in text.known:
            there.update(self._beginnings_of(word))
        tried = {pattern for need in by_need.keys() & there for pattern in by_need[need]}
        return [one for one in tried if _may_occur(one, there)]

    def _beginnings_of(self, word: str) -> tuple[str, ...]:
        """Return the beginnings, each with its *, that a pattern needs and a word has."""
        known = self._begun_by.get(word)
        if known is None:
            if len(self._begun_by) > _MANY_WORDS:
                self._begun_by.clear()
            begun = (f"{word[:length]}*" for length in range(1, len(word) + 1))
            known = self._begun_by[word] = tuple(b for b in begun if b in self._beginnings)
        return known


def _may_occur(pattern: Pattern, known: set[Need]) -> bool:
    for group in pattern.needs:  # a loop: this is asked many times of each text
        if known.isdisjoint(group):
            return False
    return True


def _occurrences(pattern: Pattern, text: Text) -> Iterator[PatternFind]:
    for found in pattern.compiled.finditer(text.line):
        if found.end() > found.start():
            yield PatternFind(pattern, *text.place(*found.span()), tuple(found[0].split()))


def _without(
    hits: dict[str, list[PatternFind]], fine: list[PatternFind]
) -> dict[str, list[PatternFind]]:
    """Leave out what overlaps something that a row of the same code calls fine."""
    kept = {
        code: [
            one
            for one in found
            if not any(
                other.pattern.code == code and other.start < one.end and one.start < other.end
                for other in fine
            )
        ]
        for code, found in hits.items()
    }
    return {code: found for code, found in kept.items() if found}
