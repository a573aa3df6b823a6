"""`build --redraft unmatched`: what a judge cannot match is drafted again; another one measures."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from builds import hearten, one_line_error, samples
from endpoints import TestEndpoint

from builders.evaluation.pairs import pairs_of
from builders.evaluation.results import results
from builders.evaluation.unmatched import voice_words_in
from builders.record.dataset import Build

FIRST = {"match": "", "answer": {"voice_1": "A"}}
AGAIN = "It would suit the same words said in another voice"
# One reply for each feeling, so that a judge who knows the voices can match them.
SAYS = {
    "happiness": "What a lovely thing to have happen on such a day.",
    "sadness": "That weighs on you, and there is no need to hurry past it.",
    "anger": "Anyone would be upset about that, and rightly so.",
    "fear": "That is a lot to be uneasy about all at once.",
    "disgust": "Nobody would want to come near that a second time.",
    "neutral": "All right, go on whenever it suits you.",
    "unknown": "Tell me a little more, so that I follow it.",
}
ACTS = {"neutral": "respects", "unknown": "respects", "happiness": "celebrates"}
TALKS = {root: f"I hear it in your voice. {said}" for root, said in SAYS.items()}


def replies(text: dict[str, str]) -> list[dict[str, Any]]:
    """Return rules of a drafter who says one thing for each feeling, once told what is wrong."""
    return [
        {
            "match": rf"(?s)Emotion of [^\n]*: {root}\b.*{AGAIN}",
            "answer": {
                **{"text": said, "emotion": "neutral", "strategies": ["mindful_presence"]},
                "awareness": {"act": ACTS.get(root, "acknowledges"), "emotions": [root]},
            },
        }
        for root, said in text.items()
    ]


def knowing(folder: Path, text: dict[str, str]) -> dict[str, Any]:
    """Return what makes a fit judge who knows which of these replies answers which voice."""
    pairs = [pair for pair in pairs_of(Build(folder)) if pair.can_be_told]
    members = [member for pair in pairs for member in (pair.one, pair.other)]
    return {"judges": "oracle", "knows": [[m.words, m.voice, text[m.root]] for m in members]}


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True) as running:
        yield running


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, endpoint: TestEndpoint) -> Path:
    """A build of CREMA-D's sample by a drafter, none of whose pairs the judge `selects` matched."""
    root = tmp_path_factory.mktemp("unmatched")
    assert run(root, endpoint, "--show", 0).code == 0
    endpoint.control(rules=[FIRST], judges="")
    where = ("--model", "selects", "--base-url", endpoint.base_url)
    assert hearten("judge", root / "out" / "crema_d-sample", *where).code == 0
    return root


@pytest.fixture
def root(once: Path, tmp_path: Path) -> Path:
    shutil.copytree(once, tmp_path / "copy")
    return tmp_path / "copy"


def run(root: Path, endpoint: TestEndpoint, *more: Any):
    return hearten(
        *("build", "--corpus", "crema_d", "--sample", "--plan", "none", "--output", root / "out"),
        *("--model", "drafter", "--base-url", endpoint.base_url, *more),
    )


def again(root: Path, endpoint: TestEndpoint, *more: Any):
    judges = ("--judge-model", f"selects@{endpoint.base_url}")
    return run(root, endpoint, "--redraft", "unmatched", "--show", 0, *judges, *more)


@pytest.mark.slow
def test_pairs_are_mended_and_another_judge_says_so(root, endpoint):
    folder = root / "out" / "crema_d-sample"
    endpoint.control(rules=replies(SAYS), **knowing(folder, SAYS))
    ended = again(root, endpoint, "--after-judge", f"measures@{endpoint.base_url}")
    assert ended.code == 0, ended.err
    assert "round 1: 0 replies still not matched" in ended.out and "round 2" not in ended.out
    assert re.search(r"before: 0 of 15 pairs matched in both orders by measures", ended.out)
    assert re.search(r"after: 15 of 15 pairs matched in both orders by measures", ended.out)
    second = root / "out" / "crema_d-sample@2"
    store = str(root / "out" / "hearten.sqlite")
    assert [row["model"] for row in results(Build(second), store)] == ["measures"]
    assert not (root / "out" / ".rounds").exists()
    asked = endpoint.log()["count"]
    ended = again(root, endpoint, "--after-judge", f"measures@{endpoint.base_url}")
    assert ended.code == 0 and endpoint.log()["count"] == asked, "nothing is asked twice"


@pytest.mark.slow
def test_three_rounds_are_the_most_and_nobody_measures_unasked(root, endpoint):
    endpoint.control(rules=[FIRST], judges="")
    ended = again(root, endpoint)
    assert ended.code == 0, ended.err
    rounds = re.findall(r"round (\d): ([\d,]+) replies still not matched", ended.out)
    assert [number for number, _ in rounds] == ["1", "2", "3"] and rounds[2][1] != "0"
    assert "not measured: selects selected these replies" in ended.out
    kept = json.loads((root / "out" / "crema_d-sample@2" / "redraft.json").read_text())
    assert kept["judge"] == "selects"
    assert {len(notes) for notes in kept["notes"].values()} == {3}


@pytest.mark.slow
def test_a_pair_that_is_matched_by_talk_of_the_voice_is_not_mended(root, endpoint):
    folder = root / "out" / "crema_d-sample"
    endpoint.control(rules=replies(TALKS), **knowing(folder, TALKS))
    ended = again(root, endpoint, "--after-judge", f"measures@{endpoint.base_url}")
    assert ended.code == 0, ended.err
    assert "round 3: " in ended.out and "round 3: 0 " not in ended.out
    assert "after: 0 of 15 pairs matched in both orders by measures, 15 only by talk" in ended.out
    texts = {
        record["desired_response"]["text"]
        for record in samples(folder.with_name("crema_d-sample@2"))
    }
    assert any("your voice" in text for text in texts)


@pytest.mark.slow
def test_a_judge_that_is_not_fit_measures_nothing(root, endpoint):
    endpoint.control(rules=[FIRST], judges="")
    ended = again(root, endpoint, "--after-judge", f"measures@{endpoint.base_url}")
    assert ended.code == 0, ended.err
    assert "not measured: measures cannot match our own minimal pairs" in ended.out
    assert "before:" not in ended.out


def test_the_judge_that_selected_measures_nothing(root, endpoint):
    ended = again(root, endpoint, "--estimate")
    assert "further rounds of drafts and the questions to the judges come on top" in ended.out
    ended = again(root, endpoint, "--after-judge", f"selects@{endpoint.base_url}")
    assert ended.code == 2
    assert "--after-judge selects selected what was drafted again" in one_line_error(ended)
    ended = run(root, endpoint, "--redraft", "unmatched")
    assert "--redraft unmatched is given without --judge-model" in one_line_error(ended)
    ended = run(root, endpoint, "--redraft", "unmatched", "--judge-model", "another")
    assert "--judge-model another did not judge the pairs last" in one_line_error(ended)
    ended = run(root, endpoint, "--after-judge", "another")
    assert "--judge-model and --after-judge need --redraft unmatched" in one_line_error(ended)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("It is all there in your voice.", "your voice"),
        ("You sound worn out.", "you sound"),
        ("You\u2019re sounding better.", "you're sounding"),
        ("That sounds hard.", None),
        ("Your voices matter at the vote.", None),
    ],
)
def test_talk_of_the_voice_is_found(reply, found):
    assert voice_words_in(reply) == found
