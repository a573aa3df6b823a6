"""Checking: what is odd about a clip, once it is measured and its corpus is known."""

from __future__ import annotations

from collections.abc import Iterator

from builders.records import Finding
from builders.voice.measure import ENOUGH_VOICE, Measured

# Speech over a telephone ends at 3.4 kHz, what was sampled at 8 kHz at 4 kHz.
NARROW = 4_500.0


def findings_of(measured: Measured, normalised: float | None) -> Iterator[Finding]:
    """Yield what is odd about a clip.

    Codes: voice_insufficient (seconds with a pitch), narrow_band (the highest frequency, in Hz) and
    levels_normalised (within how many dB nearly all clips of the corpus are).

    Args:
        measured: of the clip.
        normalised: as `Baselines.normalised` says it of the corpus.
    """
    if not measured.enough:
        detail = f"less than {ENOUGH_VOICE} s of voice: too little to say something of it"
        yield Finding("voice_insufficient", measured.voiced, detail)
    if measured.bandwidth is not None and measured.bandwidth < NARROW:
        detail = "no sound above this frequency in Hz, as over a telephone"
        yield Finding("narrow_band", measured.bandwidth, detail)
    if normalised is not None:
        detail = "the levels of this corpus were made alike; its loudness tells nothing"
        yield Finding("levels_normalised", normalised, detail)
