"""EmoryNLP as the owners of MELD distribute it: a CSV file and a folder of clips for each split.

Source: https://github.com/declare-lab/MELD, folder `data/emorynlp`; the clips are a separate
download.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from builders.corpora.clip_files import clips_in, only_these
from builders.corpora.damage import repaired
from builders.corpora.emorynlp.scenes import find_scenes, owners_files
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
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Media, Reject, Utterance

_TREE = "the folder data/emorynlp of the MELD repository"
_IDS = ("Season", "Episode", "Scene_ID", "Utterance_ID")
_COLUMNS = ("Utterance", "Speaker", "Emotion", *_IDS, "Start_Time", "End_Time")
_CLIP = re.compile(r"(sea\d+_ep\d+_sc\d+)_utt(\d+)", re.ASCII)
# The README says comma, but the files use a point.
_TIME = re.compile(r"(\d\d?):([0-5]\d):([0-5]\d[.,]\d{1,3})", re.ASCII)
_AND = " and "


class Reader:
    """Reads the folder of the CSV files, or the MELD repository around it."""

    splits: tuple[str, ...] = ("train", "dev", "test")

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, "data/emorynlp", "emorynlp")
        self._csv = {split: self._find(split, f"emorynlp_{split}_final.csv") for split in splits}
        if missing := [path.name for path in self._csv.values() if not path.is_file()]:
            raise _missing(missing, self.root)
        self._scenes = find_scenes(self.root)
        self._clips = {split: self._find_clips(split) for split in splits} if with_media else None
        self._counts: dict[str, Counter[str]] = {}
        if self._clips is not None and not any(self._clips.values()):
            raise self._media_missing(splits)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the annotation files."""
        return (*self._csv.values(), *self._scenes.files)

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the numbers of rows that were repaired and of clips without a row."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield the scenes of a split in the order of its file, and a reject for each broken row.

        Raises SourceError if the file lacks a column, or if the clips of the split are
        requested but missing.
        """
        if self._clips is not None and not self._clips[split]:
            raise self._media_missing((split,))
        clips = None if self._clips is None else dict(self._clips[split])
        rows = csv_rows(self._csv[split], _COLUMNS)
        counts = self._counts[split] = Counter()
        parse = partial(_utterance, clips=clips, counts=counts)
        sort_by = "season, episode, scene and utterance"
        for item in in_dialogues(split, rows, parse, partial(_reject, split), sort_by, 1):
            if isinstance(item, Reject):
                yield item
                continue
            scene = _with_background(item[0])
            self._scenes.complete(scene, counts)
            yield scene
        counts["clips_without_row"] = len(clips or ())

    def _find(self, split: str, name: str) -> Path:
        below = self.root / split / name
        return below if below.exists() else self.root / name

    def _find_clips(self, split: str) -> dict[tuple[str, str], Media]:
        """Return the clips of a split by scene and utterance."""
        folder = self._find(split, f"emorynlp_{split}_splits")
        found = ((_CLIP.fullmatch(stem), path) for stem, path in clips_in(folder).items())
        return {(name[1], name[2]): Media(path) for name, path in found if name}

    def _media_missing(self, splits: tuple[str, ...]) -> SourceError:
        names = (f"emorynlp_{split}_splits" for split in splits)
        packed = archives(self.root)
        unpack = f"unpack {packed} there" if packed else "put the folders of clips there"
        return SourceError(
            f"the media are missing: no clips of {', '.join(splits)}",
            where=f"{self.root} (looked in {', '.join(names)}, also in sub-folders)",
            do=f"{unpack}, or use --text-only{only_these(self._with_clips())}",
        )

    def _with_clips(self) -> list[str]:
        return [split for split, clips in (self._clips or {}).items() if clips]


def _missing(names: list[str], root: Path) -> SourceError:
    """Return the error for tables that are missing, also where only the whole scenes are there."""
    if found := owners_files(root):
        return SourceError(
            f"{', '.join(path.name for path in found)}: these are EmoryNLP's whole scenes, which "
            "are read for context beside the tables",
            where=root,
            expected=", ".join(names),
            do="put these tables beside them; they are in data/emorynlp of "
            "https://github.com/declare-lab/MELD",
        )
    return not_found(f"{', '.join(names)}, also in sub-folders,", root, _TREE)


def _with_background(scene: Dialogue) -> Dialogue:
    season, episode, number = re.findall(r"\d+", scene.id)
    speakers = [name for u in scene.utterances for name in (u.speaker or "").split(_AND)]
    present = ", ".join(dict.fromkeys(speakers))
    scene.background_origin = "scene"
    scene.background = f"Season {season}, episode {episode}, scene {number}. Present: {present}."
    return scene


def _ids(fields: dict[str, str], counts: Counter[str] | None = None) -> tuple[str, str]:
    """Return the scene as in the names of clips, ``sea1_ep15_sc1``, and the utterance."""
    written = [whole_number(fields.get(name, ""), counts) for name in _IDS]
    if not all(map(is_number, written)):
        expected = f"expected numbers in {', '.join(_IDS)}"
        raise BrokenRecord("broken_id", f"the ids are {', '.join(map(repr, written))}; {expected}")
    season, episode, scene, utterance = (str(int(part)) for part in written)
    return f"sea{season}_ep{episode}_sc{scene}", utterance


def _reject(split: str, row: CsvRow, error: BrokenRecord) -> Reject:
    try:
        ids = _ids(row.fields)
    except BrokenRecord:
        ids = "line", row.line
    return broken("emorynlp", split, ids, row.place, ",".join(row.cells), error)


def _utterance(
    row: CsvRow, clips: dict[tuple[str, str], Media] | None, counts: Counter[str]
) -> Utterance:
    fields = row.fields
    if not all(fields.get(column) for column in _COLUMNS):
        raise BrokenRecord("broken_row", "there are too many or too few fields, or one is empty")
    if "\n" in fields["Utterance"]:
        raise BrokenRecord("broken_row", "it spans several lines: a quotation mark is not closed")
    (fields["Utterance"],) = repaired((fields["Utterance"],), counts)
    require_utf8("".join(fields.values()))
    dialogue, utterance = _ids(fields, counts)
    media = clips.pop((dialogue, utterance), None) if clips else None
    findings = ("clip_missing",) if clips is not None and media is None else ()
    said = Utterance(
        dialogue=dialogue,
        utterance=utterance,
        order=int(utterance),
        speaker=_AND.join(_speakers(fields["Speaker"])),
        text=fields["Utterance"],
        label=fields["Emotion"],
        media=media,
        findings=findings,
    )
    try:
        start, end = _seconds(fields, "Start_Time"), _seconds(fields, "End_Time")
    except BrokenRecord as error:
        error.readable = said
        raise
    said.start, said.end = start, end
    if end < start:
        said.findings = (*findings, "end_before_start")
    return said


def _speakers(written: str) -> list[str]:
    """Return the names in a list in Python notation."""
    try:
        names = ast.literal_eval(written)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        names = None
    if not (isinstance(names, list) and names and all(isinstance(n, str) and n for n in names)):
        detail = f"Speaker is {written!r}; expected a list of names, as in ['Ann', 'Bob']"
        raise BrokenRecord("broken_speaker", detail)
    return names


def _seconds(fields: dict[str, str], column: str) -> float:
    if (match := _TIME.fullmatch(fields[column])) is None:
        raise BrokenRecord("broken_time", f"{column} is {fields[column]!r}; expected hh:mm:ss.mmm")
    hours, minutes, seconds = match.groups()
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", ".")), 3)
