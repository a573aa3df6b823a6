"""MSP-Podcast as its owner distributes it: a table of labels, a file of votes, texts and clips.

Source: the release that https://www.lab-msp.com gives to those who signed its agreement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import (
    BrokenRecord,
    CsvRow,
    broken,
    csv_rows,
    not_found,
    notes_of,
    open_root,
    require_utf8,
    require_whole,
    unreadable,
)
from builders.corpora.msp_podcast.votes import DIMENSIONS, Votes, dimension
from builders.corpora.opening import read_whole
from builders.errors import SourceError
from builders.record.manifest_views import ReaderNote
from builders.record.types import Annotation, Dialogue, Media, Reject, Utterance

_TREE = "the folder of MSP-Podcast with Labels, Transcripts and Audios"
_COLUMNS = (
    *("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set"),
)
_PARTS = {
    "Train": "train",
    "Development": "dev",
    "Test1": "test",
    "Test2": "test",
    "Test3": "test",
}
_NAME = re.compile(r"MSP-PODCAST_(\d{1,9}(?:_\d{1,9}){0,4})\.wav", re.ASCII)
_CLASSES = frozenset("ASHUFDCNOX")
_SEXES = {"female": "female", "male": "male"}


def _votes_file(folder: Path) -> Path:
    """Return the file of votes, which some releases write with a capital."""
    names = (folder / name for name in ("labels.txt", "Labels.txt"))
    return next((path for path in names if path.is_file()), folder / "labels.txt")


class Reader:
    """Reads the folder of a release."""

    splits: tuple[str, ...] = ("train", "dev", "test")

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, "MSP-Podcast", "MSP-PODCAST-Publish-2.0")
        self._table = self.root / "Labels" / "labels_consensus.csv"
        self._texts = self.root / "Transcripts"
        for path in (self._table, self._texts):
            if not path.exists():
                raise not_found(path.relative_to(self.root).as_posix(), self.root, _TREE)
        names = ("Audios", "Audio")
        folders = [self.root / name for name in names if (self.root / name).is_dir()]
        if with_media and not folders:
            raise SourceError(
                "the media are missing: no folder Audios",
                where=self.root,
                expected=_TREE,
                do="unpack the clips there, or use --text-only",
            )
        self._clips = folders[0] if with_media else None
        self._votes = Votes(_votes_file(self.root / "Labels"))
        self._counts: dict[str, Counter[str]] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the table of labels, and the file of votes where it is there."""
        return (self._table, *self._votes.files)

    @property
    def notes(self) -> list[ReaderNote]:
        """Return how many turns have no votes, and how many votes are of other emotions."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield each turn of a split as a dialogue of its own, and a reject per broken row.

        Raises SourceError if the table lacks a column or the file of votes cannot be read.
        """
        counts = self._counts[split] = Counter[str]()
        for row in csv_rows(self._table, _COLUMNS):
            part = row.fields.get("Split_Set", "")
            # What cannot be told from its row is of the first split.
            if _PARTS.get(part, self.splits[0]) != split:
                continue
            try:
                yield self._dialogue(row, split, part, counts)
            except BrokenRecord as error:
                found = _NAME.fullmatch(row.fields.get("FileName", ""))
                ids = (found[1], "0") if found else ("line", row.line)
                raw = ",".join(row.cells)
                yield broken("msp_podcast", split, ids, row.place, raw, error)

    def _dialogue(self, row: CsvRow, split: str, part: str, counts: Counter[str]) -> Dialogue:
        fields = row.fields
        require_whole(row)
        if not fields or part not in _PARTS:
            detail = f"Split_Set is {part!r}; expected one of {', '.join(_PARTS)}"
            raise BrokenRecord("broken_row", detail if fields else "too many or too few fields")
        if (match := _NAME.fullmatch(name := fields["FileName"])) is None:
            expected = "expected MSP-PODCAST_0001_0008.wav"
            raise BrokenRecord("broken_id", f"the clip is named {name!r}; {expected}")
        if (label := fields["EmoClass"].strip()) not in _CLASSES:
            known = ", ".join(sorted(_CLASSES))
            raise BrokenRecord("unknown_emotion", f"{label!r}; expected one of {known}")
        means = [dimension(one, fields[f"Emo{key}"], None) for key, one in DIMENSIONS.items()]
        votes, values, other = self._votes.of(name)
        counts["votes_for_other_emotions"] += other
        counts["turns_without_votes"] += not votes
        clip = self._clips / name if self._clips else None
        there = clip is not None and clip.is_file()
        speaker = fields["SpkrID"].strip()
        said = Utterance(
            dialogue=match[1],
            utterance="0",
            order=0,
            speaker=None if speaker in ("", "Unknown") else require_utf8(speaker),
            text=self._text(name, counts),
            label=label,
            media=Media(clip) if clip is not None and there else None,
            sex=_SEXES.get(fields["Gender"].strip().lower()),
            annotation=Annotation(votes=votes or None, dimensions=[*means, *values]),
            findings=("clip_missing",) if clip is not None and not there else (),
        )
        folds = (f"{part.lower()}:test",) if split == "test" else ()
        return Dialogue(split, said.dialogue, [said], folds=folds)

    def _text(self, name: str, counts: Counter[str]) -> str:
        path = self._texts / f"{name.removesuffix('.wav')}.txt"
        try:
            raw = read_whole(path).decode("utf-8-sig", "surrogateescape")
        except FileNotFoundError:
            raise BrokenRecord("no_transcript", f"there is no {path.name}") from None
        except OSError as error:
            raise unreadable(path, error) from error
        (text,) = repaired((" ".join(raw.split()),), counts)
        if not require_utf8(text):
            raise BrokenRecord("no_transcript", f"{path.name} is empty")
        return text
