"""What is to be said, and what came of it: the same line is never paid for twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import orjson

from builders.audio.memory import SideFile
from builders.audio.resampling import RATE

_FORMAT = f"flac {RATE}"


@dataclass(frozen=True, slots=True)
class Line:
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


class Spoken(SideFile):
    """What was spoken, by key, in a file that all builds share; committed before it counts.

    A kill loses what is in flight. It holds what was paid for, so nothing of ours removes it.
    """

    batch = 1
    synchronous = "FULL"
    trouble = (
        "what was spoken cannot be kept",
        "free space there, or access to it; what is committed is kept",
    )

    def take(self, key: str) -> bytes | Unspoken | None:
        """Return the FLAC that is held, or why there is none to be had, or None."""
        flac = self.get(f"flac {key}")
        if flac is not None:
            return flac
        refused = self.get(f"refused {key}")
        return Unspoken(*orjson.loads(refused)) if refused is not None else None

    def note(self, key: str, value: bytes) -> None:
        """Hold what costs only time, committed with the next line that is kept."""
        with self._lock:
            self._waiting[key] = value

    def keep(self, key: str, what: bytes | Unspoken) -> None:
        """Hold what came of a line."""
        if isinstance(what, Unspoken):
            self.put(f"refused {key}", orjson.dumps([what.reason, what.detail]))
        else:
            self.put(f"flac {key}", what)
