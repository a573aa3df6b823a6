"""Baselines: the usual voice of a speaker, of the speakers of a sex, and of a corpus.

A pass over the whole corpus, before any draft and independent of the selection, adds up all
measurements. A clip's own values are left out of its baseline. Means and
spreads of a speaker with few clips are drawn towards those of the group, the group's towards the
corpus's.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from builders.audio.features import Measured
from builders.audio.voice_levels import COMPARED
from builders.record.types import Utterance

Level = Literal["speaker", "group", "corpus", "none"]
Values = NDArray[np.float64]
# Between speakers, loudness reflects microphones and distance, not voices.
_ALONE = np.array([name == "loudness" for name in COMPARED])
# How many clips a wider group counts for at most, beside those of a speaker or a narrower one.
_WEIGHT = 10
# What makes a reference: so many clips, or so many seconds of voice.
_CLIPS, _SECONDS = 10, 30.0
# Decibels that the middle 80 % of the clips lie within where levels were normalised.
_PEAKS_WITHIN, _LEVELS_WITHIN = 1.0, 1.5
_BIN = 0.25

_VOWELS = re.compile(r"[aeiouy]+")
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(slots=True)
class _Sums:
    """Count, sum and sum of squares of each value, and clips and seconds of voice in all."""

    counts: Values = field(default_factory=lambda: np.zeros(len(COMPARED)))
    sums: Values = field(default_factory=lambda: np.zeros(len(COMPARED)))
    squares: Values = field(default_factory=lambda: np.zeros(len(COMPARED)))
    clips: int = 0
    voiced: float = 0.0

    def add(self, values: Values, voiced: float, sign: int = 1) -> None:
        known = np.nan_to_num(values)
        self.counts += sign * ~np.isnan(values)
        self.sums += sign * known
        self.squares += sign * known**2
        self.clips += sign
        self.voiced += sign * voiced

    def without(self, values: Values, voiced: float) -> _Sums:
        rest = _Sums(
            self.counts.copy(), self.sums.copy(), self.squares.copy(), self.clips, self.voiced
        )
        rest.add(values, voiced, -1)
        return rest

    @property
    def document(self) -> dict[str, object]:
        return {
            "counts": self.counts.tolist(),
            "sums": self.sums.round(6).tolist(),
            "squares": self.squares.round(6).tolist(),
            "clips": self.clips,
            "voiced": round(self.voiced, 6),
        }

    @property
    def suffices(self) -> bool:
        return self.clips >= _CLIPS or self.voiced >= _SECONDS

    @property
    def moments(self) -> tuple[Values, Values]:
        """Return means and variances."""
        own = np.maximum(self.counts, 1)
        mean = self.sums / own
        return mean, np.maximum(0, self.squares / own - mean**2)

    @property
    def scatter(self) -> tuple[Values, Values]:
        """Return the sums of squares about the means, and the degrees of freedom in them."""
        return self.moments[1] * self.counts, np.maximum(self.counts - 1, 0)


@dataclass(frozen=True, slots=True)
class Against:
    """The baseline of a clip: whose voices, and the mean and spread of each value."""

    level: Level
    means: Values
    spreads: Values


class Baselines:
    """Sums of the measurements of a corpus, by speaker, by sex and overall."""

    def __init__(self) -> None:
        self._sums: dict[str, _Sums] = {}
        self._members: dict[str, set[str]] = {}
        self._pooled: dict[str, tuple[Values, Values]] = {}
        self._peaks: Counter[int] = Counter()
        self._levels: Counter[int] = Counter()
        self.insufficient = 0

    @property
    def clips(self) -> int:
        """Return how many clips were added up."""
        return self._of("corpus").clips

    def add(self, utterance: Utterance, measured: Measured) -> None:
        """Add a clip; one with too little voiced speech is only counted."""
        if not measured.enough:
            self.insufficient += 1
            return
        values = values_of(utterance, measured)
        wider = "corpus"
        self._sums.setdefault(wider, _Sums()).add(values, measured.voiced)
        for name in _narrower(utterance):
            self._sums.setdefault(name, _Sums()).add(values, measured.voiced)
            self._members.setdefault(wider, set()).add(name)
            wider = name
        self._pooled.clear()
        for bins, level in ((self._peaks, measured.peak), (self._levels, measured.level)):
            if level is not None:
                bins[round(level / _BIN)] += 1

    def against(self, utterance: Utterance, measured: Measured) -> Against:
        """Return the baseline for a clip with enough voiced speech, without the clip itself."""
        own = values_of(utterance, measured), measured.voiced
        corpus = self._of("corpus").without(*own)
        floors = np.array([*COMPARED.values()])
        if not corpus.suffices:
            return Against("none", np.full(len(COMPARED), np.nan), floors)
        level: Level = "corpus"
        means, variances = corpus.moments
        wider = "corpus"
        for name in _narrower(utterance):
            rest = self._of(name).without(*own)
            means, variances = self._drawn(rest, means, self._spread(name, wider, own))
            if rest.suffices:
                level = "group" if name.startswith("group") else "speaker"
            wider = name
        if level != "speaker" or self.normalised is not None:
            means = np.where(_ALONE, np.nan, means)
        return Against(level, means, np.maximum(np.sqrt(variances), floors))

    def _drawn(
        self, narrow: _Sums, means: Values, spread: tuple[Values, Values]
    ) -> tuple[Values, Values]:
        """Return the means and variances of a speaker (or sex), drawn towards those of others.

        The less speakers differ beside how much each of them varies, the more clips it takes to
        believe that one does. Where little is known of one, the variance between them is part of
        what must be expected.
        """
        within, between = spread
        count = narrow.counts
        needed = np.clip(within / np.maximum(between, 1e-9), 0, _WEIGHT)
        weight = np.where(_ALONE, count > 0, count / np.maximum(count + needed, 1e-9))
        own, variance = narrow.moments
        kept = count / (count + _WEIGHT)
        mean = weight * own + (1 - weight) * means
        return mean, kept * variance + (1 - kept) * within + (1 - weight) * between

    def _spread(self, name: str, wider: str, own: tuple[Values, float]) -> tuple[Values, Values]:
        """Return the variance within the others of a wider group, and that between them."""
        if wider not in self._pooled:
            members = [self._of(member) for member in sorted(self._members.get(wider, ()))]
            squares = sum((m.scatter[0] for m in members), np.zeros(len(COMPARED)))
            free = sum((m.scatter[1] for m in members), np.zeros(len(COMPARED)))
            self._pooled[wider] = squares, free
        squares, free = (
            a - b for a, b in zip(self._pooled[wider], self._of(name).scatter, strict=True)
        )
        total = self._of(wider).without(*own).moments[1]
        rest = self._of(name).without(*own)
        # Where no other tells how much one varies, this one does, if it is known well enough.
        alone = np.where(rest.counts >= _CLIPS, rest.moments[1], total)
        within = np.where(free >= _CLIPS, squares / np.maximum(free, 1), alone)
        return np.minimum(within, total), np.maximum(total - within, 0)

    @property
    def normalised(self) -> float | None:
        """Return the range in dB of nearly all clips if levels were normalised, else None."""
        if self.clips < _CLIPS:
            return None
        peaks, levels = _middle(self._peaks), _middle(self._levels)
        if peaks <= _PEAKS_WITHIN:
            return peaks
        return levels if levels <= _LEVELS_WITHIN else None

    @property
    def document(self) -> dict[str, object]:
        """Return all of it as a JSON value; peaks and levels count bins of `_BIN` dB."""
        return {
            "compared": list(COMPARED),
            "sums": {name: one.document for name, one in self._sums.items()},
            "peaks": sorted(self._peaks.items()),
            "levels": sorted(self._levels.items()),
            "too_little_voice": self.insufficient,
        }

    def _of(self, name: str) -> _Sums:
        return self._sums.get(name, _Sums())


def values_of(utterance: Utterance, measured: Measured) -> Values:
    """Return what is compared, in the order of `COMPARED`; NaN is what could not be measured."""
    syllables = count_syllables(utterance.text)
    rate = syllables / measured.speech if syllables and measured.speech > 0 else None
    paused = None
    if measured.paused is not None:
        paused = measured.paused / (measured.speech + measured.paused)
    found = {
        "pitch_level": measured.pitch,
        "pitch_movement": measured.movement,
        "loudness": measured.level,
        "speaking_rate": rate,
        "pause_share": paused,
        "harmonics_to_noise": measured.harmonics,
        "spectral_tilt": measured.tilt,
        "jitter": measured.jitter,
        "shimmer": measured.shimmer,
    }
    return np.array([found[name] for name in COMPARED], np.float64)


def count_syllables(text: str) -> int:
    """Return how many syllables a text has, by its groups of vowels; 0 for what has no letters.

    Good enough to compare one clip of a corpus with another, in Latin letters.
    """
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return sum(_syllables(word) for word in _WORDS.findall(plain))


def _syllables(word: str) -> int:
    groups = len(_VOWELS.findall(word))
    if groups > 1 and word.endswith("e") and not word.endswith(("le", "ee", "ye")):
        groups -= 1
    return max(1, groups)


def _narrower(utterance: Utterance) -> list[str]:
    """Return what a clip counts for inside its corpus, each narrower than the one before."""
    names = [f"group {utterance.sex}"] if utterance.sex else []
    return [*names, f"speaker {utterance.speaker}"] if utterance.speaker else names


def _middle(bins: Counter[int]) -> float:
    """Return within how many dB the middle 80 % lie."""
    total, below = bins.total(), 0
    inside = []
    for at in sorted(bins):
        if below + bins[at] > 0.1 * total and below < 0.9 * total:
            inside.append(at)
        below += bins[at]
    return (inside[-1] - inside[0]) * _BIN if inside else 0.0
