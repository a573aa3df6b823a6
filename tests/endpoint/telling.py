"""What the test endpoint knows of the items that models qualify by: lines, and pairs of sounds."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

LINES = Path(__file__).parents[2] / "prompts" / "qualification" / "en.tsv"
_ASKED = re.compile(r'^The last line, by [^\n]*?: "(.*)"$', re.MULTILINE)
_RATE, _PAUSE = 16000, 0.5


@cache
def lines() -> dict[str, str]:
    """Return the lines that readers qualify by, each with what its words tell."""
    rows = (row for row in LINES.read_text().splitlines() if not row.startswith("#"))
    reader = csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {row["line"]: row["emotion"] for row in reader}


def told_by_words(schema: dict[str, Any], body: dict[str, Any]) -> dict[str, str] | None:
    """Return the right vote on a line that readers qualify by; None for any other request."""
    if schema.get("properties", {}).keys() != {"emotion"}:
        return None
    asked = _ASKED.search(str(body["messages"][-1]["content"]))
    emotion = lines().get(asked[1]) if asked else None
    return {"emotion": emotion} if emotion else None


def compared(pcm: bytes) -> dict[str, str]:
    """Return which of two sounds in a clip, with a pause between them, is higher and faster."""
    import numpy as np

    wave = np.frombuffer(pcm, dtype="<i2").astype(float)
    half = (len(wave) - int(_PAUSE * _RATE)) // 2
    first, second = wave[:half], wave[-half:]
    higher = "first" if _period(first) < _period(second) else "second"
    faster = "first" if _humps(first) > _humps(second) else "second"
    return {"higher": higher, "faster": faster}


def _period(wave: Any) -> int:
    """Return after how many samples a sound repeats itself, from 50 to 500 Hz."""
    import numpy as np

    spectrum = np.abs(np.fft.rfft(wave, 2 * len(wave))) ** 2
    alike = np.fft.irfft(spectrum)
    shortest, longest = _RATE // 500, _RATE // 50
    near = alike[shortest:longest]
    # The first of the high places: the sound repeats after twice the time, too.
    return shortest + int(np.argmax(near > 0.9 * near.max()))


def _humps(wave: Any) -> float:
    """Return how fast the loudness of a sound comes and goes, in Hz."""
    import numpy as np

    loud = np.abs(wave)
    loud = loud - loud.mean()
    spectrum = np.abs(np.fft.rfft(loud, 8 * len(loud)))
    step = _RATE / (8 * len(loud))
    low, high = int(1 / step), int(10 / step)
    return float((low + int(np.argmax(spectrum[low:high]))) * step)
