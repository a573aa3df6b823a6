"""Clips inside Parquet files, as mirrors on the Hub have them: bytes and a name in a row."""

from __future__ import annotations

import hashlib
from pathlib import Path

from builders.audio.clips import HEAD, ClipError, checked_head, head_of, name_in
from builders.corpora.parquet_rows import first_bytes, row_bytes
from builders.record.types import Media


def content_of(path: Path, column: str, row: int) -> bytes:
    """Return a clip of a Parquet file.

    Args:
        path: the file.
        column: a column of structs with a field `bytes`.
        row: the number of the row in the file, from 0.

    Raises:
        ClipError: the file cannot be read, or the row has no clip.
    """
    import pyarrow as pa

    try:
        found = row_bytes(path, column, row)
    except (OSError, pa.ArrowException, LookupError, TypeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClipError("clip_unreadable", f"{path.name}, row {row + 1}: {said}") from error
    if not found:
        raise ClipError("clip_missing", f"{path.name} has no clip in row {row + 1}")
    return found


def inside_of(media: Media, path: Path) -> bytes | None:
    """Return a clip that is inside a Parquet file; None where it is a file, or part of one."""
    if media.column is None or media.row is None:
        return None
    return content_of(path, media.column, media.row)


def head_inside(media: Media, path: Path) -> bytes:
    """Return the first bytes of a clip that is a file or in a row of one; ClipError if none."""
    if (inside := inside_of(media, path)) is None:
        return head_of(path)
    return checked_head(inside[:HEAD], f"{path.name}, row {(media.row or 0) + 1},")


def faults_of(path: Path, column: str) -> dict[int, str]:
    """Return the rows of a Parquet file, from 0, that have no clip, each with the reason.

    Only first bytes are looked at, but all of the file is read, once and in its order. Raises
    ClipError where it cannot be read.
    """
    import pyarrow as pa

    found: dict[int, str] = {}
    try:
        for row, head in enumerate(first_bytes(path, column, HEAD)):
            try:
                checked_head(head, path.name)
            except ClipError as error:
                found[row] = error.reason if head else "clip_missing"
    except (OSError, pa.ArrowException, LookupError, TypeError) as error:
        raise ClipError("clip_unreadable", f"{path.name}: {error}") from error
    return found


def sha256_of(inside: bytes) -> str:
    """Return the digest of a clip inside another file."""
    return hashlib.sha256(inside).hexdigest()


def source_name(media: Media, path: Path, root: Path) -> str:
    """Return what records call a clip: its path under `root`, and the row where it is in one."""
    name = name_in(path, media.path, root)
    return name if media.row is None else f"{name}:{media.row + 1}"
