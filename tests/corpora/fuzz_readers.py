"""Feeds damaged corpora to every reader: each ends in records and rejects, or in one line.

    PYTHONPATH=tests python tests/corpora/fuzz_readers.py --inputs 20000 --seed 1

The samples of all corpora are damaged, a few files at a time, and read as a build reads them:
twice, with labels, context and finished records. Nothing but an error of ours may be raised, within
`PATIENCE` seconds of processor time and `MEMORY` bytes for an input. The folder of an input that
broke something is kept. An input is made from the seed and its number alone.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
from corpora.mutations import damage_hdf5, damaged, other_name
from invented import ORIGIN, reply

from builders import resources
from builders.corpora import load_card, open_reader, slugs
from builders.corpora.reading import Defects, ReadingRules
from builders.errors import HeartenError
from builders.labels.aggregation import load_labelling
from builders.pipeline.plan import digest_of_files
from builders.pipeline.selection import Wanted
from builders.pipeline.stream import Corpus, Stream, survey
from builders.record.manifest import Ledger
from builders.record.sample import assemble
from builders.record.types import Drafted, Reject

PATIENCE = 5.0
MEMORY = 500 << 20
CLIPS = {".wav", ".mp4", ".flac", ".mp3"}
DRAFT = Drafted(reply(), [], "c" * 64, 1)


class TooLong(BaseException):
    """No input may take so long. Not an Exception: nobody shall take it for an error of theirs."""


def _ring(*_: object) -> None:
    raise TooLong


class Bench:
    """A copy of the sample of one corpus, damaged for one input and then put right."""

    def __init__(self, slug: str, place: Path) -> None:
        self.slug, self.root = slug, place / slug
        shutil.copytree(resources.corpora() / slug / "sample", self.root)
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        self.clips = [path for path in files if path.suffix in CLIPS]
        self.whole = {path: path.read_bytes() for path in files if path.suffix not in CLIPS}

    @contextmanager
    def damaged(self, rng: random.Random) -> Iterator[None]:
        """Damage up to two files, or the names of clips."""
        if not self.whole or (self.clips and rng.random() < 0.1):
            with self._renamed(rng):
                yield
            return
        chosen = rng.sample([*self.whole], min(rng.choice((1, 1, 1, 2)), len(self.whole)))
        for path in chosen:
            if path.suffix == ".csd" and rng.random() < 0.7:
                damage_hdf5(rng, path)
            else:
                path.write_bytes(damaged(rng, self.whole[path]))
        yield
        for path in chosen:
            path.write_bytes(self.whole[path])

    @contextmanager
    def _renamed(self, rng: random.Random) -> Iterator[None]:
        path = rng.choice(self.clips)
        new = os.path.join(os.fsencode(path.parent), other_name(rng, path.name))
        if os.path.exists(new):
            yield
            return
        os.rename(path, new)
        yield
        os.rename(new, path)


def read(bench: Bench, rng: random.Random) -> str:
    """Read a corpus as a build does; return what it came to."""
    card = load_card(bench.slug)
    on_error = rng.choice((None, "quarantine", "quarantine", "stop"))
    with_media = card.audio_origin != "none" and rng.random() < 0.5
    try:
        reader = open_reader(bench.slug, bench.root, with_media)
        view = card.label_source if card.label_views else None
        corpus = Corpus(
            bench.slug,
            reader,
            load_labelling(bench.slug, view),
            Defects.load(bench.slug),
            ReadingRules(on_error=on_error),
            card.contrast,
        )
        surveyed, ledger = survey(corpus, Wanted()), Ledger()
        digest_of_files(reader.files)
        items = list(Stream(corpus, surveyed, 8, "assistant", None, ledger))
    except HeartenError as error:
        line = str(error)
        if "\n" in line or len(line) > 60_000:
            raise ValueError("an error is not one line") from error
        return "refused"
    origin = replace(ORIGIN, corpus=card.slug, label_source=view or card.label_source)
    for item in items:
        if isinstance(item, Reject):
            orjson.dumps([item.id, item.reason, item.detail, item.raw])
        else:
            orjson.dumps(assemble(item, DRAFT, origin))
    orjson.dumps([dict(note) for note in reader.notes])
    if ledger.totals["read"] < len(items):
        raise ValueError(f"{ledger.totals['read']} read, {len(items)} came out")
    return "read"


def fuzz(inputs: range, seed: int, only: list[str], keep: Path, place: Path) -> dict[str, object]:
    """Read so many inputs; return how many came to what, and what broke."""
    benches = [Bench(slug, place) for slug in only]
    came, broke, longest = Counter[str](), list[str](), 0.0
    signal.signal(signal.SIGVTALRM, _ring)
    for number in inputs:
        rng = random.Random(f"{seed}-{number}")
        bench = benches[number % len(benches)]
        with bench.damaged(rng):
            faulthandler.dump_traceback_later(60, exit=True)
            started = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
            try:
                came[read(bench, rng)] += 1
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is what we look for
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                broke.append(_kept(error, bench, number, keep))
            longest = max(longest, time.process_time() - started)
    faulthandler.cancel_dump_traceback_later()
    count = {"inputs": len(inputs), "corpora": len(benches)}
    return {**count, **came, "broke": broke, "longest": longest, "peak_mb": peak()}


def _kept(error: BaseException, bench: Bench, number: int, keep: Path) -> str:
    """Keep the folder of an input; return what happened in one line."""
    if isinstance(error, KeyboardInterrupt):
        raise error
    ours = [f for f in traceback.extract_tb(error.__traceback__) if "/builders/" in f.filename]
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    line = f"{bench.slug} {number}: {type(error).__name__} {where}: {str(error)[:120]}"
    shutil.copytree(bench.root, keep / f"{bench.slug}-{number}", dirs_exist_ok=True)
    print(line, file=sys.stderr, flush=True)
    return line


def _status(name: str) -> int:
    """Return a number of bytes of this process; `ru_maxrss` would be that of its parent too."""
    said = Path("/proc/self/status").read_text("ascii")
    return int(said.partition(f"{name}:")[2].split()[0]) << 10


def peak() -> int:
    """Return the most memory that this process held, in MB."""
    return _status("VmHWM") >> 20


def main() -> None:
    """Fuzz, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpora", nargs="+", default=[*slugs()])
    parser.add_argument("--keep", type=Path, default=Path("fuzzed"))
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        warm = Path(folder) / "warm"
        fuzz(range(len(told.corpora)), -1, told.corpora, told.keep, warm)
        most = _status("VmSize") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        numbers = range(told.first, told.first + told.inputs)
        print(json.dumps(fuzz(numbers, told.seed, told.corpora, told.keep, Path(folder) / "f")))


if __name__ == "__main__":
    main()
