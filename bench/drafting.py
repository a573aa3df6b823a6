"""What drafting takes, beside a bare aiohttp loop with a journal and the openai client by hand.

    python bench/drafting.py [--runs 3] [--only rate fast faults alone cpu held helped]
                             [--prompts 2000]
                             [--memory 2000 20000 200000]
    python bench/drafting.py --table

The endpoint runs on the second core, the client on the first, all clients one after the other in
each run; figures are medians of the runs, with their shares of the bare loop's. `--table` measures
all of them in one run of 1,000 prompts (10,000 for `alone`), in less than four minutes of a quiet
machine.

    rate    100 ms and 64 slots: requests a second, first to last, and when the first one came
    fast    20 ms and 256 slots: the same
    faults  5 % 429 (Retry-After 1), 2 % 500, 2 % cut JSON, 0.5 % resets: seconds, all rows there
    alone   200 ms and 256 slots, 10,000 prompts, no --max-concurrency: share of the capacity
    cpu     CPU of one more request: (twice the prompts - the prompts) / difference
    held    a build over a full cache: samples a second, of one more sample
    helped  100 ms and 64 slots: the rate with plans and demonstrations, beside that without
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(Path(__file__).parent)]

from corpus import make_corpus  # noqa: E402
from endpoints import TestEndpoint  # noqa: E402

FAULTS = [
    {"kind": "rate_limit", "probability": 0.05, "seed": 1, "retry_after": 1},
    {"kind": "error_500", "probability": 0.02, "seed": 2},
    {"kind": "invalid_json", "probability": 0.02, "seed": 3},
    {"kind": "drop", "probability": 0.005, "seed": 4},
]


# As for a user: modules are compiled once, and not by every command.
SURROUNDINGS = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass
class Case:
    """How the endpoint answers: latency in seconds, slots, faults; `given` tells of the slots."""

    latency: float
    slots: int
    faults: list[dict[str, Any]] = field(default_factory=list)
    given: bool = True

    @property
    def capacity(self) -> float:
        """Return the requests a second that it can answer."""
        return self.slots / self.latency


RATE = Case(0.1, 64)
FAST = Case(0.02, 256)
FAULTY = Case(0.1, 64, FAULTS)
ALONE = Case(0.2, 256, given=False)


@dataclass
class Run:
    """One run of a command: seconds, CPU seconds, peak memory in MB, and the endpoint's view.

    `asking` is the seconds from the first request to the last, `first` those before it.
    """

    seconds: float
    cpu: float
    peak: float
    first: float = 0.0
    asking: float = 0.0
    asked: int = 0
    most: int = 0
    rows: int = 0

    @property
    def rate(self) -> float:
        """Return the requests a second from the first to the last."""
        return (self.asked - 1) / self.asking if self.asking else 0.0


def run(command: list[object], endpoint: TestEndpoint | None, case: Case = RATE) -> Run:
    """Run a command on the first core and measure it."""
    if endpoint:
        endpoint.control(latency=case.latency, slots=case.slots, faults=case.faults)
    started = time.time()
    process = subprocess.Popen(
        ["taskset", "-c", "0", *map(str, command)],
        cwd=PROJECT,
        env=SURROUNDINGS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(map(str, command))} ended with {status}\n{said}")
    cpu = usage.ru_utime + usage.ru_stime
    measured = Run(time.time() - started, cpu, usage.ru_maxrss / 1024)
    log = endpoint.log() if endpoint else {}
    if log.get("count"):
        measured.asked, measured.most = log["count"], log["max_in_flight"]
        measured.first = log["first"] - started
        measured.asking = log["last"] - log["first"]
    return measured


Client = Callable[[Path, Path, TestEndpoint, Case], Run]


def build(
    source: Path, place: Path, endpoint: TestEndpoint, case: Case, more: Sequence[str] = ()
) -> Run:
    """Run a build against the endpoint; the CPU of its report is taken out."""
    flags = [
        "--corpus",
        "meld",
        "--source",
        source,
        "--text-only",
        "--no-reply-worthy",
        "--output",
        place.parent,
    ]
    model = ["--model", "test-model", "--base-url", endpoint.base_url, "--name", place.name]
    at_once = ["--max-concurrency", case.slots] if case.given else []
    command = [sys.executable, "-m", "builders", "build", *flags, *model, *at_once, *more]
    measured = run(command, endpoint, case)
    manifest = json.loads((place / "manifest.json").read_text())
    measured.cpu -= manifest["run"]["report_cpu_seconds"]
    measured.seconds -= manifest["run"]["report_seconds"]
    measured.rows = manifest["result"]["counts"]["kept"]
    return measured


def by_hand(library: str) -> Client:
    """Return what runs a bare client over the same prompts."""

    def client(source: Path, place: Path, endpoint: TestEndpoint, case: Case) -> Run:
        script = Path(__file__).parent / "bare_client.py"
        asked = [source, place, endpoint.base_url, case.slots, library]
        measured = run([sys.executable, script, *asked], endpoint, case)
        measured.rows = len(place.read_bytes().splitlines())
        return measured

    return client


PLAIN = ("--plan", "none")
HELPED = ("--plan", "hash", "--demonstrations", "ours")
CLIENTS: dict[str, Client] = {
    "build": build,
    "bare loop": by_hand("aiohttp"),
    "openai": by_hand("openai"),
    "plain": partial(build, more=PLAIN),
    "helped": partial(build, more=HELPED),
}


class Bench:
    """Runs cases in one folder against one endpoint.

    Args:
        folder: for corpora and results.
        endpoint: what is asked.
        runs: how often each client runs; the medians count.
    """

    def __init__(self, folder: Path, endpoint: TestEndpoint, runs: int) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._runs = runs
        self._number = 0

    def source(self, prompts: int) -> Path:
        """Return a corpus with so many targets."""
        place = self._folder / f"corpus{prompts}"
        return place if place.exists() else make_corpus(place, prompts)

    def place(self) -> Path:
        """Return a new folder or file, in a folder of its own with a store of its own."""
        self._number += 1
        place = self._folder / f"run{self._number}" / "bench"
        place.parent.mkdir()
        return place

    def sides(self, case: Case, prompts: int, clients: list[str]) -> dict[str, list[Run]]:
        """Run each client in turn, as often as wanted."""
        found: dict[str, list[Run]] = {name: [] for name in clients}
        for _ in range(self._runs):
            for name in clients:
                client = CLIENTS[name]
                one = client(self.source(prompts), self.place(), self._endpoint, case)
                found[name].append(one)
        return found

    def rate(self, title: str, case: Case, prompts: int) -> None:
        """Print requests a second of each client, and its share of the bare loop's."""
        sides = self.sides(case, prompts, ["build", "bare loop", "openai"])
        bare = middle(sides["bare loop"], "rate")
        for name, runs in sides.items():
            rate = middle(runs, "rate")
            print(
                f"{title:7} {name:9} {rate:7,.0f} requests a second, {rate / case.capacity:.0%} of "
                f"{case.capacity:,.0f}, {rate / bare:.2f} of the bare loop; first request after "
                f"{middle(runs, 'first'):.2f} s"
            )

    def helped(self, prompts: int) -> None:
        """Print the rate with plans and demonstrations, as a share of that without."""
        sides = self.sides(RATE, prompts, ["plain", "helped"])
        plain, helped = (middle(sides[name], "rate") for name in ("plain", "helped"))
        cpu = [1e3 * middle(side, "cpu") / middle(side, "asked") for side in sides.values()]
        asked = [middle(side, "asked") / prompts for side in sides.values()]
        print(
            f"helped  build     {helped:7,.0f} requests a second with plans and demonstrations, "
            f"{plain:,.0f} without: {helped / plain:.2f} of it; {cpu[1]:.2f} ms CPU a request "
            f"instead of {cpu[0]:.2f}; {asked[1]:.2f} requests a prompt instead of {asked[0]:.2f}"
        )

    def faults(self, prompts: int) -> None:
        """Print how long the fault mix takes each client, and whether all rows are there."""
        sides = self.sides(FAULTY, prompts, ["build", "bare loop", "openai"])
        bare = middle(sides["bare loop"], "asking")
        for name, runs in sides.items():
            seconds, rows = middle(runs, "asking"), {one.rows for one in runs}
            print(f"faults  {name:9} {seconds:7.1f} s, {seconds / bare:.2f} times, rows {rows}")

    def alone(self, prompts: int) -> None:
        """Print what share of the capacity a build finds by itself; the bare loop is told it."""
        for name, runs in self.sides(ALONE, prompts, ["build", "bare loop"]).items():
            rate, most = middle(runs, "rate"), middle(runs, "most")
            print(
                f"alone   {name:9} {rate:7,.0f} requests a second, {rate / ALONE.capacity:.0%} of "
                f"{ALONE.capacity:,.0f}; most at once {most:.0f}"
            )

    def cpu(self, prompts: int) -> None:
        """Print the CPU of one more prompt."""
        clients = ["build", "bare loop", "openai"]
        few, many = (self.sides(RATE, count, clients) for count in (prompts, 2 * prompts))
        costs = {name: marginal(few[name], many[name], "asked", "cpu") * 1e3 for name in clients}
        for name, cost in costs.items():
            times = cost / costs["bare loop"]
            print(f"cpu     {name:9} {cost:7.3f} ms a request, {times:.2f} times the bare loop's")

    def held(self, prompts: int) -> None:
        """Print how fast a build over a full cache is."""
        runs: dict[int, list[Run]] = {prompts: [], 5 * prompts: []}
        for count, found in runs.items():
            source, place = self.source(count), self.place()
            build(source, place, self._endpoint, FAST)
            for number in range(self._runs):
                again = place.with_name(f"again{number}")
                found.append(build(source, again, self._endpoint, FAST))
        asked = sum(one.asked for found in runs.values() for one in found)
        rate, of_cpu = (1 / marginal(*runs.values(), "rows", of) for of in ("seconds", "cpu"))
        print(
            f"held    build     {rate:7,.0f} samples a second, {of_cpu:,.0f} a second of CPU, "
            f"{asked} requests; the bare loop and openai hold none"
        )

    def memory(self, counts: list[int]) -> None:
        """Print the peak memory of a build of each size."""
        for count in counts:
            one = build(self.source(count), self.place(), self._endpoint, FAST)
            print(f"memory  {count:>9,} prompts: peak {one.peak:,.0f} MB, {one.seconds:,.0f} s")


def middle(runs: list[Run], what: str) -> float:
    """Return the median of a figure."""
    return statistics.median(getattr(one, what) for one in runs)


def marginal(fewer: list[Run], more: list[Run], of: str, what: str) -> float:
    """Return the median cost in seconds of one more request (`asked`) or sample (`rows`)."""
    return (middle(more, what) - middle(fewer, what)) / (middle(more, of) - middle(fewer, of))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = ("rate", "fast", "faults", "alone", "cpu", "held", "helped")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--only", nargs="*", choices=every, default=every)
    parser.add_argument("--memory", type=int, nargs="*", default=[])
    parser.add_argument("--table", action="store_true", help="all figures in one short run")
    wanted = parser.parse_args()
    each = 5 * wanted.prompts
    if wanted.table:
        wanted.runs, wanted.prompts, each = 1, 1000, 10_000
    with tempfile.TemporaryDirectory() as folder, TestEndpoint(any_model=True) as endpoint:
        os.sched_setaffinity(endpoint.process_id, {1})
        bench = Bench(Path(folder), endpoint, wanted.runs)
        parts: dict[str, Callable[[], None]] = {
            "rate": lambda: bench.rate("rate", RATE, wanted.prompts),
            "fast": lambda: bench.rate("fast", FAST, wanted.prompts),
            "faults": lambda: bench.faults(wanted.prompts),
            "alone": lambda: bench.alone(each),
            "cpu": lambda: bench.cpu(wanted.prompts),
            "held": lambda: bench.held(wanted.prompts),
            "helped": lambda: bench.helped(wanted.prompts),
        }
        for name in wanted.only:
            parts[name]()
            sys.stdout.flush()
        bench.memory(wanted.memory)


if __name__ == "__main__":
    main()
