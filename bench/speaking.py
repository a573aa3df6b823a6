"""What a synthetic voice costs: seconds of speech for a second, and memory, with many replies.

    python bench/speaking.py [--replies 50 500]

Speaks replies of the phrasebook with the embedded voice, each in a process of its own: the voice
alone, the voice and the read-back, the read-back of what is held, and all of it held. The texts
carry numbers, so that none is like another.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PHRASES = PROJECT / "prompts" / "phrasebook" / "phrases.tsv"
CODE = """
import asyncio, json, os, resource, sys, time
from pathlib import Path
from builders.record.types import Drafted, Emotions, Target, Utterance
from builders.store.clips import ClipFiles
from builders.store.database import Store
from builders.tts.hibari import Embedded
from builders.tts.request import Spoken
from builders.tts.asr_check import ReadBack
from builders.tts.stage import Voicing, Wanted

cores, listens, folder, texts = json.loads(sys.stdin.read())
os.sched_setaffinity(0, range(cores))

async def drafted():
    emotions = Emotions("neutral", "neutral", "neutral", "low")
    for n, text in enumerate(texts):
        said = Utterance("1", str(n), n, "a", "Well.", None, id=f"meld-train-1-{n}")
        reply = {"text": text, "emotion": "neutral"}
        yield Target("train", said, emotions, None, None, [], None), Drafted(reply, [], None, 1)

async def main():
    store = Store(str(Path(folder) / "hearten.sqlite"))
    spoken = Spoken(store, ClipFiles(Path(folder) / "clips"))
    read_back = ReadBack(0.3, spoken, cores) if listens else None
    voicing = Voicing(Wanted(False, True), Embedded(None, cores), spoken, read_back)
    started = time.perf_counter(), time.process_time()
    async for item in voicing.outcomes(drafted()):
        pass
    took = time.perf_counter() - started[0], time.process_time() - started[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([voicing.result["seconds"], *took, peak, voicing.result["replies"]]))

asyncio.run(main())
"""


def run(cores: int, listens: bool, folder: str, texts: list[str]) -> str:
    """Return a row of what one process took."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps([cores, listens, folder, texts]),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=True,
    )
    seconds, clock, cpu, peak, counts = json.loads(done.stdout)
    return f"{seconds / clock:8.1f} {seconds / cpu:8.1f} {peak:8.0f} MB  {clock:6.1f} s  {counts}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replies", type=int, nargs="+", default=[50, 500])
    numbers = parser.parse_args().replies
    with PHRASES.open(encoding="utf-8") as stream:
        phrases = [row["text"] for row in csv.DictReader(stream, delimiter="\t")]
    print("seconds of speech a second by the clock, by the CPU; peak; took; counts")
    for number in numbers:
        texts = [f"{phrases[n % len(phrases)]} That is number {n}." for n in range(number)]
        for cores in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                for what, listens in (
                    ("voice alone", False),
                    ("read-back of what is held", True),
                    ("all held", True),
                ):
                    shown = f"{number:6,} replies, {cores} cores, {what:26}"
                    print(shown, run(cores, listens, folder, texts), flush=True)


if __name__ == "__main__":
    main()
