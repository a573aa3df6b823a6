"""IEMOCAP's ratings: a summary for each dialogue, and two files for each outside rater of it.

In a summary, a blank line ends a block. Its head is ``[6.2901 - 8.2357]``, the id, the label and
``[2.5, 2.5, 2.5]`` (valence, activation, dominance), tabs between; then follow a line of categories
(``C-E2:``) and one of values (``A-E2:``) for each rater. E2 is an outside rater; F1 and M1 are the
actors, who judged themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from builders.corpora.files import AGAIN, BrokenRecord, require_utf8, text_lines, visible
from builders.corpora.iemocap.ratings import Ratings, Said
from builders.errors import SourceError

_HEAD = re.compile(r"\[(\S+) - (\S+)\]\s+(\S+)\s+(\S+)\s+\[([^\]]*)\]\s*")
_HEAD_IN_WORDS = "[start - end], an id, a label and [valence, activation, dominance]"
_RATING = re.compile(r"([CA])-([EFM]\d+):(.*)")
_TURN = re.compile(r"(\w+)_([FM][\dX]+)", re.ASCII)
_RATER_FILE = re.compile(r"(\w+)_(e\d+)_(cat|atr)\.txt")
_RATER_LINE = re.compile(r"(\w+)\s*:(.*)")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,300})?", re.ASCII)
# Which value comes first differs between summaries and raters' files; a value may be left out.
_VALUE = re.compile(r"\b(val|act|dom)\b\s*(\d{1,9}(?:\.\d{1,300})?)?", re.ASCII)
_DIMENSIONS = {"val": "valence", "act": "activation", "dom": "dominance"}


@dataclass(slots=True)
class Block:
    """The lines on one turn in a summary, and where they begin (``folder/file:line``)."""

    place: str
    lines: list[str]


@dataclass(slots=True)
class Evaluation:
    """What a summary says of one turn; `skipped` counts the lines that are no ratings."""

    name: str
    start: float
    end: float
    label: str
    means: dict[str, float | None]
    ratings: Ratings
    skipped: int


def summary(path: Path) -> list[Block]:
    """Return the blocks of a summary; SourceError when it cannot be read or has none."""
    found = list(_blocks(path))
    if not any(_HEAD.fullmatch(block.lines[0]) for block in found):
        expected = f"blocks that begin with {_HEAD_IN_WORDS}"
        raise SourceError(
            "the file contains no evaluation", where=path, expected=expected, do=AGAIN
        )
    return found


def _blocks(path: Path) -> Iterator[Block]:
    block: Block | None = None
    for place, line in text_lines(path):
        starts = line.startswith("[")
        if block and (starts or not line.strip()):
            yield block
            block = None
        if block:
            block.lines.append(line)
        elif line.strip() and not line.startswith("%"):
            block = Block(f"{path.parent.name}/{place}", [line])
    if block:
        yield block


def evaluation(block: Block, dialogue: str) -> Evaluation:
    """Return what a block says of a turn of `dialogue`; BrokenRecord when its head is broken."""
    head = _HEAD.fullmatch(require_utf8(block.lines[0]))
    if head is None:
        raise BrokenRecord("broken_block", f"it does not begin with {_HEAD_IN_WORDS}")
    start, end, turn, label, means = head.groups()
    values = [_number(part) for part in means.split(",")]
    if len(values) != len(_DIMENSIONS):
        raise BrokenRecord("broken_block", f"[{means}] does not hold three values")
    if (name := name_of(turn, dialogue)) is None:
        raise BrokenRecord("broken_id", f"{turn} is not a turn of {dialogue}")
    ratings: Ratings = {}
    lines = [_RATING.match(line) for line in block.lines[1:]]
    for kind, rater, text in (line.groups() for line in lines if line):
        _take(kind == "C", text, ratings.setdefault(rater, Said()))
    return Evaluation(
        name=name,
        start=seconds(start),
        end=seconds(end),
        label=label,
        means=dict(zip(_DIMENSIONS.values(), values, strict=True)),
        ratings=ratings,
        skipped=lines.count(None),
    )


def name_of(turn: str, dialogue: str) -> str | None:
    """Return the last part of an id, such as F000 or MXX0; None where it is of no such dialogue."""
    found = _TURN.fullmatch(turn)
    return found[2] if found and found[1] == dialogue else None


def seconds(text: str) -> float:
    """Return a time in seconds; BrokenRecord when it is none."""
    if (number := _number(text)) is None:
        raise BrokenRecord("broken_time", f"a time is {text!r}; expected seconds")
    return number


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text := text.strip()) else None


def _take(categories: bool, text: str, said: Said) -> None:
    """Add the categories or the values of a line; the comment in parentheses is left out."""
    text = text.partition("(")[0]
    if categories:
        said.categories = _categories(text)
    else:
        said.values = dict(_values(text))


@lru_cache(maxsize=4096)
def _categories(text: str) -> tuple[str, ...]:
    parts = (part.strip(" \t:") for part in text.split(";"))
    return tuple(dict.fromkeys(filter(None, parts)))


@lru_cache(maxsize=4096)
def _values(text: str) -> tuple[tuple[str, float | None], ...]:
    return tuple((_DIMENSIONS[name], _number(value)) for name, value in _VALUE.findall(text))


def rater_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of the outside raters by dialogue; `folder` is the one of the summaries."""
    files: dict[str, list[Path]] = {}
    for kind in ("Categorical", "Attribute"):
        for path in visible(folder / kind, "*.txt"):
            if found := _RATER_FILE.fullmatch(path.name):
                files.setdefault(found[1], []).append(path)
    return files


def read_rater(path: Path, dialogue: str, ratings: dict[str, Ratings]) -> int:
    """Add one rater's file to `ratings`, by turn; return how many lines are no ratings.

    Raises SourceError when the file cannot be read or has lines and no rating.
    """
    name = _RATER_FILE.fullmatch(path.name)
    rater, categories = (name[2].upper(), name[3] == "cat") if name else ("", False)
    good = skipped = 0
    for _, line in text_lines(path):
        found = _RATER_LINE.match(line)
        if found and (turn := name_of(found[1], dialogue)):
            said = ratings.setdefault(turn, {}).setdefault(rater, Said())
            _take(categories, found[2], said)
            good += 1
        elif line.strip():
            skipped += 1
    if skipped and not good:
        expected = f"lines such as {dialogue}_F000 :Neutral state; ()"
        raise SourceError("the file contains no rating", where=path, expected=expected, do=AGAIN)
    return skipped
