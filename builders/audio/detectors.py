"""Optional checks of clips, each an extra: the list of checks, and opening them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.audio.asr import Transcriber
from builders.audio.dnsmos import QualityRater
from builders.audio.vad import SpeechFinder

Run = Callable[[NDArray[np.int16]], Any]

_VERSIONS: dict[str, Callable[[str], str]] = {
    "vad": lambda _: SpeechFinder.version(),
    "dnsmos": lambda _: QualityRater.version(),
    "asr": Transcriber.version,
}
_OPENED: dict[str, Callable[[int, str], Run]] = {
    "vad": lambda _, __: SpeechFinder().find,
    "dnsmos": lambda _, __: QualityRater().rate,
    "asr": lambda workers, language: Transcriber(workers, language).transcribe,
}
# The slow checks only run on selected clips; the share of speech is about the whole corpus.
_OF_ALL = {"vad"}


@dataclass(frozen=True)
class ClipCheck:
    """A check of clips.

    `version` is part of the cache key of its results, `of_all` says whether clips that are
    not selected are checked too, and `run` takes 16-bit mono PCM at 16 kHz and returns JSON values.
    """

    name: str
    version: str
    of_all: bool
    run: Run


def versions(names: Iterable[str], language: str = "en") -> dict[str, str]:
    """Return the version of each check of speech in a language (BCP 47).

    Raises ConfigError for one whose extra is missing.
    """
    return {name: _VERSIONS[name](language) for name in names}


def open_checks(names: Iterable[str], workers: int, language: str = "en") -> tuple[ClipCheck, ...]:
    """Return checks that so many threads may run at once; raises ConfigError as `versions`."""
    return tuple(
        ClipCheck(name, version, name in _OF_ALL, _OPENED[name](workers, language))
        for name, version in versions(names, language).items()
    )
