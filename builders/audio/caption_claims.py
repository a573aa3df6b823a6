"""Claims: what somebody says a voice sounds like, held against what was measured of it.

What can be claimed, by which words, and which measurements contradict it stand in
``prompts/voice/claims.tsv`` and ``caption_words.tsv``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.audio.voice_levels import COMPARED, LEVELS, level_of
from builders.labels.tables import TableRow, normalise, read_rows
from builders.labels.vocabulary import vocabulary
from builders.record.views import VoiceDescriptor

SAYS = ("lower", "usual", "higher")
NOT_SAID = "not_said"
_FEELING = "feeling"
# Our words for a label that is no feeling, and may well be said of a sound.
_NO_FEELING = frozenset({"mixed", "unknown", "other", "ambiguous"})


@dataclass(frozen=True)
class Claims:
    """The tables.

    `meanings` says what each claim is about, `descriptors` which measurement bears on it,
    `contradicted` by which levels of that measurement what is said is contradicted.
    """

    meanings: Mapping[str, str]
    descriptors: Mapping[str, str]
    contradicted: Mapping[tuple[str, str], frozenset[str]]
    words: Mapping[str, tuple[str, str]]
    pattern: re.Pattern[str]

    def said(self, text: str) -> Iterator[tuple[str, str]]:
        """Yield what the words of a text claim: claim and what is said of it."""
        for found in self.pattern.finditer(text):
            yield self.words[normalise(found[0])]


def fault_of(
    text: str, claims: Mapping[str, str], descriptors: Iterable[VoiceDescriptor]
) -> str | None:
    """Return why a description of a voice cannot stand, or None.

    ``names_feeling``: it guesses at what is felt. ``contradicts_<claim>``: what it claims, or what
    its words say, is not what was measured; without a measurement nothing is contradicted.

    Args:
        text: the description.
        claims: what its author says that it claims.
        descriptors: of the record's voice: {name, value, unit, z} each.
    """
    table = load_claims()
    said = [*table.said(text), *claims.items()]
    if any(claim == _FEELING for claim, _ in said):
        return "names_feeling"
    levels = {d["name"]: "" if d["z"] is None else level_of(d["z"]) for d in descriptors}
    for claim, says in said:
        measured = levels.get(table.descriptors[claim], "")
        if measured in table.contradicted.get((claim, says), ()):
            return f"contradicts_{claim}"
    return None


@cache
def load_claims() -> Claims:
    """Read the tables; raises LabelError with file and line for a broken cell."""
    rows = read_rows(
        _path("claims"),
        ("claim", "meaning", "descriptor", "says", "contradicted_by"),
        key=("claim", "says"),
    )
    meanings = {row.text("claim"): row.text("meaning") for row in rows}
    words = _words([*meanings])
    # The longest first, so that "not loud" is not "loud".
    longest_first = sorted(words, key=len, reverse=True)
    alternatives = "|".join(re.escape(word).replace("_", r"[\s_-]") for word in longest_first)
    return Claims(
        meanings,
        {row.text("claim"): row.choice("descriptor", tuple(COMPARED)) for row in rows},
        {(row.text("claim"), row.choice("says", SAYS)): _levels(row) for row in rows},
        words,
        re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE),
    )


@cache
def version() -> str:
    """Return one version for what may be claimed of a voice and what contradicts it."""
    content = b"".join(_path(name).read_bytes() for name in ("claims", "caption_words"))
    return f"claims {sha256(content).hexdigest()[:12]}"


def _path(name: str) -> Path:
    return resources.prompts() / "voice" / f"{name}.tsv"


def _levels(row: TableRow) -> frozenset[str]:
    levels = row.text("contradicted_by").split()
    if not set(levels) <= set(LEVELS):
        raise row.error("contradicted_by", f"some of {', '.join(LEVELS)}, with blanks between")
    return frozenset(levels)


def _words(claims: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return what words claim, those for feelings from our vocabulary among them."""
    feelings = [word for word, node in vocabulary().words.items() if node not in _NO_FEELING]
    words = dict.fromkeys(feelings, (_FEELING, "named"))
    for row in read_rows(_path("caption_words"), ("words", "claim", "says"), key=("words",)):
        claim = row.choice("claim", (_FEELING, *claims))
        known = ("named",) if claim == _FEELING else (*SAYS, NOT_SAID)
        words[normalise(row.text("words"))] = claim, row.choice("says", known)
    return words
