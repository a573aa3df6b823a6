"""What sending clips costs: CPU per request and peak memory, beside the same drafts without them.

    python bench/hear.py [--drafts 500 2000] [--seconds 5]

Targets are made as they are asked for, each with a clip of its own in memory, and their records are
let go as a build lets them go. The endpoint takes clips apart to their samples in a process of its
own. Marginal CPU is (more drafts - fewer drafts) / difference; each figure is one run.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
# In place of this folder, which has a voice of its own.
sys.path[:1] = [str(PROJECT), str(PROJECT / "tests")]

from audio.voices import RATE, spoken  # noqa: E402
from endpoints import TestEndpoint  # noqa: E402
from invented import target  # noqa: E402

from builders.audio.decode import as_flac, pcm_digest  # noqa: E402
from builders.llm.budget import Budget  # noqa: E402
from builders.llm.runner import WINDOW_WITH_CLIPS, Setup, ask, open_session  # noqa: E402
from builders.llm.settings import Limits, ModelSettings, Sampling  # noqa: E402
from builders.progress import ProgressState  # noqa: E402
from builders.record.types import Clip, Target  # noqa: E402
from builders.store.database import Store  # noqa: E402
from builders.tasks.reply.asking import PromptExtras  # noqa: E402
from builders.tasks.reply.draft import Drafter  # noqa: E402

CONCURRENCY = 64


def targets(count: int, seconds: float) -> Iterator[Target]:
    """Yield targets, each with bytes of its own."""
    pcm = spoken(150.0, seconds, sway=3.0)
    flac, digest = as_flac(pcm), pcm_digest(pcm)
    for number in range(count):
        own = bytes(bytearray(flac))
        clip = Clip(own, digest, len(pcm), len(pcm) / RATE, "a.wav", "b" * 64)
        yield target(number, clip=clip)


async def draft(count: int, seconds: float, address: str, hears: bool, output: Path) -> None:
    """Draft a reply to each target."""
    store = Store(str(output / "store.sqlite"))
    extras = PromptExtras(hears=hears)
    drafter = Drafter("test-model", "assistant", "voice", Sampling(), extras=extras)
    budget = Budget({"test-model": None}, None, None, ())
    setup = Setup(store, "bench", Limits(max_concurrency=CONCURRENCY), budget, quiet=True)
    model = ModelSettings(model="test-model", base_urls=(address,))
    async with open_session(setup, [model], ProgressState(count)) as session:
        asked = ask(
            drafter, targets(count, seconds), session, in_thread=True, window=WINDOW_WITH_CLIPS
        )
        async for _ in asked:
            pass
    store.close()
    if session.stopped:
        sys.exit(str(session.stopped))


def measure(count: int, seconds: float, hears: bool) -> dict[str, float]:
    """Run `draft` in a process of its own and return what it took."""
    with TestEndpoint(latency=0.05) as endpoint, tempfile.TemporaryDirectory() as output:
        own = [sys.executable, __file__, "--run", str(count), "--seconds", str(seconds)]
        more = ["--address", endpoint.base_url, "--output", output, *(["--hear"] * hears)]
        done = subprocess.run([*own, *more], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    """Print a line for each number of drafts, with and without the clips."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--drafts", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each clip")
    for name in ("--address", "--output"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--hear", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        started = time.perf_counter()
        output = Path(given.output)
        asyncio.run(draft(given.run, given.seconds, given.address, given.hear, output))
        used = resource.getrusage(resource.RUSAGE_SELF)
        taken = {"clock": time.perf_counter() - started, "cpu": used.ru_utime + used.ru_stime}
        print(json.dumps({**taken, "peak": used.ru_maxrss / 1024}))
        return
    for hears in (False, True):
        found = {count: measure(count, given.seconds, hears) for count in given.drafts}
        for count, took in found.items():
            sent = "with clips" if hears else "without"
            print(f"{count:,} {sent}: {took['clock']:.1f} s, {took['peak']:.0f} MB at most")
        for few, more in itertools.pairwise(given.drafts):
            cpu = (found[more]["cpu"] - found[few]["cpu"]) / (more - few)
            print(f"  from {few:,} to {more:,}: {cpu * 1000:.2f} ms of CPU a draft")


if __name__ == "__main__":
    main()
