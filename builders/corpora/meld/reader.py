"""MELD as its owner distributes it: one CSV file and one folder of mp4 clips for each split.

Source: `MELD.Raw.tar.gz`, or the CSV files of https://github.com/declare-lab/MELD.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from builders.corpora.clip_files import clips_in, only_these
from builders.corpora.damage import repaired
from builders.corpora.files import (
    BrokenRecord,
    CsvRow,
    archives,
    broken,
    csv_rows,
    in_dialogues,
    is_number,
    not_found,
    notes_of,
    open_root,
    require_utf8,
    whole_number,
)
from builders.corpora.hub_mirrors import find_mirror, refuse_media
from builders.corpora.meld.shapes import CLIP, IDS, clips_inside, dyadic
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Media, Reject, Sentiment, Utterance

_CLIP_FOLDERS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
_COLUMNS = (
    *("Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"),
    *("Season", "Episode", "StartTime", "EndTime"),
)
_SENTIMENTS: dict[str, Sentiment] = {s: s for s in ("positive", "neutral", "negative")}
# MELD Dyadic numbers dialogues and turns anew; clips have the ids of MELD itself.
_OLD_IDS = ("Old_Dialogue_ID", "Old_Utterance_ID")
_TIME = re.compile(r"(\d\d?):([0-5]\d):([0-5]\d),(\d{1,3})", re.ASCII)
_TREE = "the folder that MELD.Raw.tar.gz unpacks to"


class Reader:
    """Reads the extracted `MELD.Raw`, the folder around it, or a folder of annotation files."""

    splits = tuple(_CLIP_FOLDERS)
    # Corpora in the same form have other names: see `of`.
    slug, tables = "meld", "{split}_sent_emo.csv"

    @classmethod
    def of(cls, slug: str, tables: str) -> type[Reader]:
        """Return the reader of another corpus in this form, whose tables are named `tables`."""
        return type("Reader", (cls,), {"slug": slug, "tables": tables})

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, "MELD.Raw")
        # MELD Dyadic has its own table of columns; nobody is known to mirror it.
        self._mirror = find_mirror(self.slug, self.root, splits) if self.slug == "meld" else None
        self._csv = {} if self._mirror else self._find_annotations()
        self._clips = {s: self._find_clips(s) for s in self.splits} if with_media else None
        self._counts: dict[str, Counter[str]] = {}
        if self._clips is not None and not any(self._clips.values()):
            missing = refuse_media(self._mirror) if self._mirror else None
            raise missing or self._media_missing(self.splits)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the annotation files."""
        return self._mirror.files if self._mirror else tuple(self._csv.values())

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the choices made: rows repaired, re-cut twins used, clips that have no row."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield the dialogues of a split in the order of its file, and a reject per broken row.

        Raises SourceError if the file lacks a column, or if the clips of the split are
        requested but missing.
        """
        if self._clips is not None and not self._clips[split]:
            raise self._media_missing((split,))
        clips = None if self._clips is None else self._clips[split]
        counts, used = Counter[str](), set[str]()
        self._counts[split] = counts
        if self._mirror is not None:
            counts["read_from_mirror"] += 1
        rows = self._mirror.rows(split) if self._mirror else csv_rows(self._csv[split], _COLUMNS)
        parse = partial(_utterance, clips=clips, used=used, counts=counts)
        sort_by = "Dialogue_ID and Utterance_ID"
        reject = partial(_reject, self.slug, split)
        for item in in_dialogues(split, rows, parse, reject, sort_by, 0):
            yield item if isinstance(item, Reject) else _with_scene(*item)
        counts["clips_without_row"] = len((clips or {}).keys() - used)

    def _find(self, split: str, name: str) -> Path | None:
        places = (self.root / name, self.root / split / name)
        return next((place for place in places if place.exists()), None)

    def _find_annotations(self) -> dict[str, Path]:
        names = {split: self.tables.format(split=split) for split in self.splits}
        found = {s: path for s, name in names.items() if (path := self._find(s, name))}
        if missing := [name for split, name in names.items() if split not in found]:
            what = f"{', '.join(missing)}, also in sub-folders,"
            raise dyadic(self.root) or not_found(what, self.root, _TREE)
        return found

    def _find_clips(self, split: str) -> dict[str, Media]:
        """Return the clips of a split by ``diaX_uttY``."""
        if self._mirror is not None:
            return clips_inside(self._mirror, split)
        if not (folder := self._find(split, _CLIP_FOLDERS[split])):
            return {}
        # Sorted, a re-cut final_videos_testdiaX_uttY comes after its twin diaX_uttY and wins.
        found = ((CLIP.fullmatch(stem), path) for stem, path in clips_in(folder).items())
        recut = ("recut_twin_used",)
        return {m[2]: Media(path, findings=recut if m[1] else ()) for m, path in found if m}

    def _media_missing(self, splits: tuple[str, ...]) -> SourceError:
        places = [f"{up}{_CLIP_FOLDERS[split]}" for split in splits for up in ("", f"{split}/")]
        packed = archives(self.root) or ", ".join(f"{split}.tar.gz" for split in splits)
        return SourceError(
            f"the media are missing: no clips of {', '.join(splits)}",
            where=f"{self.root} (looked in {', '.join(places)})",
            do=f"unpack {packed} there, or use --text-only{only_these(self._with_clips())}",
        )

    def _with_clips(self) -> list[str]:
        return [split for split, clips in (self._clips or {}).items() if clips]


def _with_scene(dialogue: Dialogue, first: CsvRow) -> Dialogue:
    season, episode = (first.fields.get(name) for name in ("Season", "Episode"))
    if not (season and episode):
        return dialogue  # a mirror may lack them
    present = ", ".join(dict.fromkeys(u.speaker for u in dialogue.utterances if u.speaker))
    dialogue.background = f"Season {season}, episode {episode}. Present: {present}."
    dialogue.background_origin = "scene"
    return dialogue


def _reject(slug: str, split: str, row: CsvRow, error: BrokenRecord) -> Reject:
    dialogue, utterance = (whole_number(row.fields.get(name, "")) for name in IDS)
    known = is_number(dialogue) and is_number(utterance)
    named = (dialogue, utterance) if known else ("line", row.line)
    return broken(slug, split, named, row.place, ",".join(row.cells), error)


def _utterance(
    row: CsvRow, clips: dict[str, Media] | None, used: set[str], counts: Counter[str]
) -> Utterance:
    fields = row.fields
    if not fields or not all(fields[name] for name in _COLUMNS if name in fields):
        raise BrokenRecord("broken_row", "there are too many or too few fields, or one is empty")
    dialogue, utterance = (whole_number(fields[name], counts) for name in IDS)
    if not (is_number(dialogue) and is_number(utterance)):
        raise BrokenRecord(
            "broken_id", f"the ids are {dialogue!r}, {utterance!r}; expected numbers"
        )
    media = None
    if clips is not None:
        clip = _clip_of(fields, dialogue, utterance, counts)
        media = clips.get(clip)
        used.add(clip)
    findings = ("clip_missing",) if clips is not None and media is None else ()
    if media and media.findings:
        counts.update(media.findings)
    _repair(fields, counts)
    said = Utterance(
        dialogue=dialogue,
        utterance=utterance,
        order=int(utterance),
        speaker=fields["Speaker"],
        text=fields["Utterance"],
        label=fields["Emotion"],
        media=media,
        findings=findings,
    )
    try:
        return _with_times(said, fields)
    except BrokenRecord as error:
        error.readable = said
        raise


def _clip_of(fields: dict[str, str], dialogue: str, utterance: str, counts: Counter[str]) -> str:
    """Return the name of a row's clip."""
    if _OLD_IDS[0] in fields:
        counts["clips_by_old_ids"] += 1
        dialogue, utterance = (whole_number(fields.get(name, "")) for name in _OLD_IDS)
    return f"dia{dialogue}_utt{utterance}"


def _with_times(said: Utterance, fields: dict[str, str]) -> Utterance:
    """Return an utterance with its times and sentiment, where they can be read."""
    start, end = _span(fields)
    if (sentiment := _SENTIMENTS.get(fields["Sentiment"].strip().lower())) is None:
        known = ", ".join(_SENTIMENTS)
        raise BrokenRecord("unknown_sentiment", f"{fields['Sentiment']!r}; expected one of {known}")
    said.start, said.end, said.sentiment = start, end, sentiment
    if start is not None and end is not None and end < start:
        said.findings = (*said.findings, "end_before_start")
    return said


def _span(fields: dict[str, str]) -> tuple[float | None, float | None]:
    """Return start and end; None where a mirror has no times."""
    if not fields.keys() >= {"StartTime", "EndTime"}:
        return None, None
    return _seconds(fields, "StartTime"), _seconds(fields, "EndTime")


def _repair(fields: dict[str, str], counts: Counter[str]) -> None:
    """Restore what an old release, or saving again, did to a row; refuse what is not text."""
    joined = "".join(fields.values())
    if "\n" in joined:
        raise BrokenRecord("broken_row", "it spans several lines: a quotation mark is not closed")
    if joined.isascii():
        return
    said = repaired((fields["Utterance"], fields["Speaker"]), counts)
    fields["Utterance"], fields["Speaker"] = said
    require_utf8("".join(fields.values()))


def _seconds(fields: dict[str, str], column: str) -> float:
    # The fraction is decimal: ,28 is 0.28 s. Three ends in the release have two digits; read so,
    # they stop 0.2 s before the next utterance, as others do, and not 0.6 to 0.9 s before it.
    if (match := _TIME.fullmatch(fields[column])) is None:
        raise BrokenRecord("broken_time", f"{column} is {fields[column]!r}; expected h:mm:ss,mmm")
    hours, minutes, seconds, fraction = match.groups()
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int(fraction.ljust(3, "0")) / 1000
