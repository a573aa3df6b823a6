"""What publishing costs: seconds against copies and hashes of the bytes, and peak memory.

    python bench/publishing.py [--samples 1000 10000] [--kilobytes 200] [--whole]

The clips are bytes that no decoder takes, so a run shows that nothing is decoded or encoded again.
Staging is `hearten publish --dry-run` in a process of its own; with `--whole` the version is also
published to a loopback Hub, loaded from there in another process, merged and tagged. One copy and
one hash pass over the same bytes are measured beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

# Passes of SHA-256 over all bytes: the build's files, each clip, the staged files.
PASSES = 3


def records(count: int, size: int):  # noqa: ANN201
    """Yield samples, each with so many random bytes as its clip."""
    from publishable import sample

    for number in range(1, count + 1):
        one = sample(number)
        one["audio"] = {"path": f"{one['id']}.flac", "bytes": os.urandom(size)}
        yield one


def inner(folder: Path, whole: bool) -> None:
    """Publish under open terms; runs in the process that is measured."""
    from hub.server import LoopbackHub
    from publishable import OPEN

    from builders.corpora import Rights, load_card
    from builders.release import rights
    from builders.release.hub.client import Hub
    from builders.release.hub.release import PublishOptions, publish
    from builders.release.rules import PublishRules

    card = load_card("meld").model_copy(update={"rights": Rights(**OPEN)})
    rights.load_card = lambda slug: card
    with LoopbackHub(folder.parent / "hub") as server:
        hub = Hub("org/dataset", endpoint=server.url, token="hf_test")
        publish(
            PublishOptions(folder, hub.repo, dry_run=not whole),
            PublishRules(),
            hub,
            lambda line: None,
        )
    # Not that of the process which loads the version: it maps its files into memory.
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measured(folder: Path, *flags: str) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of one run."""
    started = time.monotonic()
    surroundings = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder.parent / "home")}
    done = subprocess.run(
        [sys.executable, __file__, "--inner", str(folder), *flags],
        env=surroundings,
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        sys.exit(f"publishing {folder} ended with {done.returncode}")
    return time.monotonic() - started, float(done.stdout)


def copied(folder: Path) -> float:
    """Return the seconds that one copy of a build's files takes, read and written in pieces."""
    started, target = time.monotonic(), folder.parent / "copy"
    for path in (folder / "data").iterdir():
        # Not by the system's own copying, which moves no byte through the program.
        with path.open("rb") as source, target.open("wb") as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)
    seconds = time.monotonic() - started
    target.unlink()
    return seconds


def hashed(folder: Path) -> float:
    """Return the seconds that one pass of SHA-256 takes."""
    started = time.monotonic()
    for path in (folder / "data").iterdir():
        with path.open("rb") as stream:
            hashlib.file_digest(stream, "sha256")
    return time.monotonic() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--kilobytes", type=int, default=200)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--inner", type=Path)
    wanted = parser.parse_args()
    if wanted.inner:
        inner(wanted.inner, wanted.whole)
        return
    from publishable import make_build

    for count in wanted.samples:
        with tempfile.TemporaryDirectory() as place:
            folder = make_build(Path(place) / "b", records(count, wanted.kilobytes * 1_000))
            copy, digest = copied(folder), hashed(folder)
            seconds, peak = measured(folder)
            share = (seconds - PASSES * digest) / copy
            size = sum(p.stat().st_size for p in (folder / "data").iterdir()) / 1e9
            print(
                f"{count:,} samples, {size:.2f} GB: one copy {copy:.1f} s, one hash pass "
                f"{digest:.1f} s; staging {seconds:.1f} s = {PASSES} hash passes + {share:.1f} "
                f"copies, peak {peak:,.0f} MB",
                flush=True,
            )
            if wanted.whole:
                seconds, peak = measured(folder, "--whole")
                print(f"  published and loaded: {seconds:.1f} s, peak {peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
