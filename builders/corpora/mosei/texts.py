"""What was said in a labelled segment: transcripts and timed words, joined to it on time.

A transcript is `Raw/Transcript/Segmented/Combined/<video>.txt`, each of its lines
``<video>___<clip>___<start>___<end>___<text>``. The clip's number is not the row's of the labels.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from builders.corpora.files import text_lines
from builders.errors import SourceError

# Seconds by which the ends of a segment and of its transcript may differ: in the release they are
# the same but for an offset of alignment, the largest one reported being 0.487 s.
TOLERANCE = 0.5
# The least part of the longer one that both must share: neighbours overlap by up to a second, so
# that a short one could otherwise be taken for the one beside it.
SHARED = 0.5
_PAUSE = "sp"
_REST = re.compile(r"([0-9]+)___(-?[0-9.]+)___(-?[0-9.]+)___\s*(\S.*)", re.DOTALL)

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A text and when it was said, in seconds; the number of its clip, if it has one."""

    span: Span
    text: str
    clip: str | None = None


def read_transcript(path: Path, video: str) -> tuple[list[Line], int]:
    """Return the lines of a transcript that can be read, and how many cannot.

    Raises SourceError when the file or every line of it cannot be read.
    """
    lines, broken = [], 0
    for _, written in text_lines(path):
        if line := _parsed(written, f"{video}___"):
            lines.append(line)
        elif written.strip():
            broken += 1
    if not lines:
        raise SourceError(
            "no line of the transcript can be read",
            where=path,
            expected=f"lines {video}___<clip>___<start>___<end>___<text> in UTF-8",
            do="use the file as originally distributed",
        )
    return lines, broken


def _parsed(written: str, prefix: str) -> Line | None:
    # By its known beginning: ids and texts hold underscores too, also three in a row.
    if not written.startswith(prefix) or not (found := _REST.fullmatch(written, len(prefix))):
        return None
    try:
        start, end = float(found[2]), float(found[3])
    except ValueError:
        return None
    return Line((max(0.0, start), end), found[4].strip(), found[1])


def join(spans: Collection[Span], lines: Sequence[Line]) -> dict[Span, Line]:
    """Return the line of each span that has one: the best overlap first, each line used once."""
    pairs = [
        (-shared, span, number)
        for span in spans
        for number, line in enumerate(lines)
        if (shared := _shared(span, line.span)) >= SHARED
    ]
    joined: dict[Span, Line] = {}
    used = set()
    for _, span, number in sorted(pairs):
        if span not in joined and number not in used:
            joined[span] = lines[number]
            used.add(number)
    return joined


def _shared(one: Span, other: Span) -> float:
    """Return the part of the longer span that both share; 0 where the ends are too far apart."""
    (start, end), (begin, stop) = one, other
    if max(abs(start - begin), abs(end - stop)) > TOLERANCE + 1e-9:
        return 0.0
    return (min(end, stop) - max(start, begin)) / max(end - start, stop - begin)


def timed_words(rows: Sequence[tuple[Sequence[bytes | str], list[float]]]) -> list[Line]:
    """Return the words among the rows of a sequence of words, in order of time."""
    words = [Line((start, end), _word(cells[0])) for cells, (start, end) in rows]
    said = [w for w in words if w.text not in ("", _PAUSE) and math.isfinite(sum(w.span))]
    return sorted(said, key=lambda word: word.span)


def _word(cell: bytes | str) -> str:
    text = cell.decode("utf-8", "surrogateescape") if isinstance(cell, bytes) else str(cell)
    return text.strip()


def spoken(span: Span, words: Sequence[Line]) -> list[Line]:
    """Return the words whose middle lies in a span."""
    start, end = span
    return [word for word in words if start <= sum(word.span) / 2 < end]
