"""Importing the SQLite files that release 0.1 kept beside its store.

`speech.sqlite` contains synthetic speech, some of it paid for, and transcripts; `.voice.sqlite`
measurements of clips; `.clips.sqlite` in the folder of an unfinished build can be recomputed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import orjson
import sqlalchemy as sa

from builders.audio.clips import ClipError
from builders.errors import StoreError
from builders.record.folder import writable
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue, key_of
from builders.store.tables import requests
from builders.tts.request import kept_speech, speech_of

SPEECH, VALUES, CLIPS = "speech.sqlite", ".voice.sqlite", ".clips.sqlite"
TAKEN_IN = ".taken-in"

Take = Callable[[str, bytes], bool]


def take_in(store: Store, folder: Path, clips: ClipFiles) -> Iterator[str]:
    """Import the files beside a store; yield a line for each.

    Existing entries are kept, so a kill in the middle does no harm: the same call
    continues. A file is renamed once all of it is committed.

    Args:
        store: a store of the newest version.
        folder: the folder of the files: that of the store's file, or of all builds.
        clips: the folder for audio files.

    Raises:
        StoreError: a file is damaged, or another program uses it.
        OutputError: the audio cannot be written.
    """
    with closing(KeyValue(store)) as values:
        takers: dict[str, Take] = {
            SPEECH: _Speech(store, values, clips).take,
            VALUES: lambda key, value: _take_value(values, key, value),
        }
        for name, take in takers.items():
            path = folder / name
            if path.is_file():
                taken = _take_all(path, take)
                values.commit()
                now = _set_aside(path).name
                yield f"{path}: entries imported: {taken:,}; the file is now {now}"
    for left in folder.glob(f"*/{CLIPS}*"):
        with writable(folder):
            left.unlink()


def _take_all(path: Path, take: Take) -> int:
    """Import every entry of a file; return how many were usable."""
    with _translated(path), closing(sqlite3.connect(path, timeout=5)) as file:
        # No other process may write to it, and everything must be in this one file.
        file.execute("PRAGMA journal_mode=DELETE")
        return sum(take(*row) for row in file.execute("SELECT key, value FROM known ORDER BY key"))


def _set_aside(path: Path) -> Path:
    """Return a free name for an imported file."""
    names = (f"{path.name}{TAKEN_IN}{number or ''}" for number in count())
    free = next(name for name in names if not path.with_name(name).exists())
    with writable(path):
        return path.rename(path.with_name(free))


def _take_value(values: KeyValue, old: str, value: bytes) -> bool:
    """Import a measurement or check result of a clip.

    Old keys are the parts of today's, with a space between them.
    """
    found = orjson.loads(value)
    measured = isinstance(found, dict) and "sha256_pcm" in found
    key = key_of(old)
    if values.get("measured" if measured else "checked", key) is None:
        values.put("measured" if measured else "checked", key, Kept(value))
    return True


class _Speech:
    """Takes speech, refusals, and what was heard, with the record that the store has for each."""

    def __init__(self, store: Store, values: KeyValue, clips: ClipFiles) -> None:
        self._store, self._values, self._clips = store, values, clips

    def take(self, old: str, value: bytes) -> bool:
        """Import one entry; return whether it was usable."""
        what, key, *version = old.split(" ")
        record_id = self._record_of(key)
        if what == "heard":
            heard = key_of(key, *version)
            if self._values.get("heard", heard, record_id) is None:
                self._values.put("heard", heard, Kept(value), record_id)
            return True
        kept = self._values.get("speech", key, record_id)
        if kept and (kept.file is None or self._clips.get(kept.file) is not None):
            return True
        if what == "refused":
            self._values.put(
                "speech", key, Kept(orjson.dumps({"refused": orjson.loads(value)})), record_id
            )
            return True
        return self._take_sound(key, value, record_id)

    def _take_sound(self, key: str, flac: bytes, record_id: str | None) -> bool:
        try:
            speech = speech_of(flac)
        except ClipError:  # damaged on disk; it is spoken again
            return False
        self._values.put("speech", key, kept_speech(speech, self._clips.put(flac)), record_id)
        return True

    def _record_of(self, key: str) -> str | None:
        query = sa.select(requests.c.record_id).where(requests.c.key == key)
        with self._store.translated(), self._store.engine.connect() as connection:
            return connection.scalar(query)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, orjson.JSONDecodeError) as error:
        raise StoreError(
            f"the files of release 0.1 cannot be read ({error})",
            where=path,
            do="stop the builds that use it, or restore it from a copy, and run the same command "
            "again; what was imported is kept",
        ) from error
