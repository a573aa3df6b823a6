"""At how many minimal pairs planted dependence of what strength is found, and how long it takes.

    OPENBLAS_NUM_THREADS=1 python bench/certificate.py [--rounds 10]

Invented sets with the shape of CREMA-D (12 sentences, so many actors, voices drawn around the mean
of their label) whose replies follow the voice, the label or nothing, all of them or a share. For
each it prints in how many of the rounds the certificate says so, and in how many it says that they
follow the voice, which is wrong where they follow the label or nothing; then the mean share of
pairs that the voice told, and the seconds of one certificate. Needs the extra show-near.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "evaluation")]

from synthetic_pairs import pairs_by  # noqa: E402 - needs the path

from builders.evaluation.certificate.certifying import certify  # noqa: E402
from builders.tasks.reply.meaning import open_embeddings  # noqa: E402

ACTORS = (10, 20, 40, 90)
CASES = (("voice", 1.0), ("voice", 0.5), ("voice", 0.25), ("label", 1.0), ("nothing", 1.0))


def main() -> int:
    """Print a line for each case and number of actors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    embeddings = open_embeddings()
    print("follows    share  actors  pairs  said so  said voice  by voice  seconds")
    for obeys, share in CASES:
        for actors in ACTORS:
            said: Counter[str] = Counter()
            right, pairs, began = 0.0, 0, time.perf_counter()
            for seed in range(rounds):
                found = certify(pairs_by(obeys, actors, seed, share), *embeddings)
                said[found["depends"]] += 1
                right += found["told_by"]["voice"]["share"] or 0.0
                pairs += found["pairs"]
            each = (time.perf_counter() - began) / rounds
            so = said["neither" if obeys == "nothing" else obeys]
            print(
                f"{obeys:<9}  {share:5.0%}  {actors:6}  {pairs // rounds:5}  {so:4}/{rounds:<2}  "
                f"{said['voice']:7}/{rounds:<2}  {right / rounds:8.1%}  {each:7.2f}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
