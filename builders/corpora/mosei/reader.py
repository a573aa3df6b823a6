"""CMU-MOSEI as its owner distributes it: computational sequences, and the raw archive.

Source: the `.csd` files of the CMU Multimodal SDK and the folder `Raw` of `CMU_MOSEI.zip`. A video
is one speaker's monologue and a dialogue of ours; its labelled segments are the utterances.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import BrokenRecord, broken
from builders.corpora.mosei.csd import Sequence, open_csd
from builders.corpora.mosei.folds import read_folds
from builders.corpora.mosei.layout import find_layout
from builders.corpora.mosei.texts import TOLERANCE, Span, join, read_transcript, spoken, timed_words
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance
from builders.record.views import DimensionRating

# The columns of the label file in this order, each with its least and its largest value.
_COLUMNS = {
    "sentiment": (-3.0, 3.0),
    **dict.fromkeys(("happy", "sad", "anger", "surprise", "disgust", "fear"), (0.0, 3.0)),
}


@dataclass(frozen=True, slots=True)
class _Segment:
    """A labelled span of a video, in seconds, with a value for each column; where it stands."""

    span: Span
    values: list[float]
    clamped: bool
    place: str
    raw: str

    @property
    def name(self) -> str:
        return _milliseconds(self.span[0])


class Reader:
    """Reads the sequences, with text and sound of the raw archive beside or below them."""

    splits: tuple[str, ...] = ("train", "dev", "test", "all")

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self._layout = layout = find_layout(source)
        self.root = layout.root
        self._folds = read_folds(layout.folds)
        with open_csd(layout.labels) as labels:
            self._videos = _labelled(labels)
        self._recordings = layout.recordings() if with_media else None
        self._counts: dict[str, Counter[str]] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the label file, the folds, and what the text is from."""
        return self._layout.annotations

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the sizes of the folds, then what was clamped or found no counterpart."""
        notes = {s: {"videos_in_fold": len(f)} for s, f in self._folds.items()}
        for split, counts in self._counts.items():
            notes[split] = {**notes.get(split, {}), **dict(sorted(counts.items()))}
        return [
            {"note": note, "split": split, "count": count}
            for split in self.splits
            for note, count in notes.get(split, {}).items()
            if count
        ]

    def read(self, split: str) -> Iterator[Dialogue | Reject | SourceError]:
        """Yield the videos of a split in order of id, and a reject for each segment that is broken.

        A transcript or a sequence of words that cannot be read is yielded as the error that it is.
        Raises SourceError when the labels cannot be opened.
        """
        counts = self._counts[split] = Counter()
        with ExitStack() as stack:
            labels = stack.enter_context(open_csd(self._layout.labels))
            words = None
            if timed := self._layout.words:
                try:
                    words = stack.enter_context(open_csd(timed))
                except SourceError as error:
                    yield error  # the transcripts are there all the same
            for video in self._of_split(split, counts):
                try:
                    yield from self._read_video(split, video, labels, words)
                except SourceError as error:
                    yield error
                except BrokenRecord as error:
                    yield broken("mosei", split, (video, "segments"), video, "", error)

    def _of_split(self, split: str, counts: Counter[str]) -> list[str]:
        """Return the labelled videos of a split, and count those that have no labels."""
        foldless = {*self._videos, *self._layout.transcripts}.difference(*self._folds.values())
        own = foldless if split == "all" else self._folds[split]
        counts["videos_without_labels"] = len(own.difference(self._videos))
        return sorted(own.intersection(self._videos))

    def _read_video(
        self, split: str, video: str, labels: Sequence, words: Sequence | None
    ) -> list[Dialogue | Reject]:
        """Return the rejects of a video, and the video."""
        counts, segments = self._counts[split], list[_Segment]()
        items: list[Dialogue | Reject] = []
        missing: list[float] = []
        rows = labels.rows(video, len(_COLUMNS))
        counts.update(videos_with_labels=1, segments=len(rows))
        for number, (values, times) in enumerate(rows):
            place, raw = f"{labels.path.name}:{video}[{number}]", f"{times} {values}"
            try:
                segments.append(_segment(values, times, place, raw))
            except BrokenRecord as error:
                name = _milliseconds(times[0]) if math.isfinite(times[0]) else f"row {number}"
                items.append(broken("mosei", split, (video, name), place, raw, error))
                missing += filter(math.isfinite, times[:1])
        texts, why = self._texts(video, {segment.span for segment in segments}, words, counts)
        dialogue, recording = Dialogue(split, video, []), self._recording(video)
        dialogue.missing = missing
        film = self._layout.film(video) if recording else None
        for segment in segments:
            text = texts.get(segment.span)
            try:
                utterance = _utterance(video, segment, _usable(text, why, counts), recording)
            except BrokenRecord as error:
                counts["segments_without_text"] += text is None
                raw = f"{segment.raw} {text or ''}".rstrip()
                ids = (video, segment.name)
                items.append(broken("mosei", split, ids, segment.place, raw, error))
                dialogue.missing.append(segment.span[0])
                continue
            if recording is None and self._recordings is not None:
                utterance.findings += ("clip_missing",)
            if film:
                utterance.video = Media(film, *segment.span)
            counts["start_clamped"] += segment.clamped
            dialogue.utterances.append(utterance)
        return [*items, dialogue]

    def _texts(
        self, video: str, spans: set[Span], words: Sequence | None, counts: Counter[str]
    ) -> tuple[dict[Span, str], str]:
        """Return the text of each span that has one, and why the others have none."""
        if (path := self._layout.transcripts.get(video)) is not None:
            lines, unread = read_transcript(path, video)
            joined = join(spans, lines)
            counts["transcripts_without_segment"] += len(lines) - len(joined)
            counts["transcript_lines_broken"] += unread
            why = f"no line of {path.name} begins and ends within {TOLERANCE} s of it"
            why += f"; {unread} of its lines cannot be read" if unread else ""
            return {span: line.text for span, line in joined.items()}, why
        if words is None or video not in words:
            return {}, "the video has neither a transcript nor timed words"
        said = timed_words(words.rows(video, 1))
        found = {span: heard for span in spans if (heard := spoken(span, said))}
        counts["text_from_timed_words"] += len(found)
        counts["words_without_segment"] += len({*said}.difference(*found.values()))
        texts = {span: " ".join(word.text for word in heard) for span, heard in found.items()}
        return texts, "none of the video's timed words falls within it"

    def _recording(self, video: str) -> Path | None:
        places = (folder / f"{video}{end}" for folder, end in (self._recordings or {}).items())
        return next((path for path in places if path.is_file()), None)


def _labelled(labels: Sequence) -> frozenset[str]:
    """Return the labelled videos; SourceError when the columns are in another order than ours."""
    if labels.columns not in (None, [*_COLUMNS]):
        raise SourceError(
            f"wrong columns: {', '.join(labels.columns)}",
            where=labels.path,
            expected=", ".join(_COLUMNS),
            do="use the file as originally distributed",
        )
    return frozenset(labels.videos)


def _segment(values: list[float], times: list[float], place: str, raw: str) -> _Segment:
    # To four digits, as 32-bit numbers hold a third as 0.33333334; half of a tie would be lost.
    start, end = (round(time, 4) for time in times)
    if not (math.isfinite(start) and math.isfinite(end)):
        raise BrokenRecord("broken_time", f"it is from {start} to {end}; expected seconds")
    span = (max(0.0, start), end)
    if end <= span[0]:
        raise BrokenRecord(
            "zero_length", f"it is from {start} to {end} s, which is not an interval"
        )
    values = [round(value, 4) + 0.0 for value in values]
    for (name, (least, most)), value in zip(_COLUMNS.items(), values, strict=True):
        if not least <= value <= most:
            expected = f"expected a number from {least:g} to {most:g}"
            raise BrokenRecord("broken_value", f"{name} is {value:g}; {expected}")
    return _Segment(span, values, start < 0, place, raw)


def _usable(text: str | None, why: str, counts: Counter[str]) -> str:
    if text is None:
        raise BrokenRecord("text_missing", why)
    (usable,) = repaired((text,), counts)
    return usable


def _utterance(video: str, segment: _Segment, text: str, recording: Path | None) -> Utterance:
    start, end = segment.span
    dimensions: list[DimensionRating] = [
        {"name": name, "value": value, "minimum": least, "maximum": most, "rater": None}
        for (name, (least, most)), value in zip(_COLUMNS.items(), segment.values, strict=True)
    ]
    return Utterance(
        dialogue=video,
        utterance=segment.name,
        order=start,
        speaker=video,
        text=text,
        label=None,
        start=start,
        end=end,
        media=Media(recording, start, end) if recording else None,
        annotation=Annotation(dimensions=dimensions),
        findings=("start_clamped",) if segment.clamped else (),
    )


def _milliseconds(seconds: float) -> str:
    return str(round(max(0.0, seconds) * 1000))
