"""Drawings of a few voices: the waveform and pitch of a clip, for the template."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import soundfile
from numpy.typing import NDArray

from builders.audio.mel import draw_mel
from builders.audio.pitch import CEILING, FLOOR, HOP, Floats, track
from builders.errors import VerificationError
from builders.record.data_file import DataFile
from builders.record.views import SampleRecord, VoicePart

WIDTH, WAVE, PITCH = 600, 80, 100
# Frequencies of the grid lines, in Hz: octaves.
LINES = (100, 200, 400)
_COLUMNS = 300
_GAP_SEMITONES = 4.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A clip drawn in `WIDTH` by `WAVE` and `PITCH` units.

    `wave` is the outline of the waveform as an SVG path; `pitch` are the points of each stretch of
    voice, as an SVG polyline takes them; `lines` are (Hz, height); `marks` (name, value, unit, z);
    `mel` is the mel spectrogram as SVG in base64.
    """

    id: str
    text: str
    language: str
    emotion: str
    words: str | None
    caption: str | None
    reference: str
    seconds: float
    wave: str
    pitch: list[str]
    lines: list[tuple[int, float]]
    marks: list[tuple[str, float, str, float | None]]
    mel: str | None = None


def drawings(
    paths: Sequence[Path], examples: Sequence[SampleRecord], with_mel: bool = False
) -> list[Drawing]:
    """Return a drawing for each example that has a voice; only their audio is read.

    Raises:
        VerificationError: a file cannot be read.
    """
    wanted = {row["id"]: (row, voice) for row in examples if (voice := row["voice"]) is not None}
    if not wanted:
        return []
    sounds: dict[str, tuple[Floats, int]] = {}
    for path in paths:
        sounds |= _sounds(path, set(wanted))
    return [_drawing(*wanted[name], sounds[name], with_mel) for name in wanted if name in sounds]


def _sounds(path: Path, wanted: set[str]) -> dict[str, tuple[Floats, int]]:
    with DataFile(path) as file:
        table = file.group(0, ["id", "audio.bytes"])
    try:
        rows = table.filter(pc.is_in(table["id"], pa.array(sorted(wanted)))).to_pylist()
        return {
            row["id"]: soundfile.read(BytesIO(row["audio"]["bytes"]), dtype="float32")
            for row in rows
            if row["audio"]
        }
    except soundfile.SoundFileError as error:
        raise VerificationError(
            f"the audio of {path.name} cannot be read ({error})",
            where=path.parent,
            do="restore the file, or build it again; cached responses are kept",
        ) from error


def _drawing(
    row: SampleRecord, voice: VoicePart, sound: tuple[Floats, int], with_mel: bool
) -> Drawing:
    samples, rate = sound
    marks = [
        (d["name"].replace("_", " "), d["value"], d["unit"], d["z"])
        for d in voice["descriptors"]
        if d["value"] is not None
    ]
    return Drawing(
        id=row["id"],
        text=row["target_utterance"]["text"],
        language=row["language"],
        emotion=row["target_utterance"]["emotions"]["primary"],
        words=voice["words"],
        caption=voice["caption"],
        reference=voice["reference"],
        seconds=len(samples) / rate,
        wave=_outline(samples),
        pitch=_stretches(samples, rate),
        lines=[(hertz, _height(np.float64(hertz))) for hertz in LINES],
        marks=marks,
        mel=b64encode(draw_mel(samples, rate).encode()).decode() if with_mel else None,
    )


def _outline(samples: Floats) -> str:
    """Return the highest and lowest sample of each column as one closed path."""
    pieces = np.array_split(samples, min(_COLUMNS, len(samples)))
    across = np.linspace(0, WIDTH, len(pieces))
    top = [float(piece.max()) for piece in pieces]
    bottom = [float(piece.min()) for piece in pieces]
    upper = [f"{x:.1f} {_level(y):.1f}" for x, y in zip(across, top, strict=True)]
    lower = [f"{x:.1f} {_level(y):.1f}" for x, y in zip(across, bottom, strict=True)]
    return f"M{' L'.join([*upper, *reversed(lower)])}Z"


def _level(sample: float) -> float:
    return WAVE / 2 * (1 - sample)


def _stretches(samples: Floats, rate: int) -> list[str]:
    found = track(samples, rate)
    at = np.flatnonzero(found.voiced)
    if not len(at):
        return []
    jumps = np.abs(12 * np.diff(np.log2(found.hertz[at])))
    breaks = np.flatnonzero((np.diff(at) > 1) | (jumps > _GAP_SEMITONES)) + 1
    across = WIDTH * HOP * rate / len(samples)
    return [
        " ".join(f"{n * across:.1f},{_height(found.hertz[n]):.1f}" for n in stretch)
        for stretch in np.split(at, breaks)
        if len(stretch) > 1
    ]


def _height(hertz: np.floating | NDArray[np.floating]) -> float:
    """Return how far down a frequency is drawn, on a scale of octaves."""
    return float(PITCH * (1 - np.log2(hertz / FLOOR) / np.log2(CEILING / FLOOR)))
