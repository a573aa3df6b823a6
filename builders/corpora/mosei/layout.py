"""Where the files of CMU-MOSEI lie: what the SDK downloads, and what `CMU_MOSEI.zip` unpacks to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from builders.corpora.clip_files import clips_in
from builders.corpora.files import archives, not_found, open_root, visible
from builders.errors import SourceError

_TREE = "the folder that holds CMU_MOSEI_Labels.csd and Raw, or the one around it"
_LABELS = "CMU_MOSEI_Labels.csd"
_OLD_LABELS = "CMU_MOSEI_LabelsEmotions.csd"
_WORDS = "CMU_MOSEI_TimestampedWords.csd"
_FOLDS = ("cmu_mosei_std_folds.py", "standard_folds.json")
_FOLDS_AT = (
    "https://github.com/CMU-MultiComp-Lab/CMU-MultimodalSDK under "
    "mmsdk/mmdatasdk/dataset/standard_datasets/CMU_MOSEI"
)
_TRANSCRIPTS = "Transcript/Segmented/Combined"
_FILMS = "Videos/Full/Combined"
_CUTS = "Videos/Segmented/Combined"
_RECORDINGS = {"Audio/Full/WAV_16000": ".wav", _FILMS: ".mp4"}


@dataclass(frozen=True)
class Layout:
    """The files of one copy; `raw` need not exist, `transcripts` are by video."""

    labels: Path
    folds: Path
    words: Path | None
    transcripts: dict[str, Path]
    raw: Path

    @property
    def root(self) -> Path:
        """Return the folder that recordings are named from."""
        return self.raw.parent if self.raw.is_dir() else self.labels.parent

    @property
    def annotations(self) -> tuple[Path, ...]:
        """Return the label file, the folds, and what the text is from."""
        words = (self.words,) if self.words else ()
        return (self.labels, self.folds, *words, *self.transcripts.values())

    def film(self, video: str) -> Path | None:
        """Return the full video of an id, where it is there."""
        path = self.raw / _FILMS / f"{video}.mp4"
        return path if path.is_file() else None

    def cut(self, video: str, clip: str | None) -> Path | None:
        """Return the film of one segment, by the number of its clip in the transcript."""
        return self._cuts.get(f"{video}_{clip}") if clip is not None else None

    @cached_property
    def _cuts(self) -> dict[str, Path]:
        return clips_in(self.raw / _CUTS)

    def recordings(self) -> dict[Path, str]:
        """Return the folders of full recordings by preference, each with its files' ending.

        Raises SourceError when there are neither recordings nor films of segments.
        """
        found = {self.raw / folder: end for folder, end in _RECORDINGS.items()}
        whole = any(visible(folder, f"*{end}") for folder, end in found.items())
        if not whole and not self._cuts:
            places = ", ".join(f"Raw/{folder}" for folder in (*_RECORDINGS, _CUTS))
            packed = archives(self.root) or "CMU_MOSEI.zip"
            raise SourceError(
                "the media are missing: no recordings",
                where=f"{self.root} (looked in {places})",
                do=f"unpack {packed} there, or use --text-only",
            )
        return found


def find_layout(source: Path) -> Layout:
    """Return where the files lie: in `source`, or one level down; `Raw` stands for what it is in.

    Raises SourceError when the labels, the folds or the text are missing, or a file is there twice.
    """
    top = open_root(source.parent if source.name == "Raw" else source, _TREE)
    places = [top, *(path for path in visible(top) if path.is_dir())]
    labels = _find_labels(places)
    raw = _find(places, "Raw") or top / "Raw"
    words = _find(places, _WORDS)
    transcripts = {path.stem: path for path in visible(raw / _TRANSCRIPTS, "*.txt")}
    if not transcripts and words is None:
        raise not_found(f"the text (Raw/{_TRANSCRIPTS} or {_WORDS})", top, _TREE)
    return Layout(labels, _find_folds(places), words, transcripts, raw)


def _find(places: Sequence[Path], name: str) -> Path | None:
    found = [path for place in places if (path := place / name).exists()]
    if len(found) > 1:
        where = " and ".join(str(path) for path in found)
        raise SourceError(f"{name} is present twice", where=where, do="keep one of them")
    return found[0] if found else None


def _find_labels(places: Sequence[Path]) -> Path:
    if path := _find(places, _LABELS):
        return path
    if others := [p for place in places for p in _without_emotions(place)]:
        raise SourceError(
            f"{', '.join(path.name for path in others)}: these hold sentiment and no emotions",
            where=places[0],
            expected=f"{_LABELS}, which has the six emotions of each segment",
            do=f"download {_LABELS} from the address in {_FOLDS_AT}",
        )
    if old := _find(places, _OLD_LABELS):
        raise SourceError(
            "these labels are from an older release, which has no sentiment",
            where=old,
            expected=f"{_LABELS}, which has emotions and sentiment",
            do=f"download {_LABELS}",
        )
    raise not_found(f"{_LABELS}, also in sub-folders,", places[0], _TREE)


def _without_emotions(place: Path) -> list[Path]:
    """Return the files of a folder that other projects made of the corpus, for sentiment."""
    pickles = [p for end in ("*.pkl", "*.pickle") for p in visible(place, end)]
    return [path for path in (place / "label.csv", *pickles) if path.is_file()]


def _find_folds(places: Sequence[Path]) -> Path:
    for name in _FOLDS:
        if path := _find(places, name):
            return path
    raise SourceError(
        f"the standard folds ({' or '.join(_FOLDS)}) are missing",
        where=places[0],
        expected="the lists of training, validation and test videos; without them, test videos "
        "could end up in training",
        do=f"put {_FOLDS[0]} there; it is at {_FOLDS_AT}",
    )
