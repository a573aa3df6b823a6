"""A clip as a model hears it: which clips are sent at all, and as what.

A clip is sent whole or not at all, since a part of it would be another clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from builders.record.types import Finding

NOT_HEARD = "not_heard"
# Seconds; servers refuse what is shorter, and nobody hears anything in it.
SHORTEST = 0.1


def length_findings(seconds: float, longest: float | None) -> Iterator[Finding]:
    """Yield ``not_heard`` for a clip that no model is sent.

    Args:
        seconds: the length of the clip.
        longest: the longest clip that is sent, in seconds; None where none is sent anyhow.
    """
    if longest is not None and seconds > longest:
        detail = f"longer than the {longest:g} s that a model is sent: it did not hear the clip"
        yield Finding(NOT_HEARD, seconds, detail)
    elif longest is not None and seconds < SHORTEST:
        detail = f"shorter than {SHORTEST:g} s: no model heard the clip"
        yield Finding(NOT_HEARD, seconds, detail)


def as_wav(flac: bytes) -> bytes:
    """Return 16 kHz mono FLAC as 16-bit WAV, which every model that hears takes."""
    # Here, as drafting from text alone does without them.
    import soundfile

    from builders.audio.resampling import RATE

    pcm, _ = soundfile.read(BytesIO(flac), dtype="int16")
    wav = BytesIO()
    soundfile.write(wav, pcm, RATE, format="WAV", subtype="PCM_16")
    return wav.getvalue()
