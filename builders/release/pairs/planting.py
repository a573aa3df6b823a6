"""Planting a fault in a kept reply by a minimal edit, from tables that people edit.

`label_maps/preference/_kinds.tsv` has the kinds of faults. `<language>/<kind>.tsv` has the edits:
words to be put for others, in place of a whole part of the reply, or at its end. A minimal edit
changes at most 40 % of the words and a fifth of the length, so that little but the fault differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.errors import LabelError
from builders.labels.strategies import strategies
from builders.labels.tables import TableRow, read_rows
from builders.labels.vocabulary import VALENCES, vocabulary

MOST_CHANGED = 0.4
MOST_LONGER = 0.2
_AT_END, _PART = "$", ""
_ANY = "any"
# What a row of `means` is a name of.
_MEANINGS = ("", "emotion", "strategy")
_PARTS = re.compile(r"[^,;.!?…]+[,;.!?…]*[\"”’']*\s*")
_MARKS = ",;.!?…\"”’'"
_JOINS = re.compile(r"(?:and|but|yet)\s+", re.IGNORECASE)
# A part that begins so stands in no sentence of its own, and nor does what follows it.
_HANGS = re.compile(
    r"\s*(?:if|when|while|because|as|though|although|since|or|so|that|which|who|whether|to)\b",
    re.IGNORECASE,
)
_END = re.compile(r"[.!?…]+[\"”’']*\s*$")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: the kind.
        means: what the column `means` of its edits names: `emotion`, `strategy` or nothing.
        mark: the review flag that a sample must have; empty for none.
        wrong: what is wrong with such a reply, in words.
    """

    name: str
    means: str
    mark: str
    wrong: str


@dataclass(frozen=True, slots=True)
class PlantedEdit:
    """One edit: for which labels (`any`, a root or a valence), what is found, what is put for it.

    `find` is words; `$` for the end of the reply; empty for a whole part of it. `means` is the
    emotion that the words answer, or the strategy that they carry out.
    """

    kind: str
    suits: frozenset[str]
    find: str
    put: str
    means: str


def is_minimal(kept: str, edited: str) -> bool:
    """Return whether an edit leaves 60 % of the words as they are, and the length within 20 %."""
    before, after = kept.split(), edited.split()
    if not before or edited == kept:
        return False
    if changed_words(before, after) > MOST_CHANGED * len(before):
        return False
    lengths = ((len(before), len(after)), (len(kept), len(edited)))
    return all(abs(new - old) <= MOST_LONGER * old for old, new in lengths)


def changed_words(before: list[str], after: list[str]) -> int:
    """Return the least number of words to replace, add or remove to get from one to the other."""
    row = list(range(len(after) + 1))
    for i, word in enumerate(before, start=1):
        last, row[0] = row[0], i
        for j, other in enumerate(after, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


def edited(text: str, edit: PlantedEdit) -> Iterator[str]:
    """Yield the texts that an edit makes of a reply, minimal or not."""
    if edit.find == _AT_END:
        if found := _END.search(text):
            yield f"{text[: found.start()]}{edit.put}{found[0]}".rstrip()
    elif edit.find == _PART:
        yield from _with_part(text, edit.put)
    else:
        pattern = re.compile(rf"(?<![\w'’-]){re.escape(edit.find)}(?![\w'’-])", re.IGNORECASE)
        for found in pattern.finditer(text):
            put = _as_begun(edit.put, found[0])
            yield text[: found.start()] + put + text[found.end() :]


def _with_part(text: str, put: str) -> Iterator[str]:
    """Yield a text with each of its parts, sentences or what stands between commas, replaced."""
    opened = False  # whether the sentence began with a clause that hangs on the rest of it
    for found in _PARTS.finditer(text):
        begins = _begins(text, found.start())
        opened = (opened and not begins) or bool(_HANGS.match(found[0]))
        bare = found[0].rstrip()
        mark = bare[len(bare.rstrip(_MARKS)) :]
        ends = not mark or mark[0] in ".!?…"
        if (opened and not (begins and ends)) or (put[-1] in ".!?" and not ends):
            continue
        joined = _JOINS.match(found[0])
        start = found.start() + (joined.end() if joined else 0)
        first = put[:1].upper() + put[1:] if begins and not joined else put
        yield (
            text[:start] + first + _end_of(put, mark) + found[0][len(bare) :] + text[found.end() :]
        )


def _end_of(put: str, mark: str) -> str:
    """Return the mark after what is put: its own, else that of the part, but none that asks."""
    if put[-1] in ".!?":
        return ""
    return "." if mark.startswith("?") else mark


def _begins(text: str, at: int) -> bool:
    """Return whether a sentence begins at a place."""
    before = text[:at].rstrip()
    return not before or before[-1] in '.!?…"”'


def _as_begun(put: str, found: str) -> str:
    return put[:1].upper() + put[1:] if found[:1].isupper() and found != "I" else put


@cache
def load_kinds() -> tuple[Kind, ...]:
    """Return the kinds of faults; LabelError where the table is wrong."""
    columns = ("kind", "means", "mark", "wrong")
    rows = read_rows(_folder() / "_kinds.tsv", columns, key=("kind",))
    flags = {
        row.cells["code"]
        for row in read_rows(resources.label_maps() / "review" / "_choices.tsv", (), key=())
        if row.cells["kind"] == "flag"
    }
    return tuple(
        Kind(
            row.matching("kind", "[a-z_]+", "lower-case letters and underscores"),
            row.choice("means", _MEANINGS),
            row.choice("mark", ("", *sorted(flags))),
            row.text("wrong"),
        )
        for row in rows
    )


@cache
def load_edits(language: str) -> tuple[PlantedEdit, ...]:
    """Return the edits of a language, all regions of which have one folder; none without one.

    Raises LabelError where a table is wrong or missing.
    """
    folder = _folder() / language.partition("-")[0].lower()
    if not folder.is_dir():
        return ()
    known = {kind.name: kind for kind in load_kinds()}
    strange = sorted({path.stem for path in folder.glob("*.tsv")} - set(known))
    if strange:
        raise LabelError(
            f"there are edits of {', '.join(strange)}, which is no kind",
            where=folder,
            expected="a file for each kind of _kinds.tsv, of its name",
            do="rename the file, or add the kind to _kinds.tsv",
        )
    return tuple(
        _edit(row, kind)
        for name, kind in known.items()
        for row in read_rows(
            folder / f"{name}.tsv", ("for", "find", "put", "means"), ("find", "put", "for")
        )
    )


def tables_version() -> str:
    """Return ``planted <12 hex>``, the digest over the tables."""
    digest = sha256()
    for path in sorted(_folder().rglob("*.tsv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"planted {digest.hexdigest()[:12]}"


def _edit(row: TableRow, kind: Kind) -> PlantedEdit:
    suits = frozenset(row.text("for").split())
    if strange := suits - {_ANY, *vocabulary().roots, *VALENCES}:
        raise row.error("for", f"{_ANY}, roots or valences, not {', '.join(sorted(strange))}")
    names = {"": [""], "emotion": list(vocabulary().nodes), "strategy": list(strategies())}
    means = row.choice("means", names[kind.means])
    return PlantedEdit(kind.name, suits, row.cells["find"], row.text("put"), means)


def _folder() -> Path:
    return resources.label_maps() / "preference"
