"""Clip files: allowed locations, first bytes, and the reasons why one cannot be used."""

from __future__ import annotations

import hashlib
import os
import stat
from functools import lru_cache
from pathlib import Path

_LFS = b"version https://git-lfs"
# Bytes of a clip that are looked at first.
HEAD = 64


class ClipError(Exception):
    """A clip that cannot be used: `reason` is a code that is counted, `detail` says what is wrong.

    Reasons: clip_missing, clip_empty, clip_truncated, clip_unreadable, clip_too_long, lfs_pointer,
    no_audio_stream, path_outside_corpus.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


def locate(path: Path, root: Path, follow_links: bool = False) -> Path:
    """Return where a clip is once links are followed, which must be a file under `root`.

    With `follow_links`, a link under `root` may lead to a file anywhere.
    """
    try:
        found = (root / path).resolve(strict=True)
        is_file = stat.S_ISREG(found.stat().st_mode)
    except FileNotFoundError:
        what = "a link to no file," if _is_link(root / path) else "no file"
        raise ClipError("clip_missing", f"there is {what} {path}") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise ClipError("clip_unreadable", f"{path}: {error}") from error
    if not found.is_relative_to(root.resolve()) and not (follow_links and below(path, root)):
        detail = f"{path} is outside {root}"
        if below(path, root):
            detail = f"{path} is outside {root}, through a link; --follow-links follows it"
        raise ClipError("path_outside_corpus", detail)
    if not is_file:  # opening a pipe would block for ever
        raise ClipError("clip_unreadable", f"{path} is not a file")
    return found


def _is_link(path: Path) -> bool:
    return path.is_symlink() or any(parent.is_symlink() for parent in path.parents)


def below(path: Path, root: Path) -> bool:
    """Return whether a path as it is written lies under `root`, wherever its links lead."""
    return Path(os.path.normpath(root / path)).is_relative_to(os.path.normpath(root))


def name_in(found: Path, path: Path, root: Path) -> str:
    """Return what a clip that was found is called in records: its path under `root`.

    A clip that a link leads to outside is called by the link.
    """
    if found.is_relative_to(real := root.resolve()):
        return found.relative_to(real).as_posix()
    return Path(os.path.normpath(root / path)).relative_to(os.path.normpath(root)).as_posix()


def head_of(path: Path) -> bytes:
    """Return the first bytes of a clip."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise ClipError("clip_unreadable", f"{path}: {error}") from error
    return checked_head(head, path.name)


def checked_head(head: bytes, name: str) -> bytes:
    """Return the first bytes of a clip called `name`; ClipError where they are of none."""
    if not head:
        raise ClipError("clip_empty", f"{name} is empty")
    if head.startswith(_LFS):
        do = "run `git lfs pull` in the corpus folder"
        raise ClipError("lfs_pointer", f"{name} is a Git LFS pointer, not a clip; {do}")
    return head


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; remembered, as many segments come from one recording."""
    try:
        return _digest(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise ClipError("clip_unreadable", f"{path}: {error}") from error


@lru_cache(maxsize=16)
def _digest(path: Path, _mtime_ns: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
