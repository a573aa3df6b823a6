"""Optional checks of clips, each an extra: the list of checks, and opening them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.audio.asr import Transcriber, recognises, same_language
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
# The others are about sound, whatever the language.
_OF_WORDS = {"asr"}


@dataclass(frozen=True)
class ClipCheck:
    """A check of clips.

    `version` is part of the cache key of its results, `of_all` says whether clips that are
    not selected are checked too, and `run` takes 16-bit mono PCM at 16 kHz and returns JSON values.
    `elsewhere` has the check of utterances in other languages than the corpus's, by language, and
    None for a language that cannot be checked. `part` is the share of clips that are checked (0 to
    1), chosen by the hash of their ids.
    """

    name: str
    version: str
    of_all: bool
    run: Run
    elsewhere: Mapping[str, ClipCheck | None] = field(default_factory=dict)
    part: float = 1.0

    def takes(self, name: str, selected: bool) -> bool:
        """Return whether the clip of an utterance is checked."""
        return (selected or self.of_all) and is_drawn(name, self.part)

    def spoken_in(self, language: str | None) -> ClipCheck | None:
        """Return the check of an utterance in its own language, None if there is none.

        The language (BCP 47) is None where an utterance has that of its corpus.
        """
        return self.elsewhere.get(language, self) if language else self


def versions(names: Iterable[str], language: str = "en") -> dict[str, str]:
    """Return the version of each check of speech in a language (BCP 47).

    Raises ConfigError for one whose extra is missing.
    """
    return {name: _VERSIONS[name](language) for name in names}


def open_checks(
    names: Iterable[str], workers: int, language: str = "en", others: Iterable[str] = ()
) -> tuple[ClipCheck, ...]:
    """Return checks that so many threads may run at once; raises ConfigError as `versions`.

    `others` are languages of single utterances; what listens to words is opened for each.
    """
    foreign = _foreign(others, language)
    apart = {other: _in_language(other, names, workers) for other in foreign}
    return tuple(
        replace(one, elsewhere={other: found[one.name] for other, found in apart.items()})
        if one.name in _OF_WORDS
        else one
        for one in _opened(names, workers, language)
    )


def of_few(checks: Iterable[ClipCheck], clips: int) -> tuple[ClipCheck, ...]:
    """Return checks of a corpus with so many clips: some take only a few of them."""
    return tuple(
        replace(one, part=min(1.0, _OF_FEW.get(one.name, clips) / max(clips, 1))) if clips else one
        for one in checks
    )


def _opened(names: Iterable[str], workers: int, language: str) -> list[ClipCheck]:
    return [
        ClipCheck(name, version, name in _OF_ALL, _OPENED[name](workers, language))
        for name, version in versions(names, language).items()
    ]


def _in_language(language: str, names: Iterable[str], workers: int) -> dict[str, ClipCheck | None]:
    """Return the checks that listen to words in a language, None where no model knows it."""
    asked = [name for name in names if name in _OF_WORDS]
    if not recognises(language):
        return dict.fromkeys(asked)
    return {one.name: one for one in _opened(asked, workers, language)}


def _foreign(languages: Iterable[str], own: str) -> list[str]:
    return sorted(one for one in languages if not same_language(one, own))


def versions_elsewhere(names: Iterable[str], language: str, others: Iterable[str]) -> list[str]:
    """Return the versions of what listens to words in other languages than a corpus's, by language.

    Raises ConfigError for a model whose extra is missing.
    """
    asked = [name for name in names if name in _OF_WORDS]
    return [
        f"{other} {version}"
        for other in _foreign(others, language)
        if recognises(other)
        for version in versions(asked, other).values()
    ]
