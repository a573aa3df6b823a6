"""Where lines that people really say are routed: how many, and each line routed to a crisis.

    python bench/routes.py [--route sensitive]

Every utterance of MELD and EmoryNLP with the eight turns before it, as a build routes it
(HEARTEN_REAL_DATA says where they lie). At most 0.5 % may come out as a crisis; each is listed with
its reasons, for a person to read. Last comes the rate: utterances a second of processor time, warm.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.corpora import open_reader  # noqa: E402 - needs the path
from builders.corpora.reading import Defects, read_split  # noqa: E402
from builders.record.types import Dialogue  # noqa: E402
from builders.safety.routing import Routed, SaidBefore, route  # noqa: E402
from builders.stats import share  # noqa: E402

REAL = {"meld": (), "emorynlp": ("dev",)}
TURNS, MOST = 8, 0.005


def spoken(folder: Path) -> Iterator[tuple[str, str, str, list[SaidBefore]]]:
    """Yield corpus, id, text and the turns before, of every utterance that is there."""
    for slug, splits in REAL.items():
        if not (folder / slug).is_dir():
            continue
        reader = open_reader(slug, folder / slug, False, splits)
        defects = Defects.load(slug).without_clips()
        for split in reader.splits:
            for item in read_split(reader, slug, split, defects):
                if isinstance(item, Dialogue):
                    yield from _of(slug, item)


def _of(slug: str, dialogue: Dialogue) -> Iterator[tuple[str, str, str, list[SaidBefore]]]:
    every = dialogue.utterances
    for at, one in enumerate(every):
        before = [
            SaidBefore(b.speaker == one.speaker, b.text) for b in every[max(0, at - TURNS) : at]
        ]
        yield slug, one.id, one.text, before


def shown(routed: Routed) -> str:
    """Return the reasons that led to a route."""
    return ", ".join(dict.fromkeys(r.code for r in routed.reasons if r.route == routed.route))


def main() -> int:
    """Print counts by corpus and route, and the lines of one route."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--route", default="crisis", help="which lines are listed")
    listed = parser.parse_args().route
    folder = Path(os.environ.get("HEARTEN_REAL_DATA", ROOT.parent / "shared/data"))
    lines = [*spoken(folder)]
    if not lines:
        sys.exit(f"error: there is nothing of {', '.join(REAL)} in {folder}")
    counts: Counter[tuple[str, str]] = Counter()
    started = time.process_time()
    for slug, name, text, before in lines:
        routed = route(text, before)
        counts[slug, routed.route] += 1
        if routed.route == listed:
            print(f"{name}\t{shown(routed)}\t{text}")
    rate = len(lines) / (time.process_time() - started)
    print()
    for slug in dict.fromkeys(slug for slug, *_ in lines):
        of = sum(count for (corpus, _), count in counts.items() if corpus == slug)
        parts = [f"{r} {n}" for (corpus, r), n in sorted(counts.items()) if corpus == slug]
        crisis = share([True] * counts[slug, "crisis"] + [False] * (of - counts[slug, "crisis"]))
        told = f"{crisis.share:.2%} crisis ({crisis.low:.2%} to {crisis.high:.2%})"
        print(f"{slug}: {of} utterances; {', '.join(parts)}; {told}")
    print(f"{rate:,.0f} utterances a second")
    crises = sum(count for (_, found), count in counts.items() if found == "crisis")
    return int(crises > MOST * len(lines))


if __name__ == "__main__":
    sys.exit(main())
