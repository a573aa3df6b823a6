"""How long the checks of a set take, and how much memory: replies of our own cases, all measured.

    PYTHONPATH=.:tests python bench/set_checks.py [REPLIES]

Replies and people's turns are made of the sentences of our own demonstrations, mixed by a seed.
Nothing says what they do, so that all of them are tagged.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson
from pages import sample

from builders.record.parquet import SplitWriter
from builders.report.set_checks import check_set, telling
from builders.tasks.reply.demonstration_tables import built_in, read_cases

REPLIES = 100_000
# Of one dialogue, and earlier turns of each sample.
_TURNS = 10


def main() -> None:
    """Write the replies, check them, print what that took."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REPLIES
    with tempfile.TemporaryDirectory() as folder:
        paths = _written(Path(folder), count)
        started, cpu = time.perf_counter(), time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = check_set(paths)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for row in telling.rows(found):
        print(f"{row.code}: {row.value}; people: {row.people}")
    print(f"{count:,} replies: {seconds:.1f} s, {cpu:.1f} s of CPU")
    print(f"peak memory {peak / 1024:,.0f} MB, {before / 1024:,.0f} MB before the checks")


def _written(folder: Path, count: int) -> list[Path]:
    sentences = [part for case in read_cases(built_in("en")) for part in case.reply.split(". ")]
    draw, writer = random.Random(7), SplitWriter(folder, "train")
    one = sample(1, turns=2)
    for number in range(count):
        said = ["  ".join(draw.sample(sentences, draw.randint(1, 3))) for _ in range(3)]
        one["id"] = f"meld-train-{number}"
        one["source"]["dialogue_id"] = str(number // _TURNS)
        one["desired_response"]["text"] = said[0]
        one["reference_response"] = {"id": f"next-{number}", "speaker": "Bo", "text": said[1]}
        one["text_context"][-1] |= {"role": "other", "text": said[2]}
        writer.add(orjson.dumps(one), None)
    return list(writer.close())


if __name__ == "__main__":
    main()
