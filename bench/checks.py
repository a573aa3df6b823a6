"""What each check of replies finds: of bad ones, of good ones, and of what people really say.

    python bench/checks.py [--rows 12000]

The rows of tests/tasks/replies were invented by somebody who had not seen the checks. What people
say is every turn of three words or more of MELD and EmoryNLP by another speaker than the turn
before, taken as a reply to it (HEARTEN_REAL_DATA says where they lie; without it that column is
empty). label_maps/reply/_off_for_people.tsv names the codes that their lives rightly set off. A
code may refuse where at least 30 bad rows and 300 real ones give a recall of 0.6 or more and false
alarms of at most 0.5 %; intervals are Wilson's, 95 %. Last comes the rate: replies a second of
processor time, warm.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from builders.corpora import open_reader  # noqa: E402 - needs the path
from builders.corpora.reading import Defects, read_split  # noqa: E402
from builders.labels.aggregation import Labelling, load_labelling  # noqa: E402
from builders.labels.tables import TableRow, read_rows  # noqa: E402
from builders.record.types import Dialogue  # noqa: E402
from builders.stats import Share, share  # noqa: E402
from builders.tasks.reply.checks.candidate import Candidate, Scene  # noqa: E402
from builders.tasks.reply.checks.registry import all_hits, load_checks, run_checks  # noqa: E402
from builders.tasks.reply.checks.rows import CheckedRow, Row, check_row, read_rows_of  # noqa: E402

REPLIES = ROOT / "tests/tasks/replies"
REAL = {"meld": (), "emorynlp": ("dev",)}
LEAST_WORDS, LEAST_BAD, LEAST_REAL = 3, 30, 300
RECALL, FALSE_ALARMS = 0.6, 0.005


def checked(name: str) -> list[CheckedRow]:
    """Return the checked rows of a file of invented replies; none where there is no file."""
    path = REPLIES / name
    rows = read_rows_of(path) if path.is_file() else iter(())
    return [check_row(row) for row in rows if isinstance(row, Row)]


def said(folder: Path) -> Iterator[Candidate]:
    """Yield what people say as replies to what was said before."""
    for slug, splits in REAL.items():
        if not (folder / slug).is_dir():
            continue
        reader, labelling = open_reader(slug, folder / slug, False, splits), load_labelling(slug)
        defects = Defects.load(slug).without_clips()
        for split in reader.splits:
            for item in read_split(reader, slug, split, defects):
                if isinstance(item, Dialogue):
                    yield from _replies(item, labelling)


def _replies(dialogue: Dialogue, labelling: Labelling) -> Iterator[Candidate]:
    names = tuple({one.speaker for one in dialogue.utterances if one.speaker})
    for at, (before, reply) in enumerate(
        zip(dialogue.utterances, dialogue.utterances[1:], strict=False)
    ):
        if before.speaker == reply.speaker or len(reply.text.split()) < LEAST_WORDS:
            continue
        turns = tuple(one.text for one in dialogue.utterances[max(0, at - 8) : at])
        document = {
            "text": reply.text,
            "emotion": None,
            "strategies": ["validation"],
            "awareness": {"act": "", "emotions": []},
        }
        scene = Scene(before.text, turns, names=names)
        yield Candidate(document, labelling.emotions(before), scene=scene)


def percent(found: Share) -> str:
    """Return a share with the end of its interval that matters to whoever allows it."""
    if found.share is None or found.high is None:
        return "-"
    return f"{found.share:.2%} (at most {found.high:.2%})"


def recall(found: Share) -> str:
    """Return a share with its interval."""
    if found.share is None or found.low is None or found.high is None:
        return "-"
    return f"{found.count}/{found.of} {found.share:.2f} ({found.low:.2f} to {found.high:.2f})"


def table(people: Sequence[frozenset[str]]) -> Iterator[str]:
    """Yield the rows of the table of codes."""
    kinds = {r.cells["kind"]: r.cells["codes"].split() for r in _table(REPLIES / "kinds.tsv")}
    off = {row.cells["code"] for row in _table(ROOT / "label_maps/reply/_off_for_people.tsv")}
    yield "| code | severity | bad rows of its kind | real replies | by the rule |"
    yield "| --- | --- | --- | --- | --- |"
    for check in load_checks():
        rows = [
            one
            for kind, codes in kinds.items()
            if check.code in codes
            for one in checked(f"positives_{kind}.jsonl")
        ]
        # A kind may have several codes: any of them is a find.
        codes = {c for kind, known in kinds.items() if check.code in known for c in known}
        found = share([bool(one.found & codes) for one in rows])
        alarms = share([check.code in one for one in people])
        real = "off: people do so" if check.code in off else percent(alarms)
        rule = _rule(found, alarms, check.code in off)
        yield f"| {check.code} | {check.severity} | {recall(found)} | {real} | {rule} |"


def _rule(found: Share, alarms: Share, off: bool) -> str:
    if found.of < LEAST_BAD or (alarms.of < LEAST_REAL and not off):
        return "too few rows"
    enough = (found.share or 0) >= RECALL and (off or (alarms.share or 0) <= FALSE_ALARMS)
    return "may refuse" if enough else "notes"


def _table(path: Path) -> list[TableRow]:
    return read_rows(path, (), key=())


def totals() -> None:
    """Print how many bad rows are refused, and how many that must not be."""
    for name in ("positives", "near_misses"):
        files = sorted(REPLIES.glob(f"{name}_*.jsonl"))
        rows = [one for path in files for one in checked(path.name)]
        print(f"{name}: {recall(share([one.verdict == 'reject' for one in rows]))} refused")


def main() -> None:
    """Print the table and the rate."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=20_000, help="real replies, at most")
    most = parser.parse_args().rows
    folder = Path(os.environ.get("HEARTEN_REAL_DATA", "../shared/data"))
    candidates = list(islice(said(folder), most))
    people = [frozenset(check.code for check, _ in all_hits(one)) for one in candidates]
    print("\n".join(table(people)))
    totals()
    refused = Counter(code for one in people for code in one)
    print(f"{len(people):,} real replies; commonest codes: {refused.most_common(6)}")
    began = time.process_time()
    for one in candidates:
        run_checks(one)
    spent = time.process_time() - began
    if candidates:
        print(f"{len(candidates) / spent:,.0f} replies a second and core")


if __name__ == "__main__":
    main()
