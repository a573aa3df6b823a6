"""Optional checks of clips, each an extra: the list of checks, and opening them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.audio.asr import Transcriber
from builders.audio.dnsmos import QualityRater
from builders.audio.second_pitch import COMPARED, PitchOpinion, is_drawn
from builders.audio.vad import SpeechFinder

Run = Callable[[NDArray[np.int16]], Any]

_VERSIONS: dict[str, Callable[[str], str]] = {
    "vad": lambda _: SpeechFinder.version(),
    "dnsmos": lambda _: QualityRater.version(),
    "asr": Transcriber.version,
    "pitch": lambda _: PitchOpinion.version(),
}
_OPENED: dict[str, Callable[[int, str], Run]] = {
    "vad": lambda _, __: SpeechFinder().find,
    "dnsmos": lambda _, __: QualityRater().rate,
    "asr": lambda workers, language: Transcriber(workers, language).transcribe,
    "pitch": lambda _, __: PitchOpinion().compare,
}
# The slow checks only run on selected clips; the share of speech is about the whole corpus.
# So is the check of pitch, but of a few of its clips.
_OF_ALL = {"vad", "pitch"}
_OF_FEW = {"pitch": COMPARED}


@dataclass(frozen=True)
class ClipCheck:
    """A check of clips.

    `version` is part of the cache key of its results, `of_all` says whether clips that are
    not selected are checked too, `part` is the share of clips that are, chosen by the hash of their
    ids, and `run` takes 16-bit mono PCM at 16 kHz and returns JSON values.
    """

    name: str
    version: str
    of_all: bool
    run: Run
    part: float = 1.0

    def takes(self, name: str, selected: bool) -> bool:
        """Return whether the clip of an utterance is checked."""
        return (selected or self.of_all) and is_drawn(name, self.part)


def versions(names: Iterable[str], language: str = "en") -> dict[str, str]:
    """Return the version of each check of speech in a language (BCP 47).

    Raises ConfigError for one whose extra is missing.
    """
    return {name: _VERSIONS[name](language) for name in names}


def open_checks(
    names: Iterable[str], workers: int, language: str = "en", clips: int = 0
) -> tuple[ClipCheck, ...]:
    """Return checks that so many threads may run at once, of a corpus with so many clips.

    Raises ConfigError as `versions`.
    """
    return tuple(
        ClipCheck(
            name,
            version,
            name in _OF_ALL,
            _OPENED[name](workers, language),
            min(1.0, _OF_FEW.get(name, clips) / max(clips, 1)) if clips else 1.0,
        )
        for name, version in versions(names, language).items()
    )
