"""Encoded clips and made speech as files, named by the SHA-256 of their content.

A file is there whole or not at all. One that was cut or changed since does not have the digest of
its name: it counts as missing, and what is missing is made again.
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
# Of sound, and of picture and sound.
_SUFFIX, MP4 = ".flac", ".mp4"
_PARTIAL = ".partial"
# Nobody writes a clip for so many seconds: the partial file is left from a kill.
_LEFT = 3600.0


class ClipFiles:
    """Files by digest in two levels of folders, which several builds and machines may share.

    Args:
        folder: where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str, suffix: str = _SUFFIX) -> Path:
        """Return where the file of a digest lies."""
        return self.folder / digest[:2] / digest[2:4] / f"{digest}{suffix}"

    def get(self, digest: str, suffix: str = _SUFFIX) -> bytes | None:
        """Return the content of a digest; None where its file is missing, cut or changed.

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
        """Write a file that is on the disk when this returns; return its digest.

        Raises:
            OutputError: the disk is full, or the folder cannot be written.
        """
        digest = _digest(content)
        if self.get(digest, suffix) is None:
            with writable(self.folder, OPTION):
                _write(self.path(digest, suffix), content)
        return digest

    def remove(self, digests: Iterable[str]) -> int:
        """Remove files, and what writers that were killed have left; return how many were there."""
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
