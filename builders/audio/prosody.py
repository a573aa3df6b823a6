"""Prosody description: a voice compared with its baseline, as descriptors and in words.

The words are in ``prompts/voice/words.tsv``. They describe and do not interpret.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from builders import resources
from builders.audio.features import VERSION, Measured
from builders.audio.speaker_baseline import Baselines, values_of
from builders.audio.voice_levels import COMPARED, LEVELS, level_of
from builders.errors import LabelError
from builders.labels.tables import read_rows
from builders.record.types import Utterance, Voice
from builders.record.views import VoiceDescriptor

_REFERENCES = ("speaker", "group", "corpus")
_NOTHING = ("all", "usual")
_UNITS = {
    "pitch_level": "semitones above the reference",
    "pitch_movement": "semitones",
    "loudness": "dB of full scale",
    "speaking_rate": "syllables per second",
    "pause_share": "share",
    "harmonics_to_noise": "dB",
    "spectral_tilt": "dB",
    "jitter": "per cent of a period",
    "shimmer": "dB",
}
_ALSO = {
    "pitch_range": ("span", "semitones"),
    "pauses": ("pauses", "count"),
    "longest_pause": ("longest", "seconds"),
    "voiced": ("voiced", "seconds"),
    "speech_share": ("share", "share"),
}


def describe(utterance: Utterance, measured: Measured, baselines: Baselines) -> Voice:
    """Return how an utterance was said compared with its baseline; None if unknown."""
    if not measured.enough:
        return Voice(_descriptors(measured, {}, {}), "none", None, reliable=False)
    against = baselines.against(utterance, measured)
    values, means, spreads = (
        dict(zip(COMPARED, of.tolist(), strict=True))
        for of in (values_of(utterance, measured), against.means, against.spreads)
    )
    scores = {name: (values[name] - means[name]) / spreads[name] for name in COMPARED}
    values["pitch_level"] -= means["pitch_level"]
    words = in_words(against.level, scores)
    descriptors = _descriptors(measured, values, scores)
    return Voice(descriptors, against.level, words, reliable=words is not None)


def in_words(reference: str, scores: Mapping[str, float]) -> str | None:
    """Return the prosody description for prompts, from each descriptor's z; NaN is skipped."""
    table = load_words()
    if reference == "none" or all(math.isnan(score) for score in scores.values()):
        return None
    said = [table.get((name, level_of(score)), "") for name, score in scores.items()]
    words = ", ".join(filter(None, said)) or table[_NOTHING]
    return f"{words} ({table['reference', reference]})"


@cache
def version() -> str:
    """Return one version for measuring and describing voices."""
    digest = sha256(_path().read_bytes()).hexdigest()[:12]
    return f"voice {VERSION}+{digest}"


def _descriptors(
    measured: Measured, values: Mapping[str, float], scores: Mapping[str, float]
) -> list[VoiceDescriptor]:
    hertz = None if measured.pitch is None or not measured.enough else 2 ** (measured.pitch / 12)
    found: list[tuple[str, float | None, str, float | None]] = [
        ("pitch", hertz, "Hz", None),
        *((n, values.get(n), unit, scores.get(n)) for n, unit in _UNITS.items()),
    ]
    for name, (attribute, unit) in _ALSO.items():
        known = measured.enough or attribute in ("voiced", "share")
        found.append((name, getattr(measured, attribute) if known else None, unit, None))
    return [
        {"name": name, "value": _rounded(value), "unit": unit, "z": _rounded(z)}
        for name, value, unit, z in found
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(float(value), 3)


def _path() -> Path:
    return resources.prompts() / "voice" / "words.tsv"


@cache
def load_words() -> Mapping[tuple[str, str], str]:
    """Return the words by descriptor and level; descriptors without a row are measured only.

    Raises LabelError for a wrong table.
    """
    table: dict[tuple[str, str], str] = {}
    for row in read_rows(_path(), ("descriptor", "level", "words"), key=("descriptor", "level")):
        name = row.choice("descriptor", ("reference", "all", *COMPARED))
        levels = {"reference": _REFERENCES, "all": ("usual",)}.get(name, LEVELS)
        key = name, row.choice("level", levels)
        table[key] = row.text("words")
    for key in (*(("reference", level) for level in _REFERENCES), _NOTHING):
        if key not in table:
            raise LabelError(
                f"no row for {key[0]} {key[1]}", where=_path(), do="add it, tab-separated"
            )
    return table
