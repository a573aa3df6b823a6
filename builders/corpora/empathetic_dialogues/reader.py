"""EmpatheticDialogues as its owner distributes it: one file of comma-separated rows per split.

Source: `empatheticdialogues.tar.gz`, which https://github.com/facebookresearch/EmpatheticDialogues
names. Cells are not quoted: a quotation mark is text, and a comma in a text is written ``_comma_``.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import (
    BrokenRecord,
    CsvRow,
    broken,
    csv_rows,
    in_dialogues,
    not_found,
    notes_of,
    open_root,
    require_utf8,
)
from builders.corpora.hub_mirrors import find_mirror
from builders.corpora.opening import bounded_lines, open_text
from builders.record.manifest_views import ReaderNote
from builders.record.types import LABEL_OF_DIALOGUE, Dialogue, Reject, Utterance

_TREE = "the folder empatheticdialogues that empatheticdialogues.tar.gz unpacks to"
_FILES = {"train": "train.csv", "dev": "valid.csv", "test": "test.csv"}
_COLUMNS = (
    *("conv_id", "utterance_idx", "context", "prompt", "speaker_idx", "utterance"),
    *("selfeval", "tags"),
)
_in_order = itemgetter(*_COLUMNS)
_INDEX = re.compile("[1-9][0-9]{0,8}")
_LETTER = re.compile("[A-Za-z]")
_QUOTE, _DOUBLED = re.compile('"'), re.compile('"(?:[^"]*"")+[^"]*"')


class Reader:
    """Reads the folder `empatheticdialogues`, or the one around it."""

    splits = tuple(_FILES)

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, "empatheticdialogues")
        self._paths = {split: self.root / _FILES[split] for split in splits}
        self._counts: dict[str, Counter[str]] = {}
        self._mirror = find_mirror("empathetic_dialogues", self.root, splits)
        if not self.files:
            raise not_found(", ".join(path.name for path in self._paths.values()), self.root, _TREE)

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files of the splits."""
        if self._mirror is not None:
            return self._mirror.files
        return tuple(path for path in self._paths.values() if path.is_file())

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the numbers of rows with an extra column and of turns that decided who speaks."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield the conversations of a split in the order of its file, and a reject per broken row.

        Raises SourceError if the file is missing or lacks a column, or if the rows of a
        conversation are not consecutive.
        """
        path, counts = self._paths[split], Counter[str]()
        self._counts[split] = counts
        rows = (_whole(row, counts) for row in self._rows(split, path, counts))
        sort_by, parse = "conv_id and utterance_idx", partial(_utterance, counts=counts)
        for item in in_dialogues(split, rows, parse, partial(_reject, split), sort_by, 1):
            yield item if isinstance(item, Reject) else _with_situation(*item, counts)

    def _rows(self, split: str, path: Path, counts: Counter[str]) -> Iterator[CsvRow]:
        """Yield the rows of a split, from its CSV file or a mirror."""
        if self._mirror is not None:
            counts["read_from_mirror"] += 1
            yield from self._mirror.rows(split)
            return
        if not path.is_file():
            raise not_found(path.name, self.root, _TREE)
        if quoted := _is_quoted(path):
            counts["file_saved_with_quotes"] += 1
        yield from csv_rows(path, _COLUMNS, quoted=quoted)


def _is_quoted(path: Path) -> bool:
    """Return whether another program saved the file, with quotation marks around cells.

    A mark in such a cell is doubled, and a comma stands as it is.
    """
    with open_text(path) as stream:
        for line in filter(_QUOTE.search, bounded_lines(stream)):
            cells = line.rstrip("\r\n").split(",")
            if any(_DOUBLED.fullmatch(cell) for cell in cells):
                return True
            if len(cells) > len(_COLUMNS) and _cells_when_quoted(line) == len(_COLUMNS):
                return True
    return False


def _cells_when_quoted(line: str) -> int:
    """Return how many cells a line has if marks quote; 0 for a cell longer than any is read."""
    try:
        return len(next(csv.reader([line])))
    except csv.Error:
        return 0


def _whole(row: CsvRow, counts: Counter[str]) -> CsvRow:
    """Return a row's cells by column; extra cells are dropped."""
    if len(row.cells) > len(_COLUMNS):
        counts["rows_with_more_columns"] += 1
    row.fields = row.fields or dict(zip(_COLUMNS, row.cells, strict=False))
    return row


def _utterance(row: CsvRow, counts: Counter[str]) -> Utterance:
    fields = row.fields
    if len(fields) < len(_COLUMNS):
        raise BrokenRecord("broken_row", "there are too few fields")
    conversation, index, word, _, speaker, text, ratings, _ = _in_order(fields)
    if not conversation or not _INDEX.fullmatch(index):
        raise BrokenRecord(
            "broken_id", f"the ids are {conversation!r}, {index!r}; expected a name and a number"
        )
    fields["prompt"], text = repaired((fields["prompt"], text), counts)
    require_utf8(f"{conversation}{word}{speaker}")
    if not (word and speaker and (text := _with_commas(text))):
        raise BrokenRecord("broken_row", "context, speaker_idx or utterance is empty")
    # A text with a raw comma shifts all later cells; ratings contain no words.
    if len(row.cells) > len(_COLUMNS) and (_LETTER.search(ratings) or not speaker.isdecimal()):
        raise BrokenRecord("broken_row", "a text contains a comma that is not written as _comma_")
    if _LETTER.search(ratings) or not speaker.isdecimal():
        detail = "selfeval holds words or speaker_idx no number: cells are in the wrong columns"
        raise BrokenRecord("broken_row", detail)
    number = int(index)
    speaks = number % 2 == 1
    return Utterance(
        dialogue=conversation,
        utterance=index,
        order=number,
        speaker=speaker,
        text=text,
        label=word if speaks else None,
        targetable=speaks,
        # One word was chosen for the conversation, before it began.
        flags=(LABEL_OF_DIALOGUE,) if speaks and number > 1 else (),
    )


def _with_commas(text: str) -> str:
    return text.replace("_comma_", ",").strip()


def _reject(split: str, row: CsvRow, error: BrokenRecord) -> Reject:
    ids = row.fields.get("conv_id", ""), row.fields.get("utterance_idx", "")
    known = ids[0] and _INDEX.fullmatch(ids[1])
    named = ids if known else ("line", row.line)
    return broken("empathetic_dialogues", split, named, row.place, ",".join(row.cells), error)


def _with_situation(dialogue: Dialogue, first: CsvRow, counts: Counter[str]) -> Dialogue:
    if situation := _with_commas(first.fields["prompt"]):
        dialogue.background, dialogue.background_origin = situation, "situation"
    return _with_two_speakers(dialogue, counts)


def _with_two_speakers(dialogue: Dialogue, counts: Counter[str]) -> Dialogue:
    """Name the two speakers by turn number: odd turns are the speaker's."""
    names: dict[bool, str | None] = {}
    for utterance in dialogue.utterances:
        names.setdefault(utterance.targetable, utterance.speaker)
    listener = names.get(False)
    if listener is not None and listener == names.get(True):
        names[False] = listener = f"{listener} (listener)"
    renamed = [u for u in dialogue.utterances if u.speaker != names[u.targetable]]
    for utterance in renamed:
        utterance.speaker = names[utterance.targetable]
    counts["speakers_by_turn"] += bool(renamed)
    dialogue.assistant = listener
    return dialogue
