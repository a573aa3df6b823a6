"""Lines to be spoken, and their results: the same line is never paid for twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from builders.audio.decode import pcm_digest, read_bytes
from builders.audio.resampling import RATE
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.store.key_value import Kept, KeyValue

_FORMAT = f"flac {RATE}"


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """One text to be spoken in one style.

    `style` describes it in words, None for neutral; `number` distinguishes attempts at the same
    text, and is the seed if an engine takes one; `record_id` says what it is for and does not
    affect the sound.
    """

    text: str
    style: str | None
    number: int
    record_id: str

    def key(self, engine: str, voice: str) -> str:
        """Return the SHA-256 of everything that affects the sound, 64 hexadecimal digits."""
        said = {
            "engine": engine,
            "format": _FORMAT,
            "number": self.number,
            "style": self.style,
            "text": self.text,
            "voice": voice,
        }
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Unspoken:
    """A text that cannot be spoken: the reason that is counted, and a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Speech:
    """The speech of a line: FLAC, the SHA-256 of its PCM, and its number of samples."""

    flac: bytes
    sha256_pcm: str
    samples: int


def speech_of(flac: bytes) -> Speech:
    """Return the speech in a FLAC; raises ClipError if it has no audio."""
    pcm = read_bytes(flac, "the speech")
    return Speech(flac, pcm_digest(pcm), len(pcm))


def kept_speech(speech: Speech, file: str) -> Kept:
    """Return the store's entry for speech whose file has that digest."""
    return Kept(orjson.dumps({"sha256_pcm": speech.sha256_pcm, "samples": speech.samples}), file)


class Spoken:
    """The cache of speech, by key, for all builds of a store; committed before it is used.

    It may contain speech that was paid for: a kill only loses lines in progress.

    Args:
        store: has the file of each line, or why there is none, and its transcript.
        clips: the files; a missing one is spoken again.
    """

    def __init__(self, store: Store, clips: ClipFiles) -> None:
        self._values, self._clips = KeyValue(store), clips

    def take(self, key: str, record_id: str) -> Speech | Unspoken | None:
        """Return the cached speech, or why there can be none, or None if not cached."""
        kept = self._values.get("speech", key, record_id)
        if kept is None:
            return None
        known = orjson.loads(kept.value)
        if kept.file is None:
            return Unspoken(*known["refused"])
        flac = self._clips.get(kept.file)
        return Speech(flac, **known) if flac is not None else None

    def keep(self, key: str, flac: bytes, record_id: str) -> Speech:
        """Cache the speech of a line."""
        speech = speech_of(flac)
        kept = kept_speech(speech, self._clips.put(flac))
        self._values.put("speech", key, kept, record_id)
        self._values.commit()
        return speech

    def refuse(self, key: str, why: Unspoken, record_id: str) -> None:
        """Cache why a line cannot be spoken."""
        kept = Kept(orjson.dumps({"refused": [why.reason, why.detail]}))
        self._values.put("speech", key, kept, record_id)
        self._values.commit()

    def heard(self, key: str, record_id: str) -> str | None:
        """Return the cached transcript, or None."""
        kept = self._values.get("heard", key, record_id)
        return kept.value.decode() if kept else None

    def note(self, key: str, heard: str, record_id: str) -> None:
        """Cache a transcript; it costs only time, so it is committed with the next line."""
        self._values.put("heard", key, Kept(heard.encode()), record_id)

    def close(self) -> None:
        """Commit pending entries."""
        self._values.close()
