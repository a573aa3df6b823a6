"""Writing rows: JSON Lines with separate clip files, each clip once."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

import orjson

from builders.release.export.examples import Example, ExportedClip
from builders.release.export.options import Options


class Writer(Protocol):
    """Writes the rows of one split in order."""

    def add(self, example: Example, row: Mapping[str, object]) -> None:
        """Write one row with its clips."""

    def close(self) -> list[str]:
        """Finish, and return the names of the files with rows."""


class Lines:
    """Writes rows as JSON Lines, and their clips as FLAC files below ``audio/``.

    Rows without a clip come last: `datasets` infers a column's type from the first ten megabytes,
    and if all lists of clips in them are empty, it fails at the first non-empty one.

    Args:
        folder: the export folder.
        split: the split, used as the file's name.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self._name = f"{split}.jsonl"
        self._stream = (folder / self._name).open("wb")
        self._silent = TemporaryFile(dir=folder)

    def add(self, example: Example, row: Mapping[str, object]) -> None:
        """Write one row, and its clips that do not exist yet."""
        sounds = [*example.sounds, *([example.spoken_reply] if example.spoken_reply else [])]
        for sound in sounds:
            self._save(sound)
        stream = self._stream if sounds else self._silent
        stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> list[str]:
        """Finish the file and return its name."""
        self._silent.seek(0)
        shutil.copyfileobj(self._silent, self._stream)
        self._silent.close()
        self._stream.close()
        return [self._name]

    def _save(self, sound: ExportedClip) -> None:
        path = self._folder / sound.path
        if sound.flac is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sound.flac)


class Form(ABC):
    """One trainer's format: the content of a row, and the writer. One `Form` per module."""

    def __init__(self, options: Options) -> None:
        self.options = options

    @abstractmethod
    def row(self, example: Example) -> Mapping[str, object]:
        """Return the row of an example as JSON values."""

    def open(self, folder: Path, split: str) -> Writer:
        """Return the writer of one split's rows."""
        return Lines(folder, split)

    def finish(self, folder: Path, splits: list[str]) -> None:  # noqa: B027 - most need nothing
        """Write further files for these splits, if any."""
