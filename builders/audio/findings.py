"""Quality flags of a clip, once it is measured and the baselines of its corpus are known.

Thresholds that are a matter of opinion are in ``label_maps/review/_clips.tsv``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from builders import resources
from builders.audio.asr import distance, spellings_version, spoken_words
from builders.audio.features import ENOUGH_VOICE, Measured
from builders.audio.second_pitch import is_off
from builders.labels.tables import TableRow, read_rows
from builders.record.types import Finding

# Speech over a telephone ends at 3.4 kHz, what was sampled at 8 kHz at 4 kHz.
NARROW = 4_500.0
# The findings that only a check can produce.
FINDINGS = {
    "little_speech": "vad",
    "poor_sound": "dnsmos",
    "text_audio_mismatch": "asr",
    "pitch_octave": "pitch",
}

_RULES = (
    *("little_speech", "poor_sound", "mismatch_words"),
    *("mismatch_letters", "mismatch_least", "mismatch_surplus"),
)


def findings_of(measured: Measured, normalised: float | None) -> Iterator[Finding]:
    """Yield the quality flags of a clip.

    Codes: voice_insufficient (seconds with a pitch), narrow_band (the highest frequency, in Hz) and
    levels_normalised (within how many dB nearly all clips of the corpus are).

    Args:
        measured: the measurements of the clip.
        normalised: `Baselines.normalised` of the corpus.
    """
    if not measured.enough:
        detail = f"less than {ENOUGH_VOICE} s of voiced speech: too little to describe the voice"
        yield Finding("voice_insufficient", measured.voiced, detail)
    if measured.bandwidth is not None and measured.bandwidth < NARROW:
        detail = "no sound above this frequency in Hz, as on a telephone line"
        yield Finding("narrow_band", measured.bandwidth, detail)
    if normalised is not None:
        detail = (
            "the levels of this corpus were normalised; loudness says nothing about the speaker"
        )
        yield Finding("levels_normalised", normalised, detail)


def checked_findings(checked: Mapping[str, Any], text: str) -> Iterator[Finding]:
    """Yield the quality flags from the requested checks of a clip.

    Codes: little_speech (its share), poor_sound (overall DNSMOS), text_audio_mismatch (word error
    rate) and pitch_octave (semitones between two measurements). No detail repeats words of the text
    or clip, since findings are published even where text is not.

    Args:
        checked: results by the name of the check.
        text: the transcript in the corpus.
    """
    rules = load_rules()
    if "vad" in checked and (share := checked["vad"]["share"]) < rules["little_speech"]:
        yield Finding("little_speech", share, "hardly any of the clip is speech")
    if "dnsmos" in checked and (rating := checked["dnsmos"]["overall"]) < rules["poor_sound"]:
        yield Finding("poor_sound", rating, "poor sound quality, as predicted by DNSMOS (1 to 5)")
    if "asr" in checked:
        yield from _mismatch(text, checked["asr"])
    if "pitch" in checked and is_off(checked["pitch"]):
        detail = "the measured pitch lies about an octave or more from pYIN's, in semitones"
        yield Finding("pitch_octave", checked["pitch"]["semitones"], detail)


def _mismatch(text: str, heard: str) -> Iterator[Finding]:
    rules, written, said = load_rules(), spoken_words(text), spoken_words(heard)
    off = distance(written, said)
    rate = off / max(1, len(written))
    if len(written) < rules["mismatch_least"]:
        differs = len(said) - len(written) >= rules["mismatch_surplus"]
    else:
        letters, sounds = "".join(written), "".join(said)
        differs = (
            rate >= rules["mismatch_words"]
            and distance(letters, sounds) / len(letters) >= rules["mismatch_letters"]
        )
    if differs:
        counts = f"{off} words differ from the {len(written)} written"
        detail = f"the clip seems to say something else: {counts}"
        yield Finding("text_audio_mismatch", round(rate, 3), detail)


def checks_version() -> str:
    """Return one version for the tables that the checks use."""
    return f"{sha256(_path().read_bytes()).hexdigest()[:12]}+{spellings_version()}"


def _path() -> Path:
    return resources.label_maps() / "review" / "_clips.tsv"


@cache
def load_rules() -> Mapping[str, float]:
    """Return the thresholds by rule; LabelError if the table is not valid."""
    rows = read_rows(_path(), ("rule", "value", "reason"), key=("rule",))
    found = {row.choice("rule", _RULES): _number(row) for row in rows}
    # A rule without a row never applies.
    never = {"little_speech": 0.0, "poor_sound": 0.0, "mismatch_least": 0.0}
    return {rule: never.get(rule, float("inf")) for rule in _RULES} | found


def _number(row: TableRow) -> float:
    try:
        return float(row.text("value"))
    except ValueError as error:
        raise row.error("value", "a number") from error
