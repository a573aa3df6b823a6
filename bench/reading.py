"""What reading costs: rate and memory from 10,000 to 1,000,000 utterances, and IEMOCAP's tree.

    python bench/reading.py [--runs 3] [--sizes 10000 100000 1000000] [--corpora meld emowoz …]

The files are made from the samples that come along, their dialogues repeated under new names. The
build's part is reading, mapping and context, without audio and without a draft. Beside it, in a
process of its own, runs a bare script that parses the same file and windows its turns. IEMOCAP's
10,039 turns lie in thousands of small files: its peer only opens and reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

SAMPLES = PROJECT / "builders" / "corpora"
TURNS = 8
Measured = tuple[float, float, int]  # seconds, MB at the peak, utterances


def make_meld(folder: Path, count: int) -> Path:
    """Write MELD's three files, nearly all of `count` utterances in train."""
    from corpus import make_corpus

    return make_corpus(folder, count)


def make_empathetic_dialogues(folder: Path, count: int) -> Path:
    """Write the three files, all of `count` utterances but a few in train."""
    folder.mkdir(parents=True)
    sample = SAMPLES / "empathetic_dialogues" / "sample" / "empatheticdialogues"
    lines = (sample / "train.csv").read_text("utf-8").splitlines()
    header, rows = lines[0], [line for line in lines[1:] if line.count(",") >= 7]
    for name in ("valid", "test"):
        (folder / f"{name}.csv").write_bytes((sample / f"{name}.csv").read_bytes())
    with (folder / "train.csv").open("w", encoding="utf-8") as stream:
        stream.write(header + "\n")
        for number in range(count):
            turn, at = divmod(number, len(rows))
            name, _, rest = rows[at].partition(",")
            stream.write(f"{name}{turn},{rest}\n")
    return folder


def make_emowoz(folder: Path, count: int) -> Path:
    """Write the dialogues and their split, all of `count` turns in train."""
    folder.mkdir(parents=True)
    sample = SAMPLES / "emowoz" / "sample"
    dialogues = list(json.loads((sample / "emowoz-multiwoz.json").read_bytes()).values())
    whole = [json.dumps(d) for d in dialogues if len(d["log"]) > 2]
    turns = [len(json.loads(text)["log"]) for text in whole]
    names, written = [], 0
    with (folder / "emowoz-multiwoz.json").open("w", encoding="utf-8") as stream:
        stream.write("{")
        while written < count:
            at = len(names) % len(whole)
            names.append(f"SNG{len(names):07}.json")
            stream.write(f'{"," if len(names) > 1 else ""}"{names[-1]}":{whole[at]}')
            written += turns[at]
        stream.write("}")
    (folder / "emowoz-dialmage.json").write_text('{"DMAGE1.json": {"log": []}}')
    parts = {"multiwoz": names, "dialmage": ["DMAGE1.json"]}
    empty = {"multiwoz": [], "dialmage": []}
    split = {"train": parts, "dev": empty, "test": empty}
    (folder / "data-split.json").write_text(json.dumps(split))
    return folder


MAKERS: dict[str, Callable[[Path, int], Path]] = {
    "meld": make_meld,
    "empathetic_dialogues": make_empathetic_dialogues,
    "emowoz": make_emowoz,
}

# Each prints how many utterances it saw. What they share with the build is the file alone.
WINDOW = """
import csv, json

turns = {turns}
seen = 0
def windows(texts):
    global seen
    for at in range(len(texts)):
        before = texts[max(0, at - turns):at]
        seen += 1
"""
BARE = {
    "meld": """
def seconds(time):
    hours, minutes, rest = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))
for split in ("train", "dev", "test"):
    with open(f"{folder}/{split}_sent_emo.csv", newline="", encoding="utf-8") as stream:
        dialogue, texts = None, []
        for row in csv.DictReader(stream):
            if row["Dialogue_ID"] != dialogue:
                windows(texts)
                dialogue, texts = row["Dialogue_ID"], []
            try:
                times = seconds(row["StartTime"]), seconds(row["EndTime"])
            except ValueError:  # the sample has a broken time, and a copy of it in each round
                continue
            texts.append((row["Speaker"], row["Utterance"], row["Emotion"], times))
        windows(texts)
""",
    "empathetic_dialogues": """
for split in ("train", "valid", "test"):
    with open(f"{folder}/{split}.csv", newline="", encoding="utf-8") as stream:
        dialogue, texts = None, []
        for row in csv.DictReader(stream, quoting=csv.QUOTE_NONE):
            if row["conv_id"] != dialogue:
                windows(texts)
                dialogue, texts = row["conv_id"], []
            if row["utterance"]:
                said = row["utterance"].replace("_comma_", ",")
                texts.append((row["speaker_idx"], said, row["context"]))
        windows(texts)
""",
    "emowoz": """
with open(f"{folder}/emowoz-multiwoz.json", "rb") as stream:
    for dialogue in json.load(stream).values():
        windows([(n % 2, turn["text"], turn["emotion"]) for n, turn in enumerate(dialogue["log"])])
""",
}
OPEN_AND_READ = """
import os

seen = 0
for folder, _, names in os.walk(folder):
    for name in names:
        if name.endswith(".txt") and not name.startswith("."):
            with open(os.path.join(folder, name), encoding="utf-8") as stream:
                stream.read()
            seen += 1
"""
BUILD = """
from pathlib import Path
from builders.corpora import load_card, open_reader
from builders.corpora.reading import Defects
from builders.labels.aggregation import load_labelling
from builders.record.manifest import Ledger
from builders.record.types import Target
from builders.pipeline.selection import Wanted
from builders.pipeline.stream import Corpus, Stream, Survey, survey
from builders.pipeline.selection import Selection

slug = {slug!r}
reader = open_reader(slug, Path(folder), False)
corpus = Corpus(slug, reader, load_labelling(slug), Defects.load(slug).without_clips())
ledger = Ledger()
# One pass, as the bare script makes one; a build makes another one to choose its targets.
surveyed = Survey(0, Selection(Wanted()))
for target in Stream(corpus, surveyed, {turns}, "assistant", None, ledger):
    pass
seen = ledger.totals["read"]
"""


def run(code: str, folder: Path) -> Measured:
    """Run code in a process of its own; it leaves a count in `seen`."""
    # What is imported is not timed: it takes as long for ten utterances as for a million.
    imports, _, work = code.partition("\n\n")
    timed = f"{imports}\nimport time\nfolder = {str(folder)!r}\nstarted = time.process_time()\n"
    timed += f"{work}\nprint(time.process_time() - started, seen)"
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen([sys.executable, "-c", timed], stdout=out, cwd=PROJECT)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit("the code ended with an error")
        out.seek(0)
        seconds, seen = out.read().split()
    return float(seconds), usage.ru_maxrss / 1024, int(seen)


def median(code: str, folder: Path, runs: int) -> Measured:
    """Return the medians of several runs."""
    found = [run(code, folder) for _ in range(runs)]
    return (
        statistics.median(one[0] for one in found),
        statistics.median(one[1] for one in found),
        found[0][2],
    )


def read_corpora(slugs: list[str], sizes: list[int], runs: int) -> None:
    """Print rate and memory of each corpus at each size, beside the bare script's."""
    print("| corpus | utterances | utterances a second | bare script | share | peak MB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for slug in slugs:
        for size in sizes:
            with tempfile.TemporaryDirectory() as place:
                folder = MAKERS[slug](Path(place) / slug, size)
                times = runs if size <= 100_000 else 1
                ours = median(BUILD.format(slug=slug, turns=TURNS), folder, times)
                bare = median(WINDOW.format(turns=TURNS) + BARE[slug], folder, times)
            rate, peer = ours[2] / ours[0], bare[2] / bare[0]
            cells = (slug, f"{ours[2]:,}", f"{rate:,.0f}", f"{peer:,.0f}")
            print(f"| {' | '.join(cells)} | {rate / peer:.2f} | {ours[1]:.0f} |", flush=True)


def read_iemocap(runs: int) -> None:
    """Print what IEMOCAP's tree costs, beside a script that opens and reads the same files."""
    from iemocap_tree import make_tree

    with tempfile.TemporaryDirectory() as place:
        folder = make_tree(Path(place) / "IEMOCAP_full_release")
        ours = median(BUILD.format(slug="iemocap", turns=TURNS), folder, runs)
        bare = median(OPEN_AND_READ, folder, runs)
    print(
        f"\nIEMOCAP's tree: {ours[2]:,} turns in {bare[2]:,} files read in {ours[0]:.2f} s "
        f"({ours[1]:.0f} MB); opening and reading the files takes {bare[0]:.2f} s, "
        f"{ours[0] / bare[0]:.1f} times less"
    )


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--corpora", nargs="+", default=[*MAKERS], choices=[*MAKERS])
    chosen = parser.parse_args()
    read_corpora(chosen.corpora, chosen.sizes, chosen.runs)
    read_iemocap(chosen.runs)


if __name__ == "__main__":
    main()
