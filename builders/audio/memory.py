"""Side files: bytes by key on disk. What they hold is only time, so that they may be removed."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builders.errors import OutputError
from builders.record.folder import writable

# A batch is committed when it has so many bytes, or the last one was so long ago.
_BYTES, _SECONDS = 8_000_000, 1.0
_BUSY_SECONDS = 60


class SideFile:
    """Bytes by key in a SQLite file, which several builds and threads may use at once.

    What was put is committed in batches: a kill loses the last of them.

    Attributes:
        batch: how many entries are committed at a time.
        synchronous: how far SQLite waits for the disk.
        trouble: what an error of the file comes to, and what to do.

    Raises:
        OutputError: the file cannot be used.
    """

    batch = 64
    synchronous = "NORMAL"
    trouble = (
        "what was heard cannot be kept",
        "free space there, or remove that file: it holds nothing but saved time",
    )

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._waiting: dict[str, bytes] = {}
        self._size = 0
        self._since = time.monotonic()
        with writable(path.parent), self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(path, _BUSY_SECONDS, check_same_thread=False)
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(f"PRAGMA synchronous={self.synchronous}")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS known (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID"
            )

    def get(self, key: str) -> bytes | None:
        """Return what was put under a key, or None."""
        with self._lock, self._translated():
            if key in self._waiting:
                return self._waiting[key]
            row = self._file.execute("SELECT value FROM known WHERE key = ?", (key,)).fetchone()
            return row[0] if row else None

    def has(self, key: str) -> bool:
        """Return whether something was put under a key, without reading it."""
        with self._lock, self._translated():
            query = "SELECT 1 FROM known WHERE key = ?"
            return key in self._waiting or self._file.execute(query, (key,)).fetchone() is not None

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key, in place of what was there."""
        with self._lock, self._translated():
            self._waiting[key] = value
            self._size += len(value)
            late = time.monotonic() - self._since > _SECONDS
            if len(self._waiting) >= self.batch or self._size > _BYTES or late:
                self._commit()

    def close(self) -> None:
        """Commit what waits, and close the file."""
        with self._lock, self._translated():
            self._commit()
            self._file.close()

    def _commit(self) -> None:
        with self._file:
            rows = list(self._waiting.items())
            self._file.executemany("INSERT OR REPLACE INTO known VALUES (?, ?)", rows)
        self._waiting, self._size = {}, 0
        self._since = time.monotonic()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            what, do = self.trouble
            raise OutputError(f"{what} ({error})", where=self.path, do=do) from error
