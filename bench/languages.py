"""How many real English turns are taken for another language, how many short lines for English.

    python bench/languages.py

Reads the turns of MELD and EmoryNLP where they are (`HEARTEN_REAL_DATA`, or `../shared/data`), and
the invented lines of `tests/tasks/other_languages.tsv`.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.labels.tables import read_rows  # noqa: E402
from builders.tasks.reply.checks.foreign import told_language  # noqa: E402

REAL = Path(os.environ.get("HEARTEN_REAL_DATA", ROOT.parent / "shared" / "data"))
LINES = ROOT / "tests/tasks/other_languages.tsv"


def turns() -> list[str]:
    """Return all real turns, which are in English but for a few."""
    said = []
    for path in sorted([*REAL.glob("meld/*.csv"), *REAL.glob("emorynlp/*.csv")]):
        with path.open(newline="", encoding="utf-8") as stream:
            said += [row["Utterance"] for row in csv.DictReader(stream)]
    return said


def main() -> None:
    """Print both counts, and the lines that are told wrongly."""
    said, start = turns(), time.perf_counter()
    alarms = Counter(text for text in said if told_language(text, "en") != "en")
    seconds = time.perf_counter() - start
    print(f"{len(said):,} English turns: {alarms.total()} taken for others, in {seconds:.1f} s")
    for text in alarms:
        print(f"    {told_language(text, 'en')}  {text}")
    rows = read_rows(LINES, ("language", "set", "line"), key=("line",))
    for part in ("first", "second"):
        lines = [row for row in rows if row.text("set") == part]
        told = [(row, told_language(row.text("line"), "en")) for row in lines]
        found = [row for row, code in told if code != "en"]
        named = sum(code == row.text("language") for row, code in told)
        print(f"{part} set: {len(found)} of {len(lines)} lines told, {named} by name")
        print("    missed:", "; ".join(row.text("line") for row, code in told if code == "en"))
        wrong = [(row, c) for row, c in told if c not in ("en", "und", row.text("language"))]
        print("    misnamed:", "; ".join(f"{row.text('line')} ({c})" for row, c in wrong))


if __name__ == "__main__":
    main()
