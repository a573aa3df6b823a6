"""The tables of safety: what patterns lead to, and the patterns of each language.

`label_maps/safety/_reasons.tsv` has the codes; `label_maps/safety/<language>/` has a file of
patterns for each, with classes, words and spellings beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.safety.foreign import forget_foreign_words
from builders.safety.reading import Spelling
from builders.tasks.reply.checks.language import (
    known_languages,
    load_language,
    read_classes,
    read_patterns,
)
from builders.tasks.reply.checks.patterns import PatternSet

# What the patterns of a code may lead to. The first three are routes.
EFFECTS = ("crisis", "sensitive", "exclude", "sign", "hint", "removes", "keeps", "softens", "reply")
# The codes that say that a talk is about suicide.
TALKS = frozenset({"suicide_intent", "self_harm", "talks_of_suicide", "suicide_plan"})
_LISTS = ("filler", "key", "yes", "yes_start", "no", "first_person")
_COLUMNS = ("code", "effect", "in_reply", "definition")


@dataclass(frozen=True, slots=True)
class SafetyCode:
    """A code: what its patterns lead to, and whether no reply may say so."""

    code: str
    effect: str
    refused_in_reply: bool


@dataclass(frozen=True, eq=False)
class SafetyTables:
    """The tables of one language: patterns, spelling, and the answers yes and no.

    `of_replies` are the patterns that are looked for in replies, `grave` those that may lead to
    `crisis` or `exclude`, `talks` those that tell that a question is about suicide.
    """

    patterns: PatternSet
    of_replies: PatternSet
    grave: PatternSet
    talks: PatternSet
    spelling: Spelling
    yes: frozenset[str]
    yes_start: tuple[str, ...]
    no: frozenset[str]
    first_person: frozenset[str]


@cache
def load_reasons() -> Mapping[str, SafetyCode]:
    """Return the codes by name; LabelError where the table is wrong."""
    rows = read_rows(_folder() / "_reasons.tsv", _COLUMNS, key=("code",))
    found = {}
    for row in rows:
        row.text("definition")
        code = row.matching("code", "[a-z_]+", "letters a to z and _")
        refused = row.choice("in_reply", ("", "reject")) == "reject"
        found[code] = SafetyCode(code, row.choice("effect", EFFECTS), refused)
    return found


@cache
def routed_languages() -> tuple[str, ...]:
    """Return the languages in which utterances can be routed by patterns."""
    return tuple(sorted(p.name for p in _folder().glob("*/") if p.is_dir()))


def tables_of(language: str) -> SafetyTables | None:
    """Return the tables of a language, all regions of it alike; None where there are none."""
    code = language.partition("-")[0].lower()
    if code not in routed_languages() or code not in known_languages():
        return None
    return _load(code)


@cache
def _load(code: str) -> SafetyTables:
    folder = _folder() / code
    language = load_language(code)
    classes = read_classes(folder / "_classes.tsv")
    patterns = read_patterns(folder, classes, language.words)
    found, known = {one.code for one in patterns}, set(load_reasons())
    if found != known:
        raise LabelError(
            f"patterns and reasons of safety differ in {', '.join(sorted(found ^ known))}",
            where=folder,
            expected="one file for each code of _reasons.tsv",
            do="add or remove the file, or the row",
        )
    words = _words(folder / "_words.tsv")
    means = {
        row.text("written"): tuple(row.text("means").split())
        for row in read_rows(folder / "_spellings.tsv", ("written", "means"), key=("written",))
    }
    told = frozenset().union(*language.words.values(), *(_told(one.source) for one in patterns))
    every = (phrase.split() for group in classes.values() for phrase in group)
    spoken = {word for phrase in every for word in phrase if "*" not in word}
    spelling = Spelling(told | spoken, means, words["key"], words["filler"])
    yes_start = tuple(one.replace("+", " ") + " " for one in sorted(words["yes_start"]))
    reasons = load_reasons()
    grave = [one for one in patterns if reasons[one.code].effect in ("crisis", "exclude")]
    return SafetyTables(
        PatternSet(patterns),
        PatternSet([one for one in patterns if _for_replies(one.code)]),
        PatternSet(grave),
        PatternSet([one for one in patterns if one.code in TALKS]),
        spelling,
        words["yes"],
        yes_start,
        words["no"],
        words["first_person"],
    )


def _for_replies(code: str) -> bool:
    reason = load_reasons()[code]
    return reason.refused_in_reply or reason.effect in ("removes", "keeps", "softens")


def _told(source: str) -> frozenset[str]:
    """Return the words of a pattern."""
    plain = "".join(letter if letter.isalpha() or letter == "*" else " " for letter in source)
    return frozenset(word for word in plain.split() if "*" not in word)


def _words(path: Path) -> dict[str, frozenset[str]]:
    lists: dict[str, frozenset[str]] = dict.fromkeys(_LISTS, frozenset())
    for row in read_rows(path, ("list", "words"), key=()):
        lists[row.choice("list", _LISTS)] |= set(row.text("words").lower().split())
    return lists


@cache
def safety_digest() -> str:
    """Return the first 12 hex digits of the SHA-256 over all tables that route by patterns."""
    digest = sha256()
    for path in sorted(_folder().rglob("*.tsv")):
        digest.update(path.relative_to(_folder()).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    for code in routed_languages():
        digest.update(load_language(code).version.encode())
    return digest.hexdigest()[:12]


def _folder() -> Path:
    return resources.label_maps() / "safety"


def forget_safety_tables() -> None:
    """Forget what was read, so that it is read again: for tables that were changed."""
    for cached in (load_reasons, _load, safety_digest):
        cached.cache_clear()
    forget_foreign_words()
