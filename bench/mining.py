"""What `hearten mine` costs: samples a second and peak memory, on the real MELD and with clips.

    python bench/mining.py [--records 1000 10000] [--seconds 2]

The real MELD is built from its tables (HEARTEN_REAL_DATA says where they lie; left out without
them). The other builds are invented: dialogues of twenty turns by three people, a clip for each
turn. Every build is written before the clock starts; mining runs in a process of its own, start-up
included, and the reasons are printed with their counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "bench"), str(PROJECT / "tests")]

from exporting import small_build  # noqa: E402
from exports import records  # noqa: E402

SPEAKERS = ("Ada", "Bo", "Cleo")


def invented(folder: Path, count: int, seconds: float) -> Path:
    """Write a build in which each turn is answered by the next."""

    def answered():  # noqa: ANN202
        for number, (row, clip) in enumerate(records(count, seconds)):
            place, _, turn = row["id"].rpartition("-")
            after = int(turn) + 1
            row["reference_response"] = {
                "id": f"{place}-{after}",
                "speaker": SPEAKERS[after % 3],
                "text": f"You can have the boat back at {number} if you like.",
            }
            if after % 20:
                yield row, clip
            else:
                yield {**row, "reference_response": None}, clip

    return small_build(folder, answered())


def mined(folder: Path) -> None:
    """Mine a build in a process of its own, and print what it cost."""
    command = [sys.executable, "-m", "builders", "mine", str(folder), "--json"]
    surroundings = {**os.environ, "PYTHONPATH": str(PROJECT)}
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        running = subprocess.Popen(command, env=surroundings, stdout=out, cwd=folder)
        _, status, used = os.wait4(running.pid, 0)
        spent = time.perf_counter() - began
        if status:
            raise SystemExit(f"mining {folder} ended with {os.waitstatus_to_exitcode(status)}")
        out.seek(0)
        counts = json.load(out)["counts"]
    rate = counts["read"] / (used.ru_utime + used.ru_stime)
    print(
        f"| {folder.name} | {counts['read']:,} | {counts['kept']:,} | {spent:.1f} s "
        f"| {rate:,.0f} | {used.ru_maxrss / 1024:,.0f} MB |",
        flush=True,
    )
    reasons = ", ".join(f"{number:,} {name}" for name, number in counts["left_out"].items())
    print(f"left out: {reasons}", file=sys.stderr)


def real(output: Path, source: Path) -> Path:
    """Build the real MELD from its tables."""
    told = (
        "build",
        "--corpus",
        "meld",
        "--source",
        source,
        "--text-only",
        "--no-reply-worthy",
        "--name",
        "meld",
    )
    command = [sys.executable, "-m", "builders", *map(str, told), "--output", str(output)]
    subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(PROJECT)}, check=True, capture_output=True
    )
    return output / "meld"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--seconds", type=float, default=2.0)
    wanted = parser.parse_args()
    tables = Path(os.environ.get("HEARTEN_REAL_DATA", PROJECT.parent / "shared/data")) / "meld"
    print("| build | samples | replies | time | samples a CPU second | peak memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as place:
        if tables.is_dir():
            mined(real(Path(place), tables))
        for count in wanted.records:
            mined(invented(Path(place) / f"clips-{count}", count, wanted.seconds))


if __name__ == "__main__":
    main()
