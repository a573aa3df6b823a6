"""The rows from one row group of a build on their way into the files of a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from builders.release.hub.files import Clips

# The kind of a row, its split, and what the audio adds or "".
Key: TypeAlias = tuple[str, str, str]


class StagedRows:
    """The rows from one row group of the build, by kind, each with its place in it."""

    def __init__(self, *clips: Clips) -> None:
        self._clips = clips
        self._rows: dict[Key, list[tuple[Mapping[str, object], int]]] = {}

    def add(self, key: Key, row: Mapping[str, object], index: int) -> None:
        """Add a row by kind and split; for `default` also by what the audio adds, if measured."""
        self._rows.setdefault(key, []).append((row, index))

    def tables(self) -> Iterator[tuple[Key, list[Mapping[str, object]], list[Clips]]]:
        """Yield kind, split and class, rows, and the clips of utterances and of replies."""
        for key, pairs in self._rows.items():
            places = pa.array([index for _, index in pairs])
            yield (
                key,
                [row for row, _ in pairs],
                [_taken(clips, places) for clips in self._clips],
            )


@dataclass(frozen=True, slots=True)
class StagedPlace:
    """Where a record's rows go: the group, its index in the row group, the published split."""

    group: StagedRows
    index: int
    split: str


def _taken(clips: Clips, places: pa.Array) -> Clips:
    # A record may have several rows, or none: only if every place occurs once is the column
    # unchanged.
    if clips is None or places.equals(pa.array(range(len(clips)))):
        return clips
    return clips.take(places)
