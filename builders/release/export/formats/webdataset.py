"""WebDataset: tar shards with a row's clips and its JSON under one key."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import orjson

from builders.release.export.examples import Example
from builders.release.export.writing import Form as Base

SHARD_BYTES = 10**9


class Form(Base):
    """Writes shards for `webdataset.WebDataset`."""

    def row(self, example: Example) -> dict[str, object]:
        """Return the JSON member; `audios` names the members with its clips, in mark order."""
        return {
            "id": example.id,
            "messages": example.messages,
            "audios": members(example),
            **example.labels(),
        }

    def open(self, folder: Path, split: str) -> Shards:
        """Return the writer of a split's shards."""
        return Shards(folder, split)


def members(example: Example) -> list[str]:
    """Return the extensions of a row's clips: those of earlier turns are numbered."""
    own = ["flac"] if example.record["audio"] else []
    return [*(f"earlier{n}.flac" for n in range(len(example.sounds) - len(own))), *own]


class Shards:
    """Writes ``<split>-NNNNNN.tar`` of about a gigabyte each, without times or owners."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder = folder
        self._split = split
        self._names: list[str] = []
        self._tar: tarfile.TarFile | None = None
        self._bytes = 0

    def add(self, example: Example, row: Mapping[str, object]) -> None:
        """Write the members of one row, always in one shard."""
        # A key ends at its first dot, and ids may contain dots.
        key = example.id.replace(".", "%2E")
        clips = zip(members(example), example.sounds, strict=True)
        files = [(name, clip.flac or b"") for name, clip in clips]
        files.append(("json", orjson.dumps(row)))
        size = sum(len(content) for _, content in files)
        tar = self._room(size)
        for extension, content in files:
            member = tarfile.TarInfo(f"{key}.{extension}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        self._bytes += size

    def close(self) -> list[str]:
        """Finish the last shard and return the names of all."""
        if self._tar:
            self._tar.close()
        return self._names

    def _room(self, size: int) -> tarfile.TarFile:
        if self._tar and self._bytes + size > SHARD_BYTES:
            self._tar.close()
            self._tar = None
        if self._tar is None:
            self._names.append(f"{self._split}-{len(self._names):06d}.tar")
            self._tar = tarfile.open(self._folder / self._names[-1], "w")  # noqa: SIM115
            self._bytes = 0
        return self._tar
