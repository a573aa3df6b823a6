"""Ratings of a clip from its voice, its face and both: votes, label and level."""

from __future__ import annotations

import math
from pathlib import Path

from builders.corpora.files import BrokenRecord, CsvRow, csv_rows, is_number
from builders.record.views import LabelView

# What was rated: its columns in the summary, and the first digit of its numbers in
# the table of votes, where 100001 is the voice of the first clip.
RATED = {
    "voice": ("VoiceVote", "VoiceLevel", "1"),
    "face": ("FaceVote", "FaceLevel", "2"),
    "audio_visual": ("MultiModalVote", "MultiModalLevel", "3"),
}
COLUMNS = tuple(column for vote, level, _ in RATED.values() for column in (vote, level))
_LETTERS = "ADFHNS"

# The number of votes for each letter, by clip and what was rated; or the error in that row.
Votes = dict[tuple[str, str], dict[str, int] | BrokenRecord]


def read_votes(path: Path) -> tuple[Votes, int]:
    """Return all votes, and the number of rows that belong to no clip."""
    names = {digit: name for name, (*_, digit) in RATED.items()}
    votes: Votes = {}
    stray = 0
    for row in csv_rows(path, ("", *_LETTERS, "fileName")):
        rated = names.get(row.fields.get("", "")[:1])
        if rated is None:
            stray += 1
            continue
        key = row.fields["fileName"], rated
        votes[key] = _second(row) if key in votes else _counted(row)
    return votes, stray


def _counted(row: CsvRow) -> dict[str, int] | BrokenRecord:
    written = {letter: row.fields[letter].strip() for letter in _LETTERS}
    counts = {letter: int(n) for letter, n in written.items() if is_number(n)}
    if any(counts.values()) and len(counts) == len(_LETTERS):
        return counts
    shown = ", ".join(f"{letter} {row.fields[letter]}" for letter in _LETTERS)
    return BrokenRecord("broken_votes", f"{row.place} has {shown}; expected whole numbers")


def _second(row: CsvRow) -> BrokenRecord:
    return BrokenRecord("broken_votes", f"{row.place} repeats the votes for this clip")


def views(clip: str, summary: dict[str, str], votes: Votes) -> list[LabelView]:
    """Return the label, votes, agreement and level of each thing that was rated.

    Args:
        clip: its name.
        summary: its row of the summary; the votes that tie are joined by a colon there.
        votes: all votes.

    Raises BrokenRecord if votes are missing or broken, or differ from the summary.
    """
    return [_view(name, summary, votes.get((clip, name))) for name in RATED]


def _view(
    name: str, summary: dict[str, str], votes: dict[str, int] | BrokenRecord | None
) -> LabelView:
    vote, level, _ = RATED[name]
    if votes is None:
        raise BrokenRecord("votes_missing", f"this clip has no {name} votes")
    if isinstance(votes, BrokenRecord):
        raise votes
    most = max(votes.values())
    winners = [letter for letter, count in votes.items() if count == most]
    if summary[vote] != ":".join(winners):
        detail = f"{vote} is {summary[vote]!r}, but most votes are for {' and '.join(winners)}"
        raise BrokenRecord("label_against_votes", detail)
    return {
        "name": name,
        "label": summary[vote],
        "votes": [{"rater": None, "label": e, "count": n} for e, n in votes.items() if n],
        "agreement": round(most / sum(votes.values()), 4),
        "level": _number(summary[level], level) if len(winners) == 1 else None,
    }


def _number(written: str, column: str) -> float:
    try:
        level = float(written)
    except ValueError:
        level = math.nan
    if not math.isfinite(level):
        raise BrokenRecord("broken_level", f"{column} is {written!r}; expected a number")
    return level
