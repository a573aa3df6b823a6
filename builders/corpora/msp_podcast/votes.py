"""The votes of MSP-Podcast's raters: a block for each turn in `Labels.txt`.

A block begins with ``MSP-PODCAST_0001_0008.wav; N; A:2.2; V:4.0; D:2.6;``; a line for each rater
follows: ``WORKER00000001; Neutral; Neutral,Concerned; A:1.0; V:4.0; D:1.0;``.
"""

from __future__ import annotations

import math
from pathlib import Path

from builders.corpora.files import BrokenRecord, unreadable
from builders.corpora.opening import LONGEST_LINE, open_bytes
from builders.record.views import DimensionRating, VoteCount

# By the end of the column's name, and by the letter in the file of votes.
DIMENSIONS = {"Val": "valence", "Act": "activation", "Dom": "dominance"}
_LETTERS = {"V": "valence", "A": "activation", "D": "dominance"}
_WORDS = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral", "Other")
_KNOWN = {word.lower(): word for word in _WORDS}
_TURN, _RATER = b"MSP-PODCAST", b"WORKER"

Found = tuple[list[VoteCount], list[DimensionRating], int]


class Votes:
    """Finds the block of a turn; only where each begins is kept in memory."""

    def __init__(self, path: Path) -> None:
        self.files: tuple[Path, ...] = (path,) if path.is_file() else ()
        self._path = path
        self._places: dict[str, int] | None = None

    def of(self, name: str) -> Found:
        """Return the votes on a turn, the raters' values, and how many votes are free words."""
        if self._places is None:
            self._places = self._index() if self.files else {}
        if (place := self._places.get(name)) is None:
            return [], [], 0
        with open_bytes(self._path) as stream:
            stream.seek(place)
            stream.readline()
            lines = []
            for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
                if not line.startswith(_RATER):
                    break
                lines.append(line.decode("utf-8", "replace"))
        return _votes(lines)

    def _index(self) -> dict[str, int]:
        places, at = {}, 0
        try:
            with open_bytes(self._path) as stream:
                for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
                    if line.startswith(_TURN):
                        places[line.partition(b";")[0].strip().decode("ascii", "replace")] = at
                    at += len(line)
        except OSError as error:
            raise unreadable(self._path, error) from error
        return places


def dimension(name: str, written: str, rater: str | None) -> DimensionRating:
    """Return a value on the scale from 1 to 7; BrokenRecord where it is none."""
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 7:
        raise BrokenRecord("broken_value", f"{name} is {written!r}; expected a number from 1 to 7")
    return DimensionRating(name=name, value=round(value, 4), minimum=1, maximum=7, rater=rater)


def _votes(lines: list[str]) -> Found:
    votes: list[VoteCount] = []
    values: list[DimensionRating] = []
    other = 0
    for line in lines:
        rater, primary, *rest = (part.strip() for part in f"{line};".split(";"))
        word = _KNOWN.get(primary.lower())
        other += word is None
        votes.append(VoteCount(rater=rater, label=word or "Other", count=1))
        for part in rest:
            letter, colon, written = part.partition(":")
            if colon and (name := _LETTERS.get(letter.strip())):
                values.append(dimension(name, written, rater))
    return votes, values, other
