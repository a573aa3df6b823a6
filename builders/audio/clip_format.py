"""Clips for audio models: which clips are sent, and in which format.

A clip is sent completely or not at all, since a part of it would be another clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from builders.record.types import Finding

NOT_HEARD = "not_heard"
# Seconds; servers reject shorter clips, which are inaudible anyway.
SHORTEST = 0.1


def length_findings(seconds: float, longest: float | None) -> Iterator[Finding]:
    """Yield ``not_heard`` for a clip that is not sent to the model.

    Args:
        seconds: the length of the clip.
        longest: the longest clip that is sent, in seconds; None if no clips are sent.
    """
    if longest is not None and seconds > longest:
        detail = f"longer than the limit of {longest:g} s: the clip was not sent to the model"
        yield Finding(NOT_HEARD, seconds, detail)
    elif longest is not None and seconds < SHORTEST:
        detail = f"shorter than {SHORTEST:g} s: the clip was not sent to any model"
        yield Finding(NOT_HEARD, seconds, detail)


def as_wav(flac: bytes) -> bytes:
    """Return 16 kHz mono FLAC as 16-bit WAV, which all audio models accept."""
    # Here, as drafting from text alone does without them.
    import soundfile

    from builders.audio.resampling import RATE

    pcm, _ = soundfile.read(BytesIO(flac), dtype="int16")
    wav = BytesIO()
    soundfile.write(wav, pcm, RATE, format="WAV", subtype="PCM_16")
    return wav.getvalue()
