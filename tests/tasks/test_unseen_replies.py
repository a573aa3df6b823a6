"""Rows written without sight of the checks: what is found of them, in the half kept apart and not.

The lower bounds of the half that was used for mending are higher than those of the other.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from builders.safety.routing import route
from builders.tasks.reply.checks.rows import Row, check_row, read_rows_of, said_before

ROWS = Path(__file__).parent / "replies" / "unseen"


def rows(name: str) -> list[Row]:
    found = list(read_rows_of(ROWS / name))
    assert found
    assert all(isinstance(one, Row) for one in found)
    return [one for one in found if isinstance(one, Row)]


@pytest.mark.parametrize(("half", "least", "most"), [("a", 0.97, 0.01), ("b", 0.9, 0.04)])
def test_bad_replies_are_refused_and_good_ones_are_not(half, least, most):
    found = Counter[tuple[object, bool]]()
    for one in map(check_row, rows(f"check_{half}.jsonl")):
        found[one.row.document["gold"], one.verdict in ("reject", "crisis")] += 1
    assert found["reject", True] >= least * (found["reject", True] + found["reject", False])
    assert found["keep", True] <= most * (found["keep", True] + found["keep", False])


@pytest.mark.parametrize(("half", "least"), [("a", 0.95), ("b", 0.8)])
def test_explicit_lines_are_a_crisis_and_ways_of_speaking_are_not(half, least):
    found = Counter[tuple[object, bool]]()
    for line in (ROWS / f"route_{half}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        to = route(row["utterance"], said_before(row), row["lang"]).route
        found[row["gold"], to == "crisis"] += 1
    assert found["crisis", True] >= least * (found["crisis", True] + found["crisis", False])
    assert found["normal", True] <= 0.03 * (found["normal", True] + found["normal", False])
