"""Models qualify before they count: what a build does with those that do, and those that do not."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from builds import hearten, manifest, one_line_error, result_bytes, samples
from endpoints import TestEndpoint

SILENT = [{"match": "cannot hear it", "answer": {"emotion": "cannot_tell"}}]
FIRST_SOUND = [{"match": "two sounds", "answer": {"higher": "first", "faster": "first"}}]
# Neutral, and blind to all else: right about 14 lines of 100.
NEUTRAL = [{"match": "cannot hear it", "answer": {"emotion": "neutral"}}]


@pytest.fixture
def endpoint():
    with TestEndpoint(any_model=True) as running:
        yield running


def build(endpoint: TestEndpoint, folder, *more):
    return hearten(
        *("build", "--corpus", "crema_d", "--sample", "--output", folder, "--show", 0),
        *("--base-url", endpoint.base_url, *more),
    )


def votes(*models: str) -> list[str]:
    return [part for model in models for part in ("--vote-model", model)]


def classes(folder) -> Counter:
    found = [record["audio_contribution"] for record in samples(folder)]
    return Counter(one and one["class"] for one in found)


def test_readers_who_never_tell_make_no_class_and_no_subset_and_are_named(endpoint, tmp_path):
    endpoint.control(rules=SILENT)
    ended = build(endpoint, tmp_path, "--model", "mx", *votes("v1", "v2", "v3"))
    assert ended.code == 0, ended.err
    folder = tmp_path / "crema_d-sample"
    assert classes(folder) == {None: 20}
    result = manifest(folder)["result"]
    assert result["contribution"] == {
        **{"models": [], "needed": None, "failed": {}},
        "reason": "no_model_qualified_to_vote",
    }
    said = [line for line in ended.out.splitlines() if "did not qualify to vote" in line]
    assert [line.split()[0] for line in said] == ["v1", "v2", "v3"]
    assert "the words tell 0 of 100 (0% to 4%, needed 70%)" in said[0]
    assert "do not tell 100 of 100 (96% to 100%)" in said[0]
    assert "no sample has a class of audio contribution: no model qualified" in ended.out
    # Nothing more than the lines is asked of them, and the drafts.
    assert manifest(folder)["run"]["requests"] == 3 * 200 + 20
    page = (folder / "report.html").read_text()
    assert "Models that were measured first" in page and "No model qualified to vote" in page
    to = ("--to", tmp_path / "strong")
    refused = hearten("export", folder, "--format", "ms-swift", "--subset", "strong", *to)
    assert refused.code == 1 and "no model qualified to vote" in one_line_error(refused)
    told = hearten("publish", folder, "--dry-run", "--repo", "a/b")
    assert told.code == 0 and "strong_audio" not in told.out


def test_who_is_always_neutral_does_not_vote_beside_one_who_reads(endpoint, tmp_path):
    # An oracle of the lines, who finds that the twelve sentences of the corpus do not tell.
    endpoint.control(rules=SILENT, reads=True)
    assert build(endpoint, tmp_path, *votes("oracle"), "--limit", 1, "--name", "first").code == 0
    endpoint.control(rules=NEUTRAL, reads=False)
    assert build(endpoint, tmp_path, *votes("lazy"), "--limit", 1, "--name", "second").code == 0
    endpoint.control(rules=SILENT)
    ended = build(endpoint, tmp_path, *votes("lazy", "oracle"))
    assert ended.code == 0, ended.err
    # Both were asked before: nothing is paid twice, and only the oracle votes.
    assert endpoint.log()["count"] < 20
    assert "lazy did not qualify" in ended.out and "oracle qualified to vote" in ended.out
    folder = tmp_path / "crema_d-sample"
    assert classes(folder) == {"audio_solvable": 17, None: 3}
    found = [r["audio_contribution"] for r in samples(folder) if r["audio_contribution"]]
    assert {vote["model"] for one in found for vote in one["votes"]} == {"oracle"}
    parts = {one["model"]: one for one in manifest(folder)["result"]["qualification"]}
    assert [part["right"] for part in parts["lazy"]["parts"]] == [14, 0]
    assert manifest(folder)["result"]["contribution"]["models"] == ["oracle"]


def test_an_estimate_counts_the_questions_until_they_are_answered(endpoint, tmp_path):
    ended = build(endpoint, tmp_path, *votes("v1"), "--caption-model", "ear", "--estimate")
    assert re.search("qualification of v1: 0 cached, 200 requests to make, about", ended.out)
    assert re.search("qualification of ear: 0 cached, 40 requests to make, about", ended.out)
    assert endpoint.log()["count"] == 0
    endpoint.control(rules=SILENT)
    assert build(endpoint, tmp_path, *votes("v1"), "--limit", 1, "--name", "first").code == 0
    ended = build(endpoint, tmp_path, *votes("v1"), "--estimate")
    assert "qualification of v1 (it did not qualify): 200 cached, 0 requests" in ended.out
    assert "votes of v1" not in ended.out


@pytest.mark.slow
def test_a_budget_holds_over_the_questions_and_the_next_run_goes_on(endpoint, tmp_path):
    endpoint.control(reads=True, rules=SILENT)
    stopped = build(endpoint, tmp_path, *votes("v1"), "--max-tokens", 5000, "--max-concurrency", 1)
    assert stopped.code == 3 and "--max-tokens 5000 is reached" in one_line_error(stopped)
    before = endpoint.log()["count"]
    assert 0 < before < 200
    assert build(endpoint, tmp_path, *votes("v1")).code == 0
    assert build(endpoint, tmp_path / "whole", *votes("v1")).code == 0
    assert result_bytes(tmp_path / "crema_d-sample") == result_bytes(
        tmp_path / "whole" / "crema_d-sample"
    )


@pytest.mark.slow
def test_questions_without_a_response_leave_the_build_to_the_next_run(endpoint, tmp_path):
    endpoint.control(reads=True, rules=SILENT, faults=[{"kind": "drop", "match": "my diary"}])
    ended = build(endpoint, tmp_path, *votes("v1"))
    assert ended.code == 3
    assert "1 questions that v1 qualifies by have no response yet" in one_line_error(ended)
    assert not (tmp_path / "crema_d-sample" / "manifest.json").exists()


def test_who_cannot_tell_high_from_low_describes_no_clip(endpoint, tmp_path):
    endpoint.control(rules=FIRST_SOUND)
    ended = build(endpoint, tmp_path, "--model", "mx", "--caption-model", "ear")
    assert ended.code == 0, ended.err
    assert "ear did not qualify to describe clips, so it describes no clip" in ended.out
    assert "higher 20 of 40 (35% to 65%, needed 80%)" in ended.out
    folder = tmp_path / "crema_d-sample"
    captions = manifest(folder)["result"]["captions"]
    assert captions == {"kept": 0, "dropped": {"model_not_qualified": 20}}
    assert not any(record["voice"]["caption"] for record in samples(folder))


def test_who_hears_qualifies_and_describes(endpoint, tmp_path):
    ended = build(endpoint, tmp_path, "--model", "mx", "--caption-model", "ear")
    assert ended.code == 0, ended.err
    assert "ear qualified to describe clips: hears which of two sounds is higher 40 of 40" in (
        ended.out
    )
    captions = manifest(tmp_path / "crema_d-sample")["result"]["captions"]
    assert captions["kept"] > 10 and "model_not_qualified" not in captions["dropped"]


def test_a_captioner_that_gets_no_sound_is_told_apart_by_what_it_cannot_do(endpoint, tmp_path):
    endpoint.control(deaf=True)
    ended = build(endpoint, tmp_path, "--model", "mx", "--caption-model", "ear")
    assert ended.code == 1 and "ear" in one_line_error(ended)
