"""What a speech endpoint understands, and the sound in its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from builders.audio.clips import ClipError
from builders.audio.decode import as_flac, read_bytes
from builders.audio.resampling import Resampler
from builders.tts.request import Line

# In this order they are asked for; all are without loss, and `pcm` has no header to tell its rate.
FORMATS = ("wav", "flac", "pcm")
_PCM_RATE = 24_000
_LONGEST = 900.0
# A WAV whose length was not known when it was begun says so with a number of this size.
_UNKNOWN_LENGTH = 0x7FFF0000


@dataclass(frozen=True, slots=True)
class Understanding:
    """What one endpoint understands: the format asked for, and whether it takes instructions."""

    format: str = FORMATS[0]
    styled: bool = True

    def dumps(self) -> str:
        """Return it as text to be remembered."""
        return orjson.dumps({"format": self.format, "styled": self.styled}).decode()

    @classmethod
    def loads(cls, text: str) -> Understanding:
        """Return what `dumps` wrote."""
        return cls(**orjson.loads(text))

    def adapted(self, complaint: str, with_style: bool) -> Understanding | None:
        """Return what is left when a complaint refuses a field of a request, or None.

        Args:
            complaint: what the endpoint said.
            with_style: whether the request had instructions.
        """
        said = complaint.lower()
        if with_style and self.styled and "instruction" in said:
            return replace(self, styled=False)
        at = FORMATS.index(self.format) + 1
        if ("response_format" in said or self.format in said) and at < len(FORMATS):
            return replace(self, format=FORMATS[at])
        return None


def body(line: Line, model: str, voice: str, understood: Understanding) -> dict[str, Any]:
    """Return the body of a speech request."""
    asked = {
        "model": model,
        "voice": voice,
        "input": line.text,
        "response_format": understood.format,
    }
    if line.style and understood.styled:
        asked["instructions"] = line.style
    return asked


def flac_of(content: bytes, understood: Understanding) -> bytes:
    """Return the sound of an answer as 16 kHz mono FLAC.

    Raises:
        ClipError: it holds no sound, or a broken one.
    """
    # Some servers answer in the format they like; most say which in their first bytes.
    if understood.format == "pcm" and content[:4] not in (b"RIFF", b"fLaC", b"OggS"):
        pcm = _raw(content)
    else:
        pcm = read_bytes(_with_length(content), "the speech")
    if not np.any(pcm):
        raise ClipError("clip_silent", "the speech has no sound in it")
    return as_flac(pcm)


def _raw(content: bytes) -> np.ndarray:
    if content[:1] in (b"{", b"<"):
        raise ClipError("clip_unreadable", "the speech is a text")
    samples = np.frombuffer(content[: len(content) // 2 * 2], "<i2")
    resampler = Resampler(_PCM_RATE, _LONGEST, "the speech")
    resampler.add((samples / np.float32(32768)).astype(np.float32))
    return resampler.pcm()


def _with_length(content: bytes) -> bytes:
    """Return a WAV that says how long it is; a streamed one does not."""
    at = content.find(b"data", 12, 4096)
    if content[:4] != b"RIFF" or at < 0:
        return content
    if int.from_bytes(content[at + 4 : at + 8], "little") < _UNKNOWN_LENGTH:
        return content
    length, whole = len(content) - at - 8, len(content) - 8
    head = content[:4] + whole.to_bytes(4, "little") + content[8 : at + 4]
    return head + length.to_bytes(4, "little") + content[at + 8 :]
