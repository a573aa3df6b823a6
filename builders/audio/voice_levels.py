"""The compared values of a voice, and the levels of a difference; tables must match them."""

from __future__ import annotations

import math

# The compared values, with the smallest audible spread.
COMPARED = {
    "pitch_level": 0.5,
    "pitch_movement": 0.3,
    "loudness": 1.0,
    "speaking_rate": 0.3,
    "pause_share": 0.05,
    "harmonics_to_noise": 1.0,
    "spectral_tilt": 1.0,
    "jitter": 0.2,
    "shimmer": 0.1,
}

# Thresholds of a difference and a large one, in standard deviations: half of all clips are average,
# a tenth of them on either side much higher or lower.
HIGHER, MUCH_HIGHER = 0.67, 1.28

LEVELS = ("much_lower", "lower", "usual", "higher", "much_higher")


def level_of(score: float) -> str:
    """Return the word of `LEVELS` that a z stands for; an empty string for NaN."""
    if math.isnan(score):
        return ""
    size = (abs(score) >= HIGHER) + (abs(score) >= MUCH_HIGHER)
    return LEVELS[2 + (size if score > 0 else -size)]
