"""IEMOCAP's transcripts: ``Ses01F_impro01_F000 [006.2901-008.2357]: text``, one line for a turn.

Lines without an id (stage directions, what is said beside a turn) stand between them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from builders.corpora.files import AGAIN, text_lines
from builders.errors import SourceError

_LINE = re.compile(r"(\w+)_([FM][\dX]+) \[(.*?)-(.*?)\]: ?(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One turn, its times as they are written; `name` is the last part of the id."""

    place: str
    raw: str
    name: str
    start: str
    end: str
    text: str


def transcript(path: Path) -> tuple[list[Line], int]:
    """Return the turns of a dialogue in the order of its file, and how many lines are none.

    Raises SourceError when the file cannot be read or has no turn.
    """
    turns: list[Line] = []
    skipped = 0
    for place, raw in text_lines(path):
        found = _LINE.fullmatch(raw)
        if found and found[1] == path.stem:
            turns.append(Line(f"{path.parent.name}/{place}", raw, *found.groups()[1:]))
        elif raw.strip():
            skipped += 1
    if not turns:
        expected = f"lines such as {path.stem}_F000 [006.2901-008.2357]: text"
        raise SourceError(
            "the file contains no transcribed turn", where=path, expected=expected, do=AGAIN
        )
    return turns, skipped
