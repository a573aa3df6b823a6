"""What votes cost, and what the measures show of voters and judges whose skill is known.

    python bench/contribution.py [--targets 20000] [--voters 3]

The endpoint answers at once, on the same two cores. Voters guess, always say neutral, or never
tell; judges hear the difference, take what comes first, or guess. MELD's and
CREMA-D's real annotation files are used where they are (`HEARTEN_REAL_DATA`), else the samples.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests"), str(Path(__file__).parent)]

from corpus import make_corpus  # noqa: E402
from endpoints import TestEndpoint  # noqa: E402

DATA = Path(os.environ.get("HEARTEN_REAL_DATA") or PROJECT.parent / "shared" / "data")
LAZY = {"match": "^always-neutral\n", "answer": {"emotion": "neutral"}}
SILENT = {"match": "^never-tells\n", "answer": {"emotion": "cannot_tell"}}


def build(corpus: str, source: Path, name: str, output: Path, *more: object) -> dict[str, Any]:
    """Run a text-only build by the phrasebook; return seconds, peak memory in MB, requests."""
    of = (
        "--corpus",
        corpus,
        "--source",
        source,
        "--text-only",
        "--no-reply-worthy",
        "--name",
        name,
        "--output",
        output,
    )
    command = [sys.executable, "-m", "builders", "build", *map(str, (*of, *more))]
    started = time.time()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {status}")
    run = json.loads((output / name / "manifest.json").read_text())["run"]
    seconds = time.time() - started
    return {"seconds": seconds, "peak": usage.ru_maxrss / 1024, "requests": run["requests"]}


def voters(endpoint: TestEndpoint, *models: str) -> list[str]:
    """Return the options that name these voters."""
    return [part for m in models for part in ("--vote-model", f"{m}@{endpoint.base_url}")]


def cost(targets: int, count: int, output: Path) -> None:
    """Print what votes take beside a build without them, and once they are held."""
    source = make_corpus(output / "corpus", targets)
    with TestEndpoint(any_model=True, reads=True) as endpoint:
        votes = voters(endpoint, *(f"reader-{n}" for n in range(count)))
        for name, more in (("without votes", []), ("with votes", votes), ("votes held", votes)):
            found = build("meld", source, name.replace(" ", "-"), output, *more)
            print(f"{name}: {found}", flush=True)


def skill(corpus: str, source: Path, output: Path) -> None:
    """Print the measures of voters whose skill is known, and the classes that come of them."""
    from builders.report import contribution, tallies

    with TestEndpoint(any_model=True, reads=True) as endpoint:
        endpoint.control(rules=[LAZY, SILENT])
        models = voters(endpoint, "guesses", "always-neutral", "never-tells")
        print(build(corpus, source, f"{corpus}-voted", output, *models))
    counted = tallies.samples(sorted((output / f"{corpus}-voted" / "data").glob("*.parquet")))
    for of in contribution.by_corpus(counted.votes, counted.classes):
        for row in of.models:
            print(f"{corpus}: {row}")
        print(f"{corpus}: {dict(zip(contribution.CLASSES, of.classes, strict=True))}", flush=True)


def swap(output: Path) -> None:
    """Print what the swap test says of judges whose skill is known, on CREMA-D's sample."""
    from builders.evaluation.pairs import pairs_of
    from builders.record.dataset import Build

    of = ("--corpus", "crema_d", "--sample", "--output", output, "--show", 0)
    subprocess.run(
        [sys.executable, "-m", "builders", "build", *map(str, of)], cwd=PROJECT, check=True
    )
    folder = output / "crema_d-sample"
    told = [pair for pair in pairs_of(Build(folder)) if pair.can_be_told]
    straight = (
        rf"Voice 1: {re.escape(str(pair.one.voice))}\n.*"
        rf'Reply A: "{re.escape(pair.one.reply)}"\nReply B: "{re.escape(pair.other.reply)}"'
        for pair in told
    )
    right = [*({"match": s, "answer": {"voice_1": "A"}} for s in straight)]
    judges = {
        "hears": [*right, {"match": "", "answer": {"voice_1": "B"}}],
        "first": [{"match": "", "answer": {"voice_1": "A"}}],
        "guesses": [
            {"match": "", "answer": {"voice_1": "A"}, "share": 0.5},
            {"match": "", "answer": {"voice_1": "B"}},
        ],
    }
    with TestEndpoint(any_model=True) as endpoint:
        for name, rules in judges.items():
            endpoint.control(rules=rules)
            asked = ("judge", folder, "--model", name, "--base-url", endpoint.base_url, "--json")
            done = subprocess.run(
                [sys.executable, "-m", "builders", *map(str, asked)],
                cwd=PROJECT,
                check=True,
                capture_output=True,
            )
            print(f"judge {name}: {json.loads(done.stdout)['swap']}", flush=True)


def main() -> None:
    """Run all of it and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=20_000)
    parser.add_argument("--voters", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        cost(chosen.targets, chosen.voters, output)
        for corpus in ("meld", "crema_d"):
            sample = PROJECT / "builders" / "corpora" / corpus / "sample"
            skill(corpus, DATA / corpus if (DATA / corpus).is_dir() else sample, output)
        swap(output)


if __name__ == "__main__":
    main()
