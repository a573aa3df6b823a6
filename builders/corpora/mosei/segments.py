"""The labelled segments of a video: a span and a value for each column of the label file."""

from __future__ import annotations

from dataclasses import dataclass

from builders.corpora.files import BrokenRecord
from builders.corpora.mosei.texts import Span

# The columns of the label file in this order, each with its least and its largest value.
COLUMNS = {
    "sentiment": (-3.0, 3.0),
    **dict.fromkeys(("happy", "sad", "anger", "surprise", "disgust", "fear"), (0.0, 3.0)),
}


# A day, in seconds: no time of a recording is later.
_LAST = 86_400.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A labelled span of a video, in seconds, with a value for each column; where it stands."""

    span: Span
    values: list[float]
    clamped: bool
    place: str
    raw: str

    @property
    def name(self) -> str:
        """Return the id of the utterance."""
        return milliseconds(self.span[0])


def segment_of(values: list[float], times: list[float], place: str, raw: str) -> Segment:
    """Return the segment in a row of the labels; BrokenRecord when a number cannot be."""
    # To four digits, as 32-bit numbers hold a third as 0.33333334; half of a tie would be lost.
    start, end = (round(time, 4) for time in times)
    if not (is_time(start) and is_time(end)):
        raise BrokenRecord("broken_time", f"it is from {start} to {end}; expected seconds")
    span = (max(0.0, start), end)
    if end <= span[0]:
        raise BrokenRecord(
            "zero_length", f"it is from {start} to {end} s, which is not an interval"
        )
    values = [round(value, 4) + 0.0 for value in values]
    for (name, (least, most)), value in zip(COLUMNS.items(), values, strict=True):
        if not least <= value <= most:
            expected = f"expected a number from {least:g} to {most:g}"
            raise BrokenRecord("broken_value", f"{name} is {value:g}; {expected}")
    return Segment(span, values, start < 0, place, raw)


def is_time(seconds: float) -> bool:
    """Return whether a number can be a time in a recording."""
    return abs(seconds) < _LAST  # which NaN is not


def milliseconds(seconds: float) -> str:
    """Return a time as whole milliseconds, which is what segments are named by."""
    return str(round(max(0.0, seconds) * 1000))
