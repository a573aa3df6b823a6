"""What drafting costs: CPU per request, share of the endpoint's capacity, memory, held answers.

    python bench/drafting.py [--runs 3] [--prompts 2000 4000] [--memory 2000 20000 200000]

The endpoint runs on the second core with 100 ms latency and 64 slots, the build on the first.
A bare client runs beside it in the same conditions: an aiohttp loop, pydantic and a journal.
Marginal figures are (more prompts - fewer prompts) / difference; medians of several runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(Path(__file__).parent)]

from corpus import make_corpus  # noqa: E402
from endpoints import TestEndpoint  # noqa: E402

LATENCY, SLOTS = 0.1, 64
CAPACITY = SLOTS / LATENCY


@dataclass
class Run:
    """One run of a command: seconds, CPU seconds, peak memory in MB, and the endpoint's view."""

    seconds: float
    cpu: float
    peak: float
    first: float = 0.0
    share: float = 0.0
    asked: int = 0


def run(command: list[str], endpoint: TestEndpoint | None, core: int = 0) -> Run:
    """Run a command on one core and measure it."""
    if endpoint:
        endpoint.control(latency=LATENCY, slots=SLOTS)
    started = time.time()
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *command], cwd=PROJECT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.time() - started
    if status:
        sys.exit(f"{' '.join(command)} ended with {status}")
    measured = Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    log = endpoint.log() if endpoint else {}
    if log.get("count"):
        measured.asked = log["count"]
        measured.first = log["first"] - started
        measured.share = (log["count"] - 1) / (log["last"] - log["first"]) / CAPACITY
    return measured


def build(source: Path, output: Path, name: str, endpoint: TestEndpoint) -> Run:
    """Run a build against the endpoint; its report's CPU is taken out."""
    flags = ["--corpus", "meld", "--source", source, "--text-only", "--output", output]
    model = ["--model", "test-model", "--base-url", endpoint.base_url, "--max-concurrency", SLOTS]
    command = [sys.executable, "-m", "builders", "build", *flags, "--name", name, *model]
    measured = run([str(part) for part in command], endpoint)
    manifest = json.loads((output / name / "manifest.json").read_text())
    measured.cpu -= manifest["run"]["report_cpu_seconds"]
    measured.seconds -= manifest["run"]["report_seconds"]
    return measured


def bare(source: Path, journal: Path, endpoint: TestEndpoint) -> Run:
    """Run the bare client over the same prompts."""
    command = [sys.executable, Path(__file__).parent / "bare_client.py", source, journal]
    return run([str(part) for part in [*command, endpoint.base_url, SLOTS]], endpoint)


def marginal(fewer: list[Run], more: list[Run], difference: int, what: str) -> float:
    """Return the median cost of one more prompt, in seconds."""
    costs = [getattr(m, what) - getattr(f, what) for f, m in zip(fewer, more, strict=True)]
    return statistics.median(costs) / difference


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prompts", type=int, nargs=2, default=[2000, 4000])
    parser.add_argument("--memory", type=int, nargs="*", default=[2000, 20000])
    wanted = parser.parse_args()
    _help(wanted.runs)
    with tempfile.TemporaryDirectory() as folder, TestEndpoint(any_model=True) as endpoint:
        _drafting(Path(folder), endpoint, wanted.runs, wanted.prompts)
        if wanted.memory:
            _memory(Path(folder), endpoint, wanted.memory)


def _help(runs: int) -> None:
    command = [sys.executable, "-m", "builders", "build", "--help"]
    seconds = statistics.median(run(command, None).seconds for _ in range(runs))
    print(f"build --help {seconds:.2f} s")


def _drafting(folder: Path, endpoint: TestEndpoint, runs: int, prompts: list[int]) -> None:
    sources = [make_corpus(folder / f"corpus{count}", count) for count in prompts]
    fresh: list[list[Run]] = [[], []]
    held: list[list[Run]] = [[], []]
    bares: list[list[Run]] = [[], []]
    for number in range(runs):
        for side, source in enumerate(sources):
            output = folder / f"output{number}-{side}"
            fresh[side].append(build(source, output, "fresh", endpoint))
            held[side].append(build(source, output, "held", endpoint))
            bares[side].append(bare(source, folder / f"journal{number}-{side}", endpoint))
    difference = prompts[1] - prompts[0]
    for name, sides in (("build", fresh), ("bare client", bares)):
        cpu = marginal(*sides, difference, "cpu") * 1000
        share = statistics.median(run.share for run in sides[1])
        first = statistics.median(run.first for run in sides[1])
        print(
            f"{name:12} {cpu:.2f} ms of CPU per request, {share:.0%} of capacity, "
            f"first request after {first:.2f} s"
        )
    rate = 1 / marginal(*held, difference, "seconds")
    print(f"all held     {rate:,.0f} samples a second, {held[1][0].asked} requests")


def _memory(folder: Path, endpoint: TestEndpoint, counts: list[int]) -> None:
    for count in counts:
        source = make_corpus(folder / f"memory{count}", count)
        measured = build(source, folder / f"memory-output{count}", "fresh", endpoint)
        print(f"{count:>9,} prompts: peak {measured.peak:,.0f} MB, {measured.seconds:,.0f} s")


if __name__ == "__main__":
    main()
