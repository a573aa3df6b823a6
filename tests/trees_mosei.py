"""CMU-MOSEI trees made for tests: sequences, folds, transcripts and recordings as shipped."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import soundfile
from numpy.typing import NDArray

MOSEI_COLUMNS = ("sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear")
TRANSCRIPTS = "Raw/Transcript/Segmented/Combined"
RECORDINGS = "Raw/Audio/Full/WAV_16000"
FILMS = "Raw/Videos/Full/Combined"
# A labelled segment: start, end, and a value for each column that is not 0.
Segment = tuple[float, float, Mapping[str, float]]
FOLDS = {"train": ["vidA"], "valid": ["vidB"], "test": ["vidC"]}
DEFAULT: dict[str, list[Segment]] = {
    video: [(0.5, 1.5, {"happy": 2.0})] for video in ("vidA", "vidB", "vidC")
}


def write_csd(
    path: Path,
    rows: Mapping[str, tuple[NDArray, NDArray]],
    root: str = "All Labels",
    names: Sequence[str] | None = MOSEI_COLUMNS,
) -> Path:
    """Write a computational sequence: features and intervals by video, in the SDK's layout."""
    with h5py.File(path, "w") as file:
        for video, (features, intervals) in rows.items():
            group = file.create_group(f"{root}/data/{video}")
            group["features"], group["intervals"] = features, intervals
        file.require_group(f"{root}/data")
        said = {"root name": root} | ({"dimension names": list(names)} if names else {})
        for name, value in said.items():
            text = np.array([json.dumps(value)], dtype=h5py.string_dtype())
            file[f"{root}/metadata/{name}"] = text
    return path


def label_rows(segments: Sequence[Segment]) -> tuple[NDArray, NDArray]:
    """Return the features, as 32-bit numbers, and the intervals of a video's segments."""
    features = [[values.get(name, 0.0) for name in MOSEI_COLUMNS] for _, _, values in segments]
    intervals = [(start, end) for start, end, _ in segments]
    return (
        np.array(features, np.float32).reshape(-1, len(MOSEI_COLUMNS)),
        np.array(intervals, np.float64).reshape(-1, 2),
    )


def word_rows(words: Sequence[tuple[str, float, float]]) -> tuple[NDArray, NDArray]:
    """Return the features, as bytes, and the intervals of a video's timed words."""
    texts = np.array([[word.encode()] for word, _, _ in words], "S32")
    return texts, np.array([(start, end) for _, start, end in words], np.float64)


def write_transcript(root: Path, video: str, lines: Sequence[tuple[float, float, str]]) -> Path:
    """Write the transcript of a video; clips are numbered as they come."""
    path = root / TRANSCRIPTS / f"{video}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = (
        f"{video}___{number}___{start}___{end}___{text}\n"
        for number, (start, end, text) in enumerate(lines)
    )
    path.write_text("".join(written), encoding="utf-8", newline="\n")
    return path


def write_recording(root: Path, video: str, samples: NDArray[np.float32]) -> Path:
    """Write the whole recording of a video as 16 kHz WAV."""
    path = root / RECORDINGS / f"{video}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path


def sentence(video: str, start: float) -> str:
    """Return the text of a segment where a test gives none."""
    return f"At {start} seconds of {video} the kettle began to sing."


def make_mosei_tree(
    root: Path,
    segments: Mapping[str, Sequence[Segment]] = DEFAULT,
    folds: Mapping[str, Sequence[str]] = FOLDS,
) -> Path:
    """Write labels, folds and transcripts and return their folder.

    `segments` are the labelled ones by video (one happy second of three where not given), and
    each is transcribed.
    """
    root.mkdir(parents=True, exist_ok=True)
    rows = {video: label_rows(labelled) for video, labelled in segments.items()}
    write_csd(root / "CMU_MOSEI_Labels.csd", rows)
    (root / "standard_folds.json").write_text(json.dumps(folds))
    for video, labelled in segments.items():
        write_transcript(root, video, [(s, e, sentence(video, s)) for s, e, _ in labelled])
    return root
