"""How fast corpora are read whose labels are in the names of their files, without sound.

    python bench/names.py [--files 40000]

The files are empty and named as those of two corpora are, with more takes and words. Reading is
what a build without audio does of it: names, words, ids, labels.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import count, islice, product
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT)]

from builders.corpora import open_reader  # noqa: E402 - needs the path
from builders.corpora.reading import Defects, read_split  # noqa: E402
from builders.labels.aggregation import load_labelling  # noqa: E402

LETTERS = "abcdefghijklmnopqrstuvwxyz"
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")


def ravdess(folder: Path, files: int) -> None:
    """Write files of 24 actors; more than 1,344 takes of them are in folders beside each other."""
    parts = product(range(1, 1000), range(1, 25), range(2, 9), (1, 2), (1, 2), (1, 2))
    for place, actor, emotion, level, statement, take in islice(parts, files):
        name = f"03-01-{emotion:02}-{level:02}-{statement:02}-{take + place % 49 * 2:02}-{actor:02}"
        below = folder / f"{place // 49}" / f"Actor_{actor:02}"
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{name}.wav").touch()


def tess(folder: Path, files: int) -> None:
    """Write files of two actresses, each word with seven emotions."""
    words = ("".join(letters) for size in count(3) for letters in product(LETTERS, repeat=size))
    for word, actor, emotion in islice(
        product(islice(words, files), ("OAF", "YAF"), EMOTIONS), files
    ):
        below = folder / f"{actor}_{emotion}"
        below.mkdir(exist_ok=True)
        (below / f"{actor}_{word}_{emotion}.wav").touch()


def main() -> None:
    """Print the rate of each corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40_000)
    files = parser.parse_args().files
    print("| corpus | files | CPU seconds | files a CPU second |")
    print("| --- | --- | --- | --- |")
    for slug, make in (("ravdess", ravdess), ("tess", tess)):
        with tempfile.TemporaryDirectory() as place:
            make(Path(place), files)
            labelling, seen = load_labelling(slug), 0
            started = time.process_time()
            reader = open_reader(slug, Path(place), False)
            for item in read_split(reader, slug, "all", Defects()):
                for utterance in getattr(item, "utterances", ()):
                    labelling.settle(utterance)
                    seen += labelling.emotions(utterance) is not None
            seconds = time.process_time() - started
        print(f"| {slug} | {seen:,} | {seconds:.2f} | {seen / seconds:,.0f} |")


if __name__ == "__main__":
    main()
