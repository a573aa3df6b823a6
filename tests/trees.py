"""Corpus trees made for tests: MELD's files and clips on disk, as its owner lays them out."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

CLIP_RATE = 48_000
MELD_COLUMNS = (
    *("Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID"),
    *("Season", "Episode", "StartTime", "EndTime"),
)
MELD_CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}


def meld_row(dialogue: int, utterance: int, **changes: str) -> dict[str, str]:
    """Return a whole row of an annotation file; `changes` are columns, with _ for a blank."""
    row = {
        "Sr No.": "1",
        "Utterance": f"This is sentence {utterance} of dialogue {dialogue}.",
        "Speaker": ("Marta", "Jonas")[utterance % 2],
        "Emotion": "neutral",
        "Sentiment": "neutral",
        "Dialogue_ID": str(dialogue),
        "Utterance_ID": str(utterance),
        "Season": "1",
        "Episode": "2",
        "StartTime": f"00:01:{utterance * 3 % 60:02},000",
        "EndTime": f"00:01:{utterance * 3 % 60 + 2:02},000",
    }
    return row | changes


def write_meld_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write rows as MELD's files are written: commas, quotes where needed, CRLF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, MELD_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_meld_tree(
    root: Path,
    rows: Mapping[str, Iterable[Mapping[str, str]]] | None = None,
    clips: Mapping[str, NDArray[np.float32]] | None = None,
    one_level_down: bool = False,
) -> Path:
    """Write a MELD tree and return its root.

    `rows` are those of each split (two dialogues of two where a split is not given). `clips` go by
    ``train/dia0_utt0`` and hold (channels, samples) at 48 kHz: 2 channels are stereo, 6 a 5.1 mix.
    """
    default = [meld_row(d, u) for d in (0, 1) for u in (0, 1)]
    for split in MELD_CLIPS:
        folder = root / split if one_level_down else root
        write_meld_csv(folder / f"{split}_sent_emo.csv", (rows or {}).get(split, default))
    for name, samples in (clips or {}).items():
        split, clip = name.split("/")
        folder = (root / split if one_level_down else root) / MELD_CLIPS[split]
        folder.mkdir(parents=True, exist_ok=True)
        write_mp4(folder / f"{clip}.mp4", samples)
    return root


def write_mp4(
    path: Path,
    samples: NDArray[np.float32] | None,
    rate: int = CLIP_RATE,
    index_first: bool = False,
    bit_rate: int = 96_000,
) -> Path:
    """Write a small film with these (channels, samples) as AAC sound; None: without sound."""
    options = {"movflags": "+faststart"} if index_first else {}
    with av.open(str(path), "w", options={**options, "fflags": "+bitexact"}) as container:
        video = container.add_stream("mpeg4", rate=4)
        video.width, video.height, video.pix_fmt = 32, 24, "yuv420p"
        if samples is not None:
            layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
            sound = container.add_stream("aac", rate=rate, layout=layout, bit_rate=bit_rate)
        seconds = 1.0 if samples is None else samples.shape[1] / rate
        for number in range(max(1, round(seconds * 4))):
            picture = av.VideoFrame.from_ndarray(
                np.full((24, 32, 3), number * 9 % 255, np.uint8), format="rgb24"
            )
            picture.pts = number
            container.mux(video.encode(picture))
        container.mux(video.encode())
        if samples is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(samples, np.float32), format="fltp", layout=layout
            )
            frame.sample_rate, frame.pts = rate, 0
            container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def write_container(
    path: Path, samples: NDArray[np.float32], codec: str, rate: int = CLIP_RATE
) -> Path:
    """Write these (channels, samples) in the container that the name of the file says."""
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(samples)]
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        sound = container.add_stream(codec, rate=rate, layout=layout)
        # Interleaved: PyAV writes beyond the planes of a frame that has eight.
        mixed = np.ascontiguousarray(samples.T, np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(mixed, format="flt", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def stereo(mono: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the same sound on both channels."""
    return np.stack([mono, mono])


def surround(mono: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Return a 5.1 mix with the sound in the centre channel and a faint noise in the others."""
    noise = np.random.default_rng(seed).normal(0.0, 0.003, (6, len(mono)))
    noise[2] = mono
    return noise.astype(np.float32)


def hum(seconds: float, hertz: float = 180.0) -> NDArray[np.float32]:
    """Return a voiced-like sound at 48 kHz whose loudness goes up and down."""
    time = np.arange(round(seconds * CLIP_RATE)) / CLIP_RATE
    tones = sum(np.sin(2 * np.pi * hertz * n * time) / n for n in (1, 2, 3))
    return (0.2 * tones * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def recording(path: Path) -> NDArray[np.float32]:
    """Return a recording as mono samples at 48 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples.mean(axis=1), rate, CLIP_RATE)
