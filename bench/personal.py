"""Which personal data is found in what people really say: every span, to be read by a person.

    python bench/personal.py

Every utterance of MELD and EmoryNLP (HEARTEN_REAL_DATA says where they lie). What comes out is a
false alarm unless it is a number, an address or the like. Last come the counts by kind and the
rate: utterances a second of processor time, warm.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from routes import spoken  # noqa: E402 - needs the path

from builders.safety.personal import personal_data  # noqa: E402


def main() -> None:
    """Print each span with its kind and line, then counts and rate."""
    folder = Path(os.environ.get("HEARTEN_REAL_DATA", ROOT.parent / "shared/data"))
    lines = [(name, text) for _, name, text, _ in spoken(folder)]
    if not lines:
        sys.exit(f"error: there is nothing of MELD or EmoryNLP in {folder}")
    counts: Counter[str] = Counter()
    started = time.process_time()
    for name, text in lines:
        for span in personal_data(text):
            counts[span.kind] += 1
            print(f"{name}\t{span.kind}\t{text[span.start : span.end]}\t{text}")
    rate = len(lines) / (time.process_time() - started)
    told = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
    print(f"\n{len(lines)} utterances: {told or 'nothing'}; {rate:,.0f} a second")


if __name__ == "__main__":
    main()
