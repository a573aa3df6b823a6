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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
    Pair,
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
    def words_needed(self) -> list[frozenset[Need]]:
        """Return those of `needs` that are words or beginnings of words alone."""
        return [group for group in self.needs if all(isinstance(need, str) for need in group)]

    @cached_property
    def pairs_needed(self) -> list[frozenset[Need]]:
        """Return the others of `needs`, in which there are pairs."""
        return [group for group in self.needs if not all(isinstance(need, str) for need in group)]

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Return the expression over `Text.line`, compiled when it is first needed."""
        return re.compile(self.expression)


# What a word needs no other for: the patterns that need it alone, and what it begins with.
_Alone = tuple[tuple[Pattern, ...], tuple[str, ...]]


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
    _of_word: dict[str, _Alone] = field(init=False, default_factory=dict)
    # Words that were looked at, and those of them that lead to a pattern or begin as one needs.
    _learnt: set[str] = field(init=False, default_factory=set)
    _leading: set[str] = field(init=False, default_factory=set)

    @cached_property
    def _order(self) -> Mapping[Pattern, int]:
        return {pattern: number for number, pattern in enumerate(self.patterns)}

    @cached_property
    def _by_pair(self) -> Mapping[Pair, list[Pattern]]:
        """Return the patterns by the two words that they need most rarely."""
        index: dict[Pair, list[Pattern]] = {}
        for pattern in self.patterns:
            for need in pattern.needs[0]:
                if not isinstance(need, str):
                    index.setdefault(need, []).append(pattern)
        return index

    @cached_property
    def _pairs(self) -> frozenset[Pair]:
        return frozenset(self._by_pair)

    @cached_property
    def _by_word(self) -> Mapping[str, list[Pattern]]:
        """Return the patterns by the one word, or beginning of one, that they need most rarely."""
        index: dict[str, list[Pattern]] = {}
        for pattern in self.patterns:
            for need in pattern.needs[0]:
                if isinstance(need, str):
                    index.setdefault(need, []).append(pattern)
        return index

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        every = (need for one in self.patterns for needs in one.needs for need in needs)
        return frozenset(need for need in every if isinstance(need, str) and need[-1] == "*")

    def find(self, text: Text) -> dict[str, list[PatternFind]]:
        """Return what is found in a text, by code; what is fine is taken back."""
        hits: dict[str, list[PatternFind]] = {}
        tried = self._that_may_occur(text)
        wrong = [one for one in tried if one.kind == "hit" and one.compiled.search(text.line)]
        if not wrong:
            return hits
        for pattern in sorted(wrong, key=self._order.__getitem__):
            hits.setdefault(pattern.code, []).extend(_occurrences(pattern, text))
        for places in hits.values():
            places.sort(key=lambda one: (one.start, one.end))
        # What is fine is looked for last: most texts have nothing that it could take back.
        taken = (one for one in tried if one.kind == "fine" and one.code in hits)
        fine = [found for pattern in taken for found in _occurrences(pattern, text)]
        return _without(hits, fine) if fine else hits

    def occurs(self, text: Text) -> bool:
        """Return whether any pattern is found in a text, even one that is fine or taken back."""
        return any(one.compiled.search(text.line) for one in self._that_may_occur(text))

    def _that_may_occur(self, text: Text) -> Collection[Pattern]:
        """Return the patterns of which all that they need occurs, in no order."""
        tried, begun = self._begun(text)
        if not tried:
            return tried
        known = text.known | begun if begun else text.known
        may = [one for one in tried if _are_there(one.words_needed, known)]
        return {one for one in may if _are_beside(one.pairs_needed, known, text.pairs)}

    def _begun(self, text: Text) -> tuple[list[Pattern], set[Need]]:
        """Return the patterns of which what they need most rarely occurs, some more than once.

        With them come the beginnings of words, each with its *, that any of them needs. Whole sets
        are compared: this is asked of every text, and most words and pairs lead to nothing.
        """
        if new := text.known - self._learnt:
            self._learn(new)
        tried, begun = list[Pattern](), set[Need]()
        for word in text.known & self._leading:
            needing, beginnings = self._of_word[word]
            tried += needing
            begun.update(beginnings)
        for pair in text.pairs & self._pairs:
            tried += self._by_pair[pair]
        return tried, begun

    def _learn(self, words: Iterable[str]) -> None:
        """Find out which patterns need these words most rarely, and what they begin with."""
        if len(self._learnt) > _MANY_WORDS:
            self._learnt = set()
        for word in words:
            begun = tuple(
                beginning
                for length in range(1, len(word) + 1)
                if (beginning := f"{word[:length]}*") in self._beginnings
            )
            found = tuple(one for need in (word, *begun) for one in self._by_word.get(need, ()))
            if found or begun:
                self._of_word[word] = found, begun
                self._leading.add(word)
            self._learnt.add(word)


def _are_there(groups: Sequence[frozenset[Need]], known: frozenset[Need]) -> bool:
    for group in groups:  # a loop: this is asked many times of each text
        if known.isdisjoint(group):
            return False
    return True


def _are_beside(
    groups: Sequence[frozenset[Need]], known: frozenset[Need], pairs: frozenset[Pair]
) -> bool:
    for group in groups:
        if pairs.isdisjoint(group) and known.isdisjoint(group):
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
