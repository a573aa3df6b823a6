"""Claims about how a voice sounds, checked against its measurements.

The possible claims, their words, and the measurements that contradict them are in
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
# Labels that are not feelings and may well describe a sound.
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
        """Yield the claims made by the words of a text: claim and value."""
        for found in self.pattern.finditer(text):
            yield self.words[normalise(found[0])]


def fault_of(
    text: str, claims: Mapping[str, str], descriptors: Iterable[VoiceDescriptor]
) -> str | None:
    """Return why a description of a voice is rejected, or None.

    ``names_feeling``: it names a feeling. ``contradicts_<claim>``: its claim, or what
    its words say, contradicts a measurement; without a measurement there is no contradiction.

    Args:
        text: the description.
        claims: the claims its author listed.
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
    """Return one version for the tables of claims."""
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
