"""What an export costs: rows per second and peak memory at several sizes, in the chat format.

    python bench/exports.py [--records 1000 10000 100000] [--seconds 0.5]

Each record has a clip of its own and eight earlier turns of its dialogue. The build is written
before the clock starts; the export runs in a process of its own, start-up included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from exporting import small_build, spoken  # noqa: E402

DIALOGUE = 20


def records(count: int, seconds: float):  # noqa: ANN201
    """Yield records with their clips, in dialogues of twenty."""
    for number in range(count):
        dialogue, turn = divmod(number, DIALOGUE)
        earlier = range(max(0, turn - 8), turn)
        yield spoken(turn, dialogue=str(dialogue), earlier=earlier, seconds=seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=0.5)
    wanted = parser.parse_args()
    for count in wanted.records:
        with tempfile.TemporaryDirectory() as folder:
            build = small_build(Path(folder) / "build", records(count, wanted.seconds))
            flags = ["--format", "chat", "--profile", "qwen3-omni", "--context-audio"]
            command = [sys.executable, "-m", "builders", "export", str(build), *flags]
            started = time.monotonic()
            process = subprocess.Popen(
                [*command, "--to", str(Path(folder) / "out")],
                cwd=PROJECT,
                stdout=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
            if status:
                sys.exit(f"the export of {count:,} records ended with {status}")
            bytes_of_clips = sum(p.stat().st_size for p in Path(folder).glob("out/audio/*/*"))
            print(
                f"{count:>9,} records: {count / seconds:,.0f} rows a second, "
                f"peak {usage.ru_maxrss / 1024:,.0f} MB, {bytes_of_clips / 1e6:,.0f} MB of clips"
            )


if __name__ == "__main__":
    main()
