"""Several drafts of each target: the best by the checks is the reply, the others are kept."""

from __future__ import annotations

import signal
import subprocess
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from builds import command, environment, hearten, manifest, one_line_error, result_bytes, samples
from endpoints import TestEndpoint
from pages import section
from trees import make_meld_tree, meld_row

from builders.stats import wilson

NOTED = "I am sorry to hear that."  # a stock opener: the checks note it
GOOD = "You were looking forward to that, and now it is gone."
BAD = "Assistant: That was yours to decide."  # the checks refuse it


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
    with TestEndpoint(any_model=True) as running:
        yield running


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rows = [meld_row(d, u, Emotion="sadness") for d in range(4) for u in range(5)]
    return make_meld_tree(tmp_path_factory.mktemp("meld"), {"train": rows, "dev": [], "test": []})


def build(source: Path, output: Path, endpoint: TestEndpoint, *more: Any, name: str = "b"):
    return hearten(
        *("build", "--corpus", "meld", "--source", source, "--text-only", "--output", output),
        *("--name", name, "--base-url", endpoint.base_url, *more),
    )


def drafting(folder: Path) -> list[dict[str, Any]]:
    return [record["drafting"] for record in samples(folder)]


def test_two_models_draft_and_the_notes_of_the_checks_choose(tmp_path, source, endpoint):
    endpoint.control(rules=[rule(NOTED, "^a\\b"), rule(GOOD, "^b\\b")])
    ended = build(source, tmp_path, endpoint, "--model", "a", "--model", "b")
    assert ended.code == 0, ended.err
    endpoint_log = endpoint.log()
    records = samples(tmp_path / "b")
    assert {record["desired_response"]["text"] for record in records} == {GOOD}
    assert {record["drafting"]["model"] for record in records} == {"b"}
    for record in records:
        (other,) = record["drafting"]["candidates"]
        assert (other["model"], other["draft"], other["reason"]) == ("a", 1, None)
        assert other["reply"]["text"] == NOTED
        assert [one["code"] for one in other["checks"]] == ["stock_opener"]
        assert other["request_key"] != record["drafting"]["request_key"]
    count = len(records)
    assert endpoint_log["count"] >= 2 * count
    low = f"{wilson(1.0, count)[0]:.1%}"
    assert f"drafts: the notes of the checks chose {count} replies, a hash of the" in ended.out
    assert f"  b: {count} of {count} replies, 100.0% ({low} to 100.0%)" in ended.out
    page = section((tmp_path / "b" / "report.html").read_text(), "Drafts")
    assert page.row("b")[4] == str(count) and page.row("a")[3:5] == [str(count), "0"]
    status = hearten("status", tmp_path / "b")
    assert "drafted by a and b, " in status.out


def test_of_drafts_with_as_few_notes_a_hash_chooses_and_not_length_or_order(
    tmp_path, source, endpoint
):
    longer = f"{GOOD} Nothing makes up for it."
    endpoint.control(rules=[rule(GOOD, "^a\\b"), rule(longer, "^b\\b")])
    assert build(source, tmp_path, endpoint, "--model", "a", "--model", "b").code == 0
    assert build(source, tmp_path, endpoint, "--model", "b", "--model", "a", name="c").code == 0
    chosen = {}
    for record in samples(tmp_path / "b"):
        keys = [record["drafting"], *record["drafting"]["candidates"]]
        assert record["drafting"]["request_key"] == min(one["request_key"] for one in keys)
        chosen[record["id"]] = record["drafting"]["model"]
    assert Counter(chosen.values()).keys() == {"a", "b"}
    assert chosen == {r["id"]: r["drafting"]["model"] for r in samples(tmp_path / "c")}


def test_more_drafts_ask_for_the_new_ones_alone_and_fewer_for_none(tmp_path, source, endpoint):
    endpoint.control(rules=[])
    one = build(source, tmp_path, endpoint, "--model", "m", name="one")
    assert one.code == 0 and endpoint.log()["count"] > 0
    count = manifest(tmp_path / "one")["result"]["counts"]["kept"]
    assert all(found["candidates"] is None for found in drafting(tmp_path / "one"))
    endpoint.control()
    said = build(source, tmp_path, endpoint, "--model", "m", "--drafts", 3, "--estimate", name="x")
    assert f"{count} targets: {count} responses cached, {2 * count} requests to make" in said.out
    three = build(source, tmp_path, endpoint, "--model", "m", "--drafts", 3, name="three")
    assert three.code == 0
    assert endpoint.log()["count"] == 2 * count == manifest(tmp_path / "three")["run"]["requests"]
    seeds = {one["seed"] for found in drafting(tmp_path / "three") for one in found["candidates"]}
    assert len(seeds) == 2 * count
    endpoint.control()
    back = build(source, tmp_path, endpoint, "--model", "m", name="back")
    assert back.code == 0 and endpoint.log()["count"] == 0
    assert (tmp_path / "back" / "data").is_dir()
    assert samples(tmp_path / "back") == samples(tmp_path / "one")


def test_another_number_of_drafts_for_a_finished_build_is_said(tmp_path, source, endpoint):
    endpoint.control(rules=[])
    assert build(source, tmp_path, endpoint, "--model", "m").code == 0
    endpoint.control()
    line = one_line_error(build(source, tmp_path, endpoint, "--model", "m", "--drafts", 3))
    assert "drafts changed from 1 to 3 since this build was started" in line
    line = one_line_error(build(source, tmp_path, endpoint, "--model", "m", "--model", "n"))
    assert 'drafters changed from ["m"] to ["m","n"] since this build was started' in line
    assert endpoint.log()["count"] == 0


def test_a_draft_that_is_given_up_stays_out_and_is_counted(tmp_path, source, endpoint):
    endpoint.control(rules=[rule(BAD, "^a\\b"), rule(NOTED, "^b\\b")])
    ended = build(source, tmp_path, endpoint, "--model", "a", "--model", "b")
    assert ended.code == 0, ended.err
    for found in drafting(tmp_path / "b"):
        (other,) = found["candidates"]
        assert (other["reason"], other["reply"], other["checks"]) == ("role_prefix", None, None)
        assert len(other["request_key"]) == 64
    count = manifest(tmp_path / "b")["result"]["counts"]["kept"]
    assert f"  a: 0 of {count} replies, 0.0% " in ended.out
    assert f"0 of {count} drafts accepted, given up: {count} role_prefix" in ended.out


def test_where_no_draft_is_accepted_the_target_is_a_reject_that_says_why(
    tmp_path, source, endpoint
):
    lone = rule(BAD, "^a\\b")
    endpoint.control(rules=[lone, rule("Take two aspirin before you go to bed.", "^b\\b")])
    ended = build(source, tmp_path, endpoint, "--model", "a", "--model", "b")
    assert ended.code == 3 and "rejected" in ended.err


def test_a_model_that_answers_nothing_is_left_out_and_the_other_goes_on(tmp_path, source, endpoint):
    endpoint.control(rules=[rule(GOOD, "^a\\b")])
    dead = ("--model", "a", "--model", "b@http://127.0.0.1:9/v1")
    first = build(source, tmp_path, endpoint, *dead)
    assert first.code == 3
    assert "warning: b: " in first.err and "nothing more is asked of it, a goes on" in first.err
    count = 20
    assert f"{count} targets wait for drafts of b (" in first.err
    assert "or go on with --model a and --resume never" in first.err
    assert endpoint.log()["count"] >= count  # all of them, though the first failure came early
    endpoint.control(rules=[rule(GOOD, "^a\\b")])
    alone = build(source, tmp_path, endpoint, "--model", "a", "--resume", "never")
    assert alone.code == 0, alone.err
    assert endpoint.log()["count"] == 0


def test_a_prompt_that_one_model_is_refused_for_good_is_drafted_by_the_other(
    tmp_path, source, endpoint
):
    endpoint.control(rules=[])
    refuses = [{"kind": "content_filter", "match": "sentence 3 of"}]
    with TestEndpoint(any_model=True, faults=refuses) as other:
        at_another = f"b@{other.base_url}"
        ended = build(source, tmp_path, endpoint, "--model", "a", "--model", at_another)
        assert ended.code == 0, ended.err
        assert other.log()["count"] > 20  # its own address is asked
    reasons = Counter(
        one["reason"] for found in drafting(tmp_path / "b") for one in found["candidates"]
    )
    assert reasons["content_filter"] >= 4


@pytest.mark.slow
def test_a_killed_build_goes_on_and_comes_out_the_same(tmp_path, source):
    with TestEndpoint(any_model=True, latency=0.3, slots=4) as endpoint:
        flags = ("--model", "a", "--model", "b", "--drafts", "2", "--max-concurrency", "4")
        args = (
            *("build", "--corpus", "meld", "--source", source, "--text-only", "--name", "b"),
            *("--output", tmp_path / "killed", "--base-url", endpoint.base_url, *flags),
        )
        running = subprocess.Popen(command(*args), env=environment(), stdout=subprocess.DEVNULL)
        while endpoint.log()["count"] < 12:
            assert running.poll() is None
        running.send_signal(signal.SIGKILL)
        running.wait()
        endpoint.control(latency=0.0, keep_log=True)
        assert hearten(*args).code == 0
        again = sum(count - 1 for count in endpoint.log()["requests"].values())
        assert again <= 4 + 64
        assert build(source, tmp_path / "whole", endpoint, *flags).code == 0
    assert result_bytes(tmp_path / "killed" / "b") == result_bytes(tmp_path / "whole" / "b")


def test_a_budget_stops_all_models(tmp_path, source, endpoint):
    endpoint.control(rules=[])
    flags = ("--model", "a", "--model", "b", "--max-tokens", 9000)
    ended = build(source, tmp_path, endpoint, *flags)
    assert ended.code == 3 and "the budget --max-tokens 9000 is reached" in ended.err
    assert "goes on" not in ended.err, ended.err


def test_the_phrasebook_makes_several_drafts_too(tmp_path):
    ended = hearten(
        *("build", "--corpus", "meld", "--sample", "--text-only", "--drafts", 2),
        *("--output", tmp_path, "--show", 0),
    )
    assert ended.code == 0, ended.err
    found = drafting(tmp_path / "meld-sample")
    assert all(len(one["candidates"]) == 1 for one in found)
    assert sha256(found[0]["request_key"].encode())  # a key of its own
    assert len({one["candidates"][0]["request_key"] for one in found}) == len(found)


def test_a_model_that_is_named_twice_is_one_line(tmp_path, source, endpoint):
    line = one_line_error(build(source, tmp_path, endpoint, "--model", "a", "--model", "a"))
    assert "a is listed more than once" in line
