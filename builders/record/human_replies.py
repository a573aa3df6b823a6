"""Replies that people gave, as `hearten mine` takes them from a finished build.

output/<name>/human_replies/
  <split>-NNNNN-of-NNNNN.parquet   rows of schemas/human_replies.schema.json
  manifest.json                    written last: counts, what they were mined from, digests

mined = human_replies(folder)
for row in mined.rows(("id", "reply", "strategies")): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import cast

import orjson
from pydantic import TypeAdapter, ValidationError

# typing.TypedDict cannot be validated by pydantic before Python 3.12.
from typing_extensions import TypedDict

from builders.errors import ConfigError, VerificationError
from builders.record.manifest_views import ManifestFile
from builders.record.reply_views import ChecksPart, StrategySpan
from builders.record.views import ClipFile, RightsPart

FOLDER = "human_replies"
SCHEMA = "human_replies"
MANIFEST = "manifest.json"
_BATCH = 100


class HumanReply(TypedDict):
    """A row: an utterance, and what the next speaker answered; lengths are in seconds."""

    id: str
    language: str
    corpus: str
    split: str
    dialogue_id: str
    audio: ClipFile | None
    audio_sha256: str | None
    audio_seconds: float | None
    utterance: str | None
    speaker: str | None
    emotion: str | None
    root: str | None
    gap_seconds: float | None
    reply_id: str
    reply: str | None
    reply_speaker: str | None
    reply_emotion: str | None
    reply_root: str | None
    reply_audio: ClipFile | None
    reply_audio_sha256: str | None
    reply_audio_seconds: float | None
    strategies: list[StrategySpan]
    tagged_by: str | None
    checks: ChecksPart | None
    rights: RightsPart


class MinedCounts(TypedDict):
    """The counts of a run: read = kept + left_out. `silent` of those kept have no reply clip."""

    read: int
    kept: int
    left_out: dict[str, int]
    silent: int


class MinedManifest(TypedDict):
    """What was mined: `identity` is all that decides about the rows, by name."""

    build: str
    identity: dict[str, str | None]
    counts: MinedCounts
    files: list[ManifestFile]
    versions: dict[str, str]


class HumanReplies:
    """The mined replies of a build.

    Args:
        folder: the build's folder, `output/<name>`.

    Raises:
        ConfigError: the build was not mined.
        VerificationError: a file is missing or is not what was mined.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        if not (self.folder / MANIFEST).is_file():
            raise ConfigError(
                f"there are no replies of people in {folder}",
                expected=f"a build with the folder {FOLDER}",
                do=f"run hearten mine {folder}",
            )
        self.manifest = _read(self.folder / MANIFEST)
        for file in self.manifest["files"]:
            _data_file().check_file(
                self._path(file), file["rows"], file.get("bytes"), file["sha256"]
            )

    @property
    def count(self) -> int:
        """Return the number of rows."""
        return sum(file["rows"] for file in self.manifest["files"])

    def shards(self) -> list[Path]:
        """Return the Parquet files, in order."""
        return [self._path(file) for file in self.manifest["files"]]

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[HumanReply]:
        """Yield the rows in order, with these columns only; leave the clips out if not needed."""
        for shard in self.shards():
            with _data_file().DataFile(shard) as file:
                for batch in file.batches(columns, _BATCH):
                    yield from cast("list[HumanReply]", _data_file().rows_of(shard, batch))

    def verify(self) -> HumanReplies:
        """Compare the SHA-256 of every file, and return these replies; VerificationError."""
        for file in self.manifest["files"]:
            _data_file().check_digest(self._path(file), file["sha256"])
        return self

    def _path(self, file: ManifestFile) -> Path:
        return self.folder / Path(file["path"]).name


def were_mined(folder: Path) -> bool:
    """Return whether a build has replies of people."""
    return (folder / FOLDER / MANIFEST).is_file()


def _read(path: Path) -> MinedManifest:
    try:
        found = orjson.loads(path.read_bytes())
        return TypeAdapter(MinedManifest).validate_python(found, strict=True)
    except (orjson.JSONDecodeError, ValidationError) as error:
        raise VerificationError(
            f"{FOLDER}/{MANIFEST} is not what hearten mine wrote",
            where=path.parent.parent,
            do=f"delete {path.parent} and run hearten mine again",
        ) from error


def _data_file() -> ModuleType:
    """Return what reads Parquet: it takes its time to import, and few builds have mined replies."""
    from builders.record import data_file

    return data_file
