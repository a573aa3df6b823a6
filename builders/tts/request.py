"""What is to be said, and what came of it: the same line is never paid for twice."""

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
    """One text to be said in one way.

    `style` is how, in words, or None for plainly; `number` tells tries at the same text apart, and
    is the seed where an engine takes one; `record_id` says what it is for and changes nothing.
    """

    text: str
    style: str | None
    number: int
    record_id: str

    def key(self, engine: str, voice: str) -> str:
        """Return the SHA-256 of all that can change the sound, 64 hexadecimal digits."""
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
    """There is no use in speaking a text: the reason that is counted, and a sentence."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Speech:
    """What was made of a line: FLAC, the SHA-256 of its PCM, and how many samples it has."""

    flac: bytes
    sha256_pcm: str
    samples: int


def speech_of(flac: bytes) -> Speech:
    """Return what a FLAC holds; raises ClipError where it holds no sound."""
    pcm = read_bytes(flac, "the speech")
    return Speech(flac, pcm_digest(pcm), len(pcm))


def kept_speech(speech: Speech, file: str) -> Kept:
    """Return how the store keeps speech whose file has that digest."""
    return Kept(orjson.dumps({"sha256_pcm": speech.sha256_pcm, "samples": speech.samples}), file)


class Spoken:
    """What was spoken, by key, for all builds of a store; committed before it counts.

    It holds what was paid for: a kill loses what is in flight.

    Args:
        store: knows the file of each line, or why there is none, and what was heard in it.
        clips: the files; one that is missing is spoken again.
    """

    def __init__(self, store: Store, clips: ClipFiles) -> None:
        self._values, self._clips = KeyValue(store), clips

    def take(self, key: str, record_id: str) -> Speech | Unspoken | None:
        """Return the speech that is held, or why there is none to be had, or None."""
        kept = self._values.get("speech", key, record_id)
        if kept is None:
            return None
        known = orjson.loads(kept.value)
        if kept.file is None:
            return Unspoken(*known["refused"])
        flac = self._clips.get(kept.file)
        return Speech(flac, **known) if flac is not None else None

    def keep(self, key: str, flac: bytes, record_id: str) -> Speech:
        """Hold what was made of a line."""
        speech = speech_of(flac)
        kept = kept_speech(speech, self._clips.put(flac))
        self._values.put("speech", key, kept, record_id)
        self._values.commit()
        return speech

    def refuse(self, key: str, why: Unspoken, record_id: str) -> None:
        """Hold why there is no use in a line."""
        kept = Kept(orjson.dumps({"refused": [why.reason, why.detail]}))
        self._values.put("speech", key, kept, record_id)
        self._values.commit()

    def heard(self, key: str, record_id: str) -> str | None:
        """Return what recognition heard, or None where it has not listened yet."""
        kept = self._values.get("heard", key, record_id)
        return kept.value.decode() if kept else None

    def note(self, key: str, heard: str, record_id: str) -> None:
        """Hold what recognition heard; it costs only time, and is committed with the next line."""
        self._values.put("heard", key, Kept(heard.encode()), record_id)

    def close(self) -> None:
        """Commit what waits."""
        self._values.close()
