"""A MELD-shaped corpus of any length, made by repeating dialogues under new numbers."""

from __future__ import annotations

import csv
import os
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[1]
_SPLITS = ("train", "dev", "test")


def annotations() -> Path:
    """Return the folder of the real annotation files where they are, else of the sample's."""
    real = Path(os.environ.get("HEARTEN_REAL_DATA", _PROJECT.parent / "shared" / "data")) / "meld"
    return real if real.is_dir() else _PROJECT / "builders" / "corpora" / "meld" / "sample"


def make_corpus(folder: Path, rows: int) -> Path:
    """Write three annotation files of `rows` utterances in all, nearly all of them in train."""
    folder.mkdir(parents=True, exist_ok=True)
    source = next(annotations().rglob("train_sent_emo.csv"))
    with source.open(newline="", encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    at = {name: header.index(name) for name in ("Dialogue_ID", "Utterance_ID")}
    few = lines[:2]
    for split in _SPLITS:
        with (folder / f"{split}_sent_emo.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(header)
            if split == "train":
                writer.writerows(_repeated(lines, at["Dialogue_ID"], rows - 2 * len(few)))
            else:
                writer.writerows(few)
    return folder


def _repeated(lines: list[list[str]], at: int, count: int):  # noqa: ANN202
    highest = max(int(line[at]) for line in lines) + 1
    for number in range(count):
        turn, index = divmod(number, len(lines))
        line = list(lines[index])
        line[at] = str(int(line[at]) + turn * highest)
        yield line
