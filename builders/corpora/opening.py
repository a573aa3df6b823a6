"""Opening files that may hold anything: only regular ones, and never more in memory than asked for.

A pipe would wait for ever, and a device has no end. What cannot be opened raises OSError, as a
file does that is not there; readers turn that into the error of their file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TextIO

# Characters of a line, and bytes of a file that is read at once. Both are bounds on memory: 30
# times the longest line of the corpora we have, and 5 times the largest such file.
LONGEST_LINE = 1 << 20
LARGEST_WHOLE = 64 << 20


def open_bytes(path: Path) -> BufferedReader:
    """Return a file opened for reading; OSError where it is not a regular one."""
    _require_regular(path)
    return path.open("rb")


def open_text(path: Path, newline: str | None = None) -> TextIO:
    """Return a file opened as UTF-8, other bytes as surrogates; OSError where it is none."""
    _require_regular(path)
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline=newline)


def read_whole(path: Path) -> bytes:
    """Return what is in a file; OSError where it is not a regular one, or too large for that."""
    with open_bytes(path) as stream:
        content = stream.read(LARGEST_WHOLE + 1)
    if len(content) > LARGEST_WHOLE:
        raise OSError(errno.EFBIG, f"it is larger than {LARGEST_WHOLE >> 20} MB", str(path))
    return content


def _require_regular(path: Path) -> None:
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def bounded_lines(stream: TextIO) -> Iterator[str]:
    """Yield the lines of a stream, each cut after `LONGEST_LINE` characters."""
    read = stream.readline
    while line := read(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            while (rest := read(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
                pass
        yield line


class GatheredLines:
    """The lines of a stream; `since` are those that were read since somebody emptied it."""

    def __init__(self, stream: TextIO) -> None:
        self._lines = bounded_lines(stream)
        self.since: list[str] = []

    def __iter__(self) -> Iterator[str]:
        keep = self.since.append
        for line in self._lines:
            keep(line)
            yield line
