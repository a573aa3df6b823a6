"""`build --redraft flagged`: what the checks noted is drafted again, with what they say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from builds import hearten, one_line_error, samples
from endpoints import TestEndpoint
from trees import make_meld_tree, meld_row

OPENER = "I am sorry to hear that."  # a stock opener: the checks note it
GOOD = "You were looking forward to that, and now it is gone."
AGAIN = "Checks of that reply found this:"


def rule(text: str, match: str) -> dict[str, Any]:
    return {
        "match": match,
        "answer": {
            **{"text": text, "emotion": "neutral", "strategies": ["validation"]},
            "awareness": {"act": "acknowledges", "emotions": ["sadness"]},
        },
    }


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


@pytest.fixture(scope="module")
def once(tmp_path_factory, endpoint):
    """A build of ten targets, of which the third of each of two dialogues has a stock opener."""
    root = tmp_path_factory.mktemp("flagged")
    rows = [meld_row(d, u, Emotion="sadness") for d in range(2) for u in range(5)]
    make_meld_tree(root / "meld", {"train": rows})
    plain = [rule(f"{GOOD} That is {n} now." if n else GOOD, f"sentence {n} of") for n in range(4)]
    noted = rule(OPENER, r"(?s)now: .*?sentence 2 of")
    endpoint.control(rules=[noted, *plain[::-1], rule(GOOD, "")], keep_bodies=True)
    assert run(root, endpoint).code == 0
    return root


@pytest.fixture
def root(once, tmp_path):
    shutil.copytree(once, tmp_path / "copy")
    return tmp_path / "copy"


def run(root: Path, endpoint: TestEndpoint, *more: Any):
    return hearten(
        *("build", "--corpus", "meld", "--source", root / "meld", "--text-only", "--plan", "none"),
        *("--output", root / "out", "--model", "m", "--base-url", endpoint.base_url, *more),
    )


def noted(folder: Path, code: str) -> set[str]:
    return {
        record["id"]
        for record in samples(folder)
        if code in {one["code"] for one in record["checks"]["results"]}
    }


def test_replies_with_a_code_are_drafted_again_and_the_model_is_told_why(root, endpoint):
    flagged = noted(root / "out" / "meld", "stock_opener")
    assert flagged
    endpoint.control(rules=[rule(GOOD, "")], keep_bodies=True)
    again = run(root, endpoint, "--redraft", "flagged:stock_opener")
    assert again.code == 0, again.err
    assert f"drafted again: {len(flagged)};" in again.out
    bodies = [body for body in endpoint.log()["bodies"] if AGAIN in str(body)]
    assert len(bodies) == len(flagged) == endpoint.log()["count"]
    *_, earlier, said = bodies[0]["messages"]
    assert OPENER in earlier["content"] and said["content"].startswith(AGAIN)
    assert "sorry" in said["content"]
    assert not noted(root / "out" / "meld@2", "stock_opener")
    before = {r["id"]: r for r in samples(root / "out" / "meld")}
    for record in samples(root / "out" / "meld@2"):
        same = record["desired_response"] == before[record["id"]]["desired_response"]
        assert same == (record["id"] not in flagged)
    once_more = run(root, endpoint, "--redraft", "flagged:echo")
    assert "meld@2 was started with --redraft flagged:stock_opener" in one_line_error(once_more)


def test_without_codes_every_note_and_what_repeats_counts(root, endpoint):
    ids = {record["id"] for record in samples(root / "out" / "meld")}
    twin = min(ids - noted(root / "out" / "meld", "stock_opener"))
    listed = f"id\treason\n{twin}\tset_same\n"
    (root / "out" / "meld" / "gated.tsv").write_text(listed)
    endpoint.control(rules=[rule(GOOD, "")], keep_bodies=True)
    again = run(root, endpoint, "--redraft", "flagged:set_same")
    assert again.code == 0, again.err
    (body,) = [body for body in endpoint.log()["bodies"] if AGAIN in str(body)]
    assert "word for word the same as a reply to somebody else" in str(body)


def test_an_unknown_code_is_one_line_with_the_nearest(root, endpoint):
    line = one_line_error(run(root, endpoint, "--redraft", "flagged:stock_openr"))
    assert "there is no code 'stock_openr'; did you mean stock_opener?" in line
    assert not (root / "out" / "meld@2").exists()


def test_where_nothing_is_flagged_that_is_said(root, endpoint):
    line = one_line_error(run(root, endpoint, "--redraft", "flagged:all_caps"))
    assert "no reply of meld is flagged with all_caps" in line
    line = one_line_error(run(root, endpoint, "--redraft", "flagged:"))
    assert "--redraft flagged: names no samples; expected rejected, stale, flagged" in line
