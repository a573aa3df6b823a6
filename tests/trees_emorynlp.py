"""EmoryNLP trees made for tests: its files and clips on disk, as they are distributed."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from trees import write_mp4

COLUMNS = (
    *("Utterance", "Speaker", "Emotion", "Scene_ID", "Utterance_ID", "Season", "Episode"),
    *("Start_Time", "End_Time"),
)
SPLITS = ("train", "dev", "test")


def emorynlp_row(scene: int, utterance: int, **changes: str) -> dict[str, str]:
    """Return a whole row of an annotation file; `changes` are columns."""
    row = {
        "Utterance": f"This is line {utterance} of scene {scene}.",
        "Speaker": ("['Nora Quist']", "['Felix Amadi']")[utterance % 2],
        "Emotion": "Neutral",
        "Scene_ID": str(scene),
        "Utterance_ID": str(utterance),
        "Season": "1",
        "Episode": "2",
        "Start_Time": f"00:01:{utterance * 3 % 60:02}.000",
        "End_Time": f"00:01:{utterance * 3 % 60 + 2:02}.000",
    }
    return row | changes


def write_emorynlp_csv(path: Path, rows: Iterable[Mapping[str, str]]) -> Path:
    """Write rows as they are distributed: commas, quotes where needed, LF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_emorynlp_tree(
    root: Path,
    rows: Mapping[str, Iterable[Mapping[str, str]]] | None = None,
    clips: Mapping[str, NDArray[np.float32]] | None = None,
    one_level_down: bool = False,
) -> Path:
    """Write an EmoryNLP tree and return its root.

    `rows` are those of each split (two scenes of two lines where a split is not given). `clips` go
    by ``train/sea1_ep2_sc1_utt1`` and hold (channels, samples) at 48 kHz.
    """
    default = [emorynlp_row(scene, utterance) for scene in (1, 3) for utterance in (1, 2)]
    for split in SPLITS:
        folder = root / split if one_level_down else root
        found = (rows or {}).get(split, default)
        write_emorynlp_csv(folder / f"emorynlp_{split}_final.csv", found)
    for name, samples in (clips or {}).items():
        split, clip = name.split("/")
        folder = root / split if one_level_down else root
        path = folder / f"emorynlp_{split}_splits" / f"{clip}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_mp4(path, samples)
    return root
