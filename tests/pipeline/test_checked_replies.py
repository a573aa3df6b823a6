"""A build keeps no reply that a check refuses, corrects what it can, and counts the reasons."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
from builds import ROOT, hearten, manifest, samples
from endpoints import TestEndpoint
from invented import HAPPY, reply, target

from builders.errors import LabelError
from builders.pipeline.preconditions import check_tables
from builders.settings import make_config
from builders.tasks.reply.checks.candidate import Candidate
from builders.tasks.reply.checks.registry import run_checks
from builders.tasks.reply.checks.scene import Setting

# What somebody says in another dialogue of the sample.
LATER = "I see, so the last bus leaves at six."
GOOD = "You were looking forward to that, and now it is gone."
REPLY = {
    "emotion": "neutral",
    "strategies": ["validation"],
    "awareness": {"act": "acknowledges", "emotions": ["sadness"]},
}
CELEBRATES = {"act": "celebrates", "emotions": ["sadness"]}


def rule(text: str, match: str = "", **parts: object) -> dict[str, object]:
    return {"match": match, "answer": {**REPLY, "text": text, **parts}}


@pytest.fixture(scope="module")
def endpoint():
    with TestEndpoint(any_model=True, keep_bodies=True) as running:
        yield running


def build(endpoint: TestEndpoint, folder, rules: list) -> dict[str, int]:
    endpoint.control(rules=rules, keep_bodies=True)
    ended = hearten(
        *("build", "--corpus", "meld", "--sample", "--text-only", "--emotion", "sadness"),
        *("--model", "m", "--base-url", endpoint.base_url, "--output", folder, "--name", "b"),
    )
    assert ended.code in (0, 1, 3), ended.err
    rejected = pq.read_table(folder / "b" / "rejected.parquet").to_pylist()
    return {row["reason"]: row["detail"] for row in rejected if row["stage"] == "draft"}


@pytest.mark.parametrize(
    ("text", "parts", "code"),
    [
        ("Das tut mir wirklich sehr leid für dich.", {}, "other_language"),
        ("Assistant: That was yours to decide.", {}, "role_prefix"),
        ("Take two aspirin before you go to bed.", {}, "medical_advice"),
        (LATER, {}, "recites"),
        (GOOD, {"emotion": "anger"}, "emotion_against_label"),
        (
            GOOD,
            {"awareness": {"act": "celebrates", "emotions": ["sadness"]}},
            "act_against_emotion",
        ),
    ],
)
def test_a_model_that_answers_everybody_so_has_nothing_kept(endpoint, tmp_path, text, parts, code):
    reasons = build(endpoint, tmp_path, [rule(text, **parts)])
    assert [*reasons] == [code]


def test_a_fault_is_said_to_the_model_and_the_corrected_reply_is_kept(endpoint, tmp_path):
    said = "a label stands before the words"
    rules = [rule(GOOD, match=said), rule("Assistant: That was yours.")]
    assert build(endpoint, tmp_path, rules) == {}
    kept = samples(tmp_path / "b")
    assert {record["desired_response"]["text"] for record in kept} == {GOOD}
    assert manifest(tmp_path / "b")["result"]["fits"]["recited"]


def test_what_is_noted_is_in_the_record(endpoint, tmp_path):
    assert build(endpoint, tmp_path, [rule(f"I'm so sorry to hear that. {GOOD}")]) == {}
    for record in samples(tmp_path / "b"):
        (note,) = record["checks"]["results"]
        assert (note["code"], note["severity"]) == ("stock_opener", "note")


def test_a_language_without_tables_stops_before_anything_is_asked(tmp_path):
    sample = ROOT / "builders/corpora/meld/sample"
    config = make_config(corpus="meld", source=sample, name="a", output=tmp_path)
    with pytest.raises(LabelError, match="replies in 'tlh' cannot be checked"):
        check_tables(config, False, "tlh")


def test_replies_in_a_region_of_a_language_are_checked_as_those_of_the_language():
    scene = Setting(language="en-AU").scene(target(1))
    assert scene.language == "en"  # or its own words could count as those of another language
    good = Candidate(reply(), HAPPY, scene=scene)
    foreign = Candidate(
        reply(text="Das ist ja wunderbar, und du hast es verdient!"), HAPPY, scene=scene
    )
    assert not run_checks(good).faults
    assert "other_language" in {fault.code for fault in run_checks(foreign).faults}
