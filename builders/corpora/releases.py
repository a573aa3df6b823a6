"""Which release an annotation file is of, by its digest.

`releases.tsv` in the folder of a corpus has a row for each file whose bytes are known: its name,
the release, whether that is the owner's current one, an older one or somebody's copy, its SHA-256
and where that is from. A corpus may have none: then nothing is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builders import resources
from builders.corpora.files import unreadable
from builders.corpora.opening import open_bytes
from builders.labels.tables import TableRow, read_rows

TABLE = "releases.tsv"
_COLUMNS = ("file", "release", "kind", "sha256", "source")
_KINDS = ("current", "older", "copy")

Verdict = Literal["owner", "older", "copy", "changed", "unknown"]
_VERDICTS: dict[str, Verdict] = {"current": "owner", "older": "older", "copy": "copy"}
_SAYS: dict[Verdict, str] = {
    "owner": "the owner's file",
    "older": "an older release of the owner's file",
    "copy": "a copy of the corpus",
    "unknown": "nothing is known of its releases",
    "changed": "not the owner's file: it was changed or saved again",
}


@dataclass(frozen=True)
class FileRelease:
    """An annotation file, by name, what its digest says, and the release that has it."""

    file: str
    verdict: Verdict
    release: str

    def __str__(self) -> str:
        release = f" ({self.release})" if self.release else ""
        return (
            f"{self.file}: {_SAYS.get(self.verdict, 'nothing is known of its releases')}{release}"
        )


def releases_of(slug: str, files: Iterable[Path]) -> list[FileRelease]:
    """Return of each annotation file which release it is of.

    It is *changed* where the owner's digests of this name are known and its own is none of them.
    Raises LabelError for a row of the table that is wrong, SourceError if a file cannot be read.
    """
    rows = _rows(slug)
    return [
        _release(path, [row for row in rows if row.cells["file"] == path.name]) for path in files
    ]


def _rows(slug: str) -> list[TableRow]:
    path = resources.corpus_folder(slug) / TABLE
    if not path.is_file():
        return []
    rows = read_rows(path, _COLUMNS, key=("file", "sha256"))
    for row in rows:
        row.choice("kind", _KINDS)
        row.matching("sha256", "[0-9a-f]{64}", "64 digits of SHA-256")
        row.text("release"), row.text("source")
    return rows


def _release(path: Path, rows: list[TableRow]) -> FileRelease:
    if not rows:
        return FileRelease(path.name, "unknown", "")
    try:
        with open_bytes(path) as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from error
    for row in rows:
        if row.cells["sha256"] == digest:
            return FileRelease(path.name, _VERDICTS[row.cells["kind"]], row.cells["release"])
    owners = any(row.cells["kind"] == "current" for row in rows)
    return FileRelease(path.name, "changed" if owners else "unknown", "")
