"""CMU-MOSEI as its owner distributes it: computational sequences, and the raw archive.

Source: the `.csd` files of the CMU Multimodal SDK and the folder `Raw` of `CMU_MOSEI.zip`. A video
is one speaker's monologue and a dialogue of ours; its labelled segments are the utterances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import LONGEST_ID, BrokenRecord, broken
from builders.corpora.mosei.csd import Sequence, open_csd
from builders.corpora.mosei.folds import read_folds
from builders.corpora.mosei.layout import find_layout
from builders.corpora.mosei.segments import COLUMNS, Segment, is_time, milliseconds, segment_of
from builders.corpora.mosei.texts import (
    TOLERANCE,
    Line,
    Span,
    join,
    read_transcript,
    spoken,
    timed_words,
)
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance
from builders.record.views import DimensionRating, LabelView


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
            self._joined = labels.joined
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
        outside = self._videos.isdisjoint(frozenset[str]().union(*self._folds.values()))
        notes["all"] = {
            "no_labelled_video_in_any_fold": len(self._videos) if outside else 0,
            "aligned_segments_joined": self._joined,
        }
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
        counts, segments = self._counts[split], list[Segment]()
        if len(video) > LONGEST_ID:
            raise BrokenRecord("broken_id", f"its id has {len(video):,} characters")
        items: list[Dialogue | Reject] = []
        missing: list[float] = []
        rows = labels.rows(video, len(COLUMNS))
        counts.update(videos_with_labels=1, segments=len(rows))
        for number, (values, times) in enumerate(rows):
            place, raw = f"{labels.path.name}:{video}[{number}]", f"{times} {values}"
            try:
                segments.append(segment_of(values, times, place, raw))
            except BrokenRecord as error:
                timed = is_time(times[0])
                name = milliseconds(times[0]) if timed else f"row {number}"
                items.append(broken("mosei", split, (video, name), place, raw, error))
                missing += times[:1] if timed else ()
        texts, why = self._texts(video, {segment.span for segment in segments}, words, counts)
        dialogue, recording = Dialogue(split, video, []), self._recording(video)
        dialogue.missing = missing
        film = self._layout.film(video) if recording else None
        for segment in segments:
            line = texts.get(segment.span)
            text = line.text if line else None
            media = self._clip(recording, video, segment, line)
            try:
                utterance = _utterance(video, segment, _usable(text, why, counts), media)
            except BrokenRecord as error:
                counts["segments_without_text"] += text is None
                raw = f"{segment.raw} {text or ''}".rstrip()
                ids = (video, segment.name)
                items.append(broken("mosei", split, ids, segment.place, raw, error))
                dialogue.missing.append(segment.span[0])
                continue
            if media is None and self._recordings is not None:
                utterance.findings += ("clip_missing",)
            if film:
                utterance.video = Media(film, *segment.span)
            counts["start_clamped"] += segment.clamped
            dialogue.utterances.append(utterance)
        return [*items, dialogue]

    def _texts(
        self, video: str, spans: set[Span], words: Sequence | None, counts: Counter[str]
    ) -> tuple[dict[Span, Line], str]:
        """Return the text of each span that has one, and why the others have none."""
        if (path := self._layout.transcripts.get(video)) is not None:
            lines, unread = read_transcript(path, video)
            joined = join(spans, lines)
            counts["transcripts_without_segment"] += len(lines) - len(joined)
            counts["transcript_lines_broken"] += unread
            why = f"no line of {path.name} begins and ends within {TOLERANCE} s of it"
            why += f"; {unread} of its lines cannot be read" if unread else ""
            return joined, why
        if words is None or video not in words:
            return {}, "the video has neither a transcript nor timed words"
        said = timed_words(words.rows(video, 1))
        found = {span: heard for span in spans if (heard := spoken(span, said))}
        counts["text_from_timed_words"] += len(found)
        counts["words_without_segment"] += len({*said}.difference(*found.values()))
        texts = {s: Line(s, " ".join(word.text for word in heard)) for s, heard in found.items()}
        return texts, "none of the video's timed words falls within it"

    def _clip(
        self, recording: Path | None, video: str, segment: Segment, line: Line | None
    ) -> Media | None:
        """Return a segment's clip: its part of the recording, or else a film of it alone."""
        if recording:
            return Media(recording, *segment.span)
        if self._recordings is None or not (
            cut := self._layout.cut(video, line.clip if line else None)
        ):
            return None
        return Media(cut)

    def _recording(self, video: str) -> Path | None:
        places = (folder / f"{video}{end}" for folder, end in (self._recordings or {}).items())
        return next((path for path in places if path.is_file()), None)


def _labelled(labels: Sequence) -> frozenset[str]:
    """Return the labelled videos; SourceError when the columns are in another order than ours."""
    if labels.columns not in (None, [*COLUMNS]):
        raise SourceError(
            f"wrong columns: {', '.join(labels.columns)}",
            where=labels.path,
            expected=", ".join(COLUMNS),
            do="use the file as originally distributed",
        )
    return frozenset(labels.videos)


def _usable(text: str | None, why: str, counts: Counter[str]) -> str:
    if text is None:
        raise BrokenRecord("text_missing", why)
    (usable,) = repaired((text,), counts)
    return usable


def _utterance(video: str, segment: Segment, text: str, media: Media | None) -> Utterance:
    start, end = segment.span
    dimensions: list[DimensionRating] = [
        {"name": name, "value": value, "minimum": least, "maximum": most, "rater": None}
        for (name, (least, most)), value in zip(COLUMNS.items(), segment.values, strict=True)
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
        media=media,
        annotation=Annotation(dimensions=dimensions, views=[_presence(dimensions)]),
        findings=("start_clamped",) if segment.clamped else (),
    )


def _presence(dimensions: list[DimensionRating]) -> LabelView:
    """Return every emotion that is there at all, as the owner makes several labels of a segment."""
    there = [d["name"] for d in dimensions if d["name"] != "sentiment" and (d["value"] or 0) > 0]
    label = ", ".join(sorted(there)) or "none"
    return {"name": "presence", "label": label, "votes": None, "agreement": None, "level": None}
