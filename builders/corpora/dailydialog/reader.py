"""DailyDialog as its owners distribute it: a line of text for a dialogue, and a line of labels.

Source: `ijcnlp_dailydialog.zip`, which http://yanran.li/dailydialog names, with the archives of
its splits unpacked. ``__eou__`` ends a turn; the emotion of each turn is a digit in another file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from builders.corpora.damage import repaired
from builders.corpora.files import (
    BrokenRecord,
    broken,
    not_found,
    notes_of,
    open_root,
    require_utf8,
    text_lines,
)
from builders.record.manifest_views import ReaderNote
from builders.record.types import Dialogue, Reject, Utterance

_TREE = "the folder that ijcnlp_dailydialog.zip unpacks to, with train.zip and the others unpacked"
_NAMES = {"train": "train", "dev": "validation", "test": "test"}
_END = "__eou__"
_EMOTIONS = ("no emotion", "anger", "disgust", "fear", "happiness", "sadness", "surprise")
_SPEAKERS = ("A", "B")
# Marks stand apart from their words: "it ’ s late ." is what was written as "it’s late."
_BEFORE = re.compile(r"(?<!\s)\s++(?=[.,!?;:](?:\s|$))")
_SHORT = re.compile(r"(?<=\w)\s*+([’'])\s*+(?=(?:s|t|m|d|re|ve|ll)\b)", re.IGNORECASE)


class Reader:
    """Reads the folder with the splits, each in a folder of its own or beside each other."""

    splits = tuple(_NAMES)

    def __init__(self, source: Path, with_media: bool, splits: tuple[str, ...]) -> None:
        self.splits = splits
        self.root = open_root(source, _TREE, "ijcnlp_dailydialog")
        self._paths = {split: self._find(name) for split, name in _NAMES.items() if split in splits}
        self._counts: dict[str, Counter[str]] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """Return the files of texts and of emotions."""
        return tuple(path for pair in self._paths.values() for path in pair)

    @property
    def notes(self) -> list[ReaderNote]:
        """Return the numbers of texts that were mended."""
        return notes_of(self._counts)

    def read(self, split: str) -> Iterator[Dialogue | Reject]:
        """Yield the dialogues of a split in the order of its file, and a reject per broken line.

        The number of its line is a dialogue's id. Raises SourceError if a file cannot be read.
        """
        texts, emotions = self._paths[split]
        counts = self._counts[split] = Counter[str]()
        lines = zip_longest(text_lines(texts), text_lines(emotions))
        for number, (text, labels) in enumerate(lines, start=1):
            said = text[1] if text else ""
            if not said.strip() and not (labels and labels[1].strip()):
                continue
            try:
                yield _dialogue(split, str(number), said, labels[1] if labels else "", counts)
            except BrokenRecord as error:
                place = text[0] if text else f"{texts.name}:{number}"
                yield broken("dailydialog", split, ("line", str(number)), place, said, error)

    def _find(self, name: str) -> tuple[Path, Path]:
        """Return a split's files of texts and of emotions."""
        wanted = (f"dialogues_{name}.txt", f"dialogues_emotion_{name}.txt")
        for folder in (self.root / name, self.root):
            if all((folder / one).is_file() for one in wanted):
                return folder / wanted[0], folder / wanted[1]
        raise not_found(f"{' and '.join(wanted)}, also in {name}/,", self.root, _TREE)


def _dialogue(split: str, number: str, said: str, labels: str, counts: Counter[str]) -> Dialogue:
    (said,) = repaired((said,), counts)
    turns = [_written(turn) for turn in require_utf8(said).split(_END)]
    if turns and not turns[-1]:
        turns.pop()
    codes = labels.split()
    if len(turns) != len(codes):
        what = f"there are {len(turns)} turns and {len(codes)} emotions"
        raise BrokenRecord("broken_row", f"{what}; expected one for each turn")
    if wrong := [code for code in codes if code not in "0123456" or len(code) != 1]:
        raise BrokenRecord("unknown_emotion", f"{wrong[0]!r}; expected a digit from 0 to 6")
    if not all(turns):
        raise BrokenRecord("broken_row", "a turn has no words")
    utterances = [
        Utterance(
            dialogue=number,
            utterance=str(turn),
            order=turn,
            speaker=_SPEAKERS[turn % 2],
            text=text,
            label=_EMOTIONS[int(code)],
        )
        for turn, (text, code) in enumerate(zip(turns, codes, strict=True))
    ]
    return Dialogue(split, number, utterances, first_number=0)


def _written(turn: str) -> str:
    """Return a turn with its marks where they are written."""
    return _SHORT.sub(r"\1", _BEFORE.sub("", turn)).strip()
