"""How many names of people are found in what people really say, and what is taken for one.

    python bench/people.py

Needs the extra `ner`. `people.tsv` has the places of the names in 200 utterances of MELD and
EmoryNLP (HEARTEN_REAL_DATA says where they lie). Here the names of characters count as names. Each
line that differs is printed; last come precision, recall and utterances a second.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from routes import spoken  # noqa: E402 - needs the path

from builders.labels.tables import read_rows  # noqa: E402
from builders.safety.people import PeopleFinder  # noqa: E402
from builders.stats import share  # noqa: E402

TABLE = ROOT / "bench/people.tsv"


def same(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether one span covers at least half of both, as `hearten redact` counts."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return 2 * shared >= max(one[1] - one[0], other[1] - other[0])


def expected(written: str) -> list[tuple[int, int]]:
    """Return the places that a row names."""
    pairs = (one.split("-") for one in written.split())
    return [(int(start), int(end)) for start, end in pairs]


def main() -> None:
    """Print what differs, then precision, recall and rate."""
    folder = Path(os.environ.get("HEARTEN_REAL_DATA", ROOT.parent / "shared/data"))
    texts = {name: text for _, name, text, _ in spoken(folder)}
    if not texts:
        sys.exit(f"error: there is nothing of MELD or EmoryNLP in {folder}")
    people, right, hit = PeopleFinder(), [], []
    people.spans(["Ann."])  # loads the model
    started, rows = time.process_time(), read_rows(TABLE, ("id", "names"), key=("id",))
    for row in rows:
        text, gold = texts[row.text("id")], expected(row.cells["names"])
        found = [(span.start, span.end) for span in people.spans([text])[0]]
        right += [any(same(one, other) for other in gold) for one in found]
        hit += [any(same(one, other) for other in found) for one in gold]
        if {*found} != {*gold}:
            print(row.text("id"), [text[a:b] for a, b in found], [text[a:b] for a, b in gold], text)
    rate = len(rows) / (time.process_time() - started)
    for name, of in (("precision", share(right)), ("recall", share(hit))):
        print(f"{name} {of.count} of {of.of}, {of.share:.2f} ({of.low:.2f} to {of.high:.2f})")
    print(f"{rate:,.0f} utterances a second")


if __name__ == "__main__":
    main()
