"""Encoded clips and synthetic speech as files, named by the SHA-256 of their content.

A file is complete or does not exist. One that was truncated or changed does not match the digest in
its name: it counts as missing and is made again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from builders.errors import OutputError
from builders.record.folder import settle, writable

OPTION = "--clips"
# Of audio, and of video with audio.
_SUFFIX, MP4 = ".flac", ".mp4"
_PARTIAL = ".partial"
# Writing a clip never takes this many seconds: the partial file is left over from a kill.
_LEFT = 3600.0


class ClipFiles:
    """Files by digest in two levels of folders; several builds and machines may share them.

    Args:
        folder: their folder; created when the first file is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str, suffix: str = _SUFFIX) -> Path:
        """Return the path of the file with a digest."""
        return self.folder / digest[:2] / digest[2:4] / f"{digest}{suffix}"

    def get(self, digest: str, suffix: str = _SUFFIX) -> bytes | None:
        """Return the content with a digest; None if its file is missing, truncated or changed.

        Raises:
            OutputError: it cannot be read.
        """
        path = self.path(digest, suffix)
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OutputError(
                f"cannot read a clip ({error.strerror})",
                where=path,
                do=f"give access to it, or choose another {OPTION}",
            ) from error
        return content if _digest(content) == digest else None

    def put(self, content: bytes, suffix: str = _SUFFIX) -> str:
        """Write a file durably; return its digest.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        digest = _digest(content)
        if self.get(digest, suffix) is None:
            with writable(self.folder, OPTION):
                _write(self.path(digest, suffix), content)
        return digest

    def remove(self, digests: Iterable[str]) -> int:
        """Remove files, and leftovers of killed writers; return how many existed."""
        removed = 0
        with writable(self.folder, OPTION):
            for path in (self.path(digest, end) for digest in digests for end in (_SUFFIX, MP4)):
                if path.is_file():
                    path.unlink()
                    removed += 1
            for left in self.folder.glob(f"*/*/*{_PARTIAL}"):
                if time.time() - left.stat().st_mtime > _LEFT:
                    left.unlink(missing_ok=True)
        return removed


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{uuid4().hex}{_PARTIAL}")
    try:
        with partial.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    settle(path.parent)
