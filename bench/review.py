"""What reviewing costs: fifty annotators at once, a kill under load, a large build's opening.

    python bench/review.py [--annotators 50] [--seconds 60] [--samples 100000]

The annotators run in a process of their own on the second core, against one server on the first,
each with one action every two seconds: a decision, then the items that come next; now and then
a clip, a drawing, the page. Halfway the server is killed and started again at its port.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import orjson

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "review")]

from invented import flac  # noqa: E402
from pages import make_result, make_run, sample  # noqa: E402
from serving import Server, Visitor, decision  # noqa: E402

from builders.folder import write_json  # noqa: E402
from builders.parquet import RejectWriter, SplitWriter  # noqa: E402

EVERY_SECONDS = 2.0
OVERLAP = 2


def make(folder: Path, count: int, clip: bytes | None) -> Path:
    """Write a build of so many samples and return its folder."""
    (folder / "data").mkdir(parents=True)
    writer = SplitWriter(folder / "data", "train")
    one = sample(0, turns=3, seconds=1.0 if clip else None)
    for number in range(count):
        name = f"meld-train-{number // 10}-{number % 10}"
        one["id"] = name
        one["audio"] = {"path": f"{name}.flac", "bytes": None} if clip else None
        writer.add(orjson.dumps(one), clip)
    files = [path.relative_to(folder).as_posix() for path in writer.close()]
    RejectWriter(folder / "rejected.parquet").close()
    counts = {"read": count, "kept": count, "rejected": {}, "not_selected": {}}
    result = make_result({"train": counts}, files) | {"name": folder.name}
    write_json(folder / "manifest.json", {"result": result, "run": make_run()})
    return folder


class Annotator(threading.Thread):
    """Somebody who decides about one item after the other until it is over."""

    def __init__(self, server: Server, number: int, until: float) -> None:
        super().__init__(daemon=True)
        self.server, self.number, self.until = server, number, until
        self.taken: list[tuple[str, float]] = []
        self.held: list[str] = []
        self.failures = 0
        self.visitor = Visitor(server, f"annotator {number}")

    def run(self) -> None:
        """Decide, wait, decide; what fails is sent again, as a page does."""
        chance = random.Random(self.number)
        time.sleep(chance.uniform(0, EVERY_SECONDS))
        while time.time() < self.until:
            began = time.time()
            try:
                item = self._items()[0]
            except (OSError, IndexError):
                self.failures += 1
                time.sleep(0.5)
                continue
            if chance.random() < 0.5:
                self._timed("/audio", "GET", item["audio"])
                self._timed("/drawing", "GET", item["drawing"])
            if chance.random() < 0.1:
                self._timed("/review", "GET", "/review")
            self._decide(decision(item, chance.choice(("accept", "accept", "skip")), reason=None))
            time.sleep(max(0.0, EVERY_SECONDS - (time.time() - began)))

    def _items(self) -> list[dict]:
        return json.loads(self._timed("/items", "GET", "/items?count=3"))["items"]

    def _decide(self, sent: dict) -> None:
        if sent["verdict"] == "skip":
            sent["reason"] = "unclear"
        while time.time() < self.until + 10:
            try:
                self._timed("/decide", "POST", "/decide", sent)
                self.held.append(sent["event_id"])
                return
            except OSError:
                self.failures += 1
                time.sleep(0.5)

    def _timed(self, what: str, method: str, path: str, body: object = None) -> bytes:
        began = time.perf_counter()
        status, _, content = self.visitor.ask(method, path, body)
        self.taken.append((what, time.perf_counter() - began))
        if status != 200:
            raise OSError(f"{path}: {status} {content!r}")
        return content


def load(folder: Path, count: int, seconds: float, kill: bool) -> None:
    """Let annotators work for some seconds, and print what it came to."""
    with Server(folder, "--overlap", OVERLAP) as server:
        os.sched_setaffinity(server.process.pid, {0})
        people = [Annotator(server, number, time.time() + seconds) for number in range(count)]
        until = time.time() + seconds
        for person in people:
            person.until = until
            person.start()
        if kill:
            time.sleep(seconds / 2)
            server.kill()
            server.start()
            os.sched_setaffinity(server.process.pid, {0})
        for person in people:
            person.join()
    _print_times(people, "with a kill" if kill else "in peace")
    _print_store(folder, people)


def _print_times(people: list[Annotator], what: str) -> None:
    taken: dict[str, list[float]] = {}
    for person in people:
        for name, seconds in person.taken:
            taken.setdefault(name, []).append(seconds)
            taken.setdefault("all", []).append(seconds)
    for name, times in sorted(taken.items()):
        ordered = sorted(times)
        share = [ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.95, 0.99)]
        figures = ", ".join(f"{value:.0f}" for value in share)
        print(f"{what:12} {name:10} {len(times):6,} answers: {figures} ms (50, 95, 99 %)")


def _print_store(folder: Path, people: list[Annotator]) -> None:
    with sqlite3.connect(folder.parent / "hearten.sqlite") as connection:
        rows = connection.execute(
            "select id, item, verdict, surplus, annotator from review_events"
        ).fetchall()
        sound = connection.execute("pragma integrity_check").fetchone()[0]
    held = {event for person in people for event in person.held}
    counting = Counter(
        item for _, item, verdict, surplus, _ in rows if verdict != "skip" and not surplus
    )
    over = sum(1 for count in counting.values() if count > OVERLAP)
    surplus = sum(1 for row in rows if row[3])
    twice = len(rows) - len({(item, who) for _, item, _, _, who in rows})
    print(
        f"  {len(rows):,} events held, {len(held - {row[0] for row in rows})} lost, {twice} twice, "
        f"{over} items decided by more than {OVERLAP}, {surplus} surplus, "
        f"{sum(person.failures for person in people)} requests failed; store: {sound}"
    )


def opening(folder: Path, count: int) -> None:
    """Print how long it takes from the command to the first item, and to the end of registering."""
    build = make(folder / f"samples{count}", count, None)
    for what in ("first", "again"):
        began = time.time()
        with Server(build) as server:
            listening = time.time() - began
            visitor = Visitor(server, "Ann")
            while not visitor.items():
                time.sleep(0.02)
            first = time.time() - began
            times = []
            for _ in range(20):
                at = time.perf_counter()
                visitor.decide(visitor.items(3)[0])
                times.append((time.perf_counter() - at) * 1000)
            print(
                f"{count:>9,} samples, {what}: listening after {listening:.2f} s, first item after "
                f"{first:.2f} s, decision and next items {statistics.median(times):.0f} ms, "
                f"page {_page(visitor):.0f} ms"
            )
            if what == "first":
                while visitor.get("/left")["items"] < count:
                    time.sleep(0.5)
                print(f"{count:>9,} samples: all registered after {time.time() - began:.0f} s")


def _page(visitor: Visitor) -> float:
    times = []
    for _ in range(5):
        at = time.perf_counter()
        visitor.ask("GET", "/review")
        times.append((time.perf_counter() - at) * 1000)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotators", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--samples", type=int, nargs="*", default=[1_000, 100_000])
    wanted = parser.parse_args()
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    with tempfile.TemporaryDirectory() as temporary:
        for kill in (False, True):
            build = make(Path(temporary) / f"kill{kill}" / "load", 5_000, flac(1.0))
            load(build, wanted.annotators, wanted.seconds, kill)
        for count in wanted.samples:
            opening(Path(temporary), count)


if __name__ == "__main__":
    main()
